//! Who owns a package and who may publish it: lists with a canonical form, whose digest an event is about.

use std::collections::{BTreeMap, BTreeSet};

use provenance_base::json::write_canonical;
use provenance_base::words;
use provenance_log::tree::{Hash, sha256};
use serde_json::{Value, json};

words! {
    /// What an owner may do.
    OwnerLevel {
        /// Everything.
        Full = "full",
        /// Everything but deciding on owners.
        Maintainer = "maintainer",
    }
}

/// The owners of a package: who, by handle, at which level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners(pub BTreeMap<String, OwnerLevel>);

/// Whose jobs may publish a package without any other secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Publisher {
    /// Who issues the jobs' identity tokens.
    pub issuer: String,
    /// What the tokens must claim.
    pub claims: BTreeMap<String, String>,
}

/// The trusted publishers of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publishers(pub BTreeSet<Publisher>);

impl Owners {
    /// SHA-256 of the canonical list: RFC 8785 of `[{"level":LEVEL,"owner":HANDLE}]`, sorted by handle.
    #[must_use]
    pub fn digest(&self) -> Hash {
        digest(&self.to_value())
    }

    pub(crate) fn to_value(&self) -> Value {
        self.0.iter().map(|(owner, level)| json!({"owner": owner, "level": level.as_str()})).collect()
    }
}

impl Publisher {
    pub(crate) fn to_value(&self) -> Value {
        json!({"issuer": self.issuer, "claims": self.claims})
    }
}

impl Publishers {
    /// SHA-256 of the canonical list: RFC 8785 of `[{"claims":{NAME:VALUE},"issuer":URL}]`, sorted by issuer, then by
    /// claims, name by name and value by value, as bytes.
    #[must_use]
    pub fn digest(&self) -> Hash {
        digest(&self.to_value())
    }

    pub(crate) fn to_value(&self) -> Value {
        self.0.iter().map(Publisher::to_value).collect()
    }
}

fn digest(list: &Value) -> Hash {
    sha256(write_canonical(list).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_documented_form() {
        let owners =
            Owners([("b", OwnerLevel::Full), ("a", OwnerLevel::Maintainer)].map(|(o, l)| (o.to_owned(), l)).into());
        let text = r#"[{"level":"maintainer","owner":"a"},{"level":"full","owner":"b"}]"#;
        assert_eq!(owners.digest(), sha256(text.as_bytes()));
        assert_eq!(Owners::default().digest(), sha256(b"[]"));
        let publisher = |repository: &str| Publisher {
            issuer: "https://i.example".to_owned(),
            claims: [("repository".to_owned(), repository.to_owned())].into(),
        };
        let publishers = Publishers([publisher("o/b"), publisher("o/a")].into());
        let text = r#"[{"claims":{"repository":"o/a"},"issuer":"https://i.example"},{"claims":{"repository":"o/b"},"issuer":"https://i.example"}]"#;
        assert_eq!(publishers.digest(), sha256(text.as_bytes()));
    }
}
