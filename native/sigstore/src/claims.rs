//! Fulcio's certificate extensions, 1.3.6.1.4.1.57264.1.1 to .24
//! (<https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>).

/// One claim: the last arc of its object identifier, its name here, and whether its value is DER (later ones) or bare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The number after 1.3.6.1.4.1.57264.1.
    pub arc: u32,
    /// Its name in results and options.
    pub name: &'static str,
    /// Whether the extension holds a DER UTF8String; else the text itself.
    pub der: bool,
}

const fn bare(arc: u32, name: &'static str) -> Claim {
    Claim { arc, name, der: false }
}

const fn der(arc: u32, name: &'static str) -> Claim {
    Claim { arc, name, der: true }
}

/// Every claim Fulcio defines (.7 is not one: it is the type of a subject alternative name).
pub const CLAIMS: &[Claim] = &[
    bare(1, "issuer_v1"),
    bare(2, "github_workflow_trigger"),
    bare(3, "github_workflow_sha"),
    bare(4, "github_workflow_name"),
    bare(5, "github_workflow_repository"),
    bare(6, "github_workflow_ref"),
    der(8, "issuer"),
    der(9, "build_signer_uri"),
    der(10, "build_signer_digest"),
    der(11, "runner_environment"),
    der(12, "source_repository_uri"),
    der(13, "source_repository_digest"),
    der(14, "source_repository_ref"),
    der(15, "source_repository_identifier"),
    der(16, "source_repository_owner_uri"),
    der(17, "source_repository_owner_identifier"),
    der(18, "build_config_uri"),
    der(19, "build_config_digest"),
    der(20, "build_trigger"),
    der(21, "run_invocation_uri"),
    der(22, "source_repository_visibility"),
    der(23, "deployment_environment"),
    der(24, "token_subject"),
];

/// The claim called `name`.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Claim> {
    CLAIMS.iter().find(|c| c.name == name)
}

pub(crate) fn by_arc(arc: u32) -> Option<&'static Claim> {
    CLAIMS.iter().find(|c| c.arc == arc)
}
