//! Who did it.

/// Who caused an event: never an e-mail or another address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// A person or organisation, by a public handle or an opaque id.
    User {
        /// The handle or id.
        id: String,
    },
    /// A job that an identity token speaks for.
    Oidc(OidcActor),
    /// The registry itself.
    System {
        /// Which part of it.
        id: Option<String>,
    },
}

/// A job, by the claims of its identity token.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OidcActor {
    /// Who issued the token.
    pub issuer: String,
    /// The repository.
    pub repository: Option<String>,
    /// The workflow.
    pub workflow: Option<String>,
    /// The ref.
    pub reference: Option<String>,
    /// The deployment environment.
    pub environment: Option<String>,
}

impl Actor {
    /// The kind, as statements write it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Oidc(_) => "oidc",
            Self::System { .. } => "system",
        }
    }
}
