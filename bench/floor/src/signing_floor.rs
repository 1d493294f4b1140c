//! The cryptography that no keyless signing can leave out: a key, two signatures with it, and the checks that show
//! that what came back verifies. Those are the floor of a verification of such a bundle, each made once.

use std::hint::black_box;
use std::path::Path;

use der::Encode;
use serde_json::{Value, json};

use crate::case::Case;
use crate::check::{Check, Variant};
use crate::ephemeral::Ephemeral;
use crate::{Outcome, during, extract, median, nanoseconds, timed};

pub(crate) struct SigningFloor {
    checks: Vec<Check>,
    artifact: Vec<u8>,
    /// As long as what a certificate request's signature is over.
    request: Vec<u8>,
    /// For timing signatures without making a key.
    key: Ephemeral,
}

impl SigningFloor {
    /// From a folder in which a bundle was left that the library signed.
    pub(crate) fn load(folder: &Path) -> Outcome<Self> {
        let case = Case::load(folder)?;
        let key = Ephemeral::generate()?;
        Ok(Self {
            checks: extract::floor(&case)?,
            artifact: case.artifact,
            request: during("request", key.request_info()?.to_der())?,
            key,
        })
    }

    pub(crate) fn time(&self, n: usize) -> Outcome<String> {
        timed(n, || self.once())
    }

    fn once(&self) -> Outcome<()> {
        let key = Ephemeral::generate()?;
        black_box(key.sign(&self.request)?);
        black_box(key.sign(&self.artifact)?);
        self.checks.iter().try_for_each(|check| check.verify(Variant::Floor))
    }

    /// Every part of it with the median of what it takes, in nanoseconds.
    pub(crate) fn parts(&self, n: usize) -> Outcome<String> {
        let part = |name: &str, once: &dyn Fn() -> Outcome<()>| -> Outcome<Value> {
            Ok(json!({ "part": name, "nanoseconds": median(nanoseconds(n, once)?) }))
        };
        let mut parts = vec![
            part("key generation", &|| Ephemeral::generate().map(|key| drop(black_box(key))))?,
            part("certificate request", &|| self.key.sign(&self.request).map(|bytes| drop(black_box(bytes))))?,
            part("artifact", &|| self.key.sign(&self.artifact).map(|bytes| drop(black_box(bytes))))?,
        ];
        for check in &self.checks {
            parts.push(part(&format!("verify {}", check.name), &|| check.verify(Variant::Floor))?);
        }
        Ok(Value::Array(parts).to_string())
    }
}
