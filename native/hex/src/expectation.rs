//! What an attestation must be about.

use provenance_log::leaf::Event;
use provenance_log::purl::Package;
use provenance_log::tree::Hash;

use crate::attestation::Attestation;
use crate::error::{Fault, Result};
use crate::limits::wide;

/// What must be so; what is not stated is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    /// The event must be one of these.
    pub events: Vec<Event>,
    /// The event's id.
    pub id: Option<String>,
    /// The package, its repository included.
    pub package: Option<Package>,
    /// One of the versions that the event is about.
    pub version: Option<String>,
    /// The registry's URL.
    pub registry: Option<String>,
    /// SHA-256 of one of the things that the event is about; of a release of that version, where one is expected.
    pub digest: Option<Hash>,
}

impl Expectations {
    /// Checks an attestation.
    ///
    /// # Errors
    /// `event_refused` with the first field that is not as expected; `subject_absent`.
    pub fn check(&self, attestation: &Attestation) -> Result<()> {
        let event = attestation.event();
        if !self.events.is_empty() && !self.events.contains(&event) {
            let expected: Vec<_> = self.events.iter().map(|event| event.as_str()).collect();
            return refused("event", &expected.join(" or "), event.as_str());
        }
        same("registry", self.registry.as_deref(), &attestation.registry)?;
        same("package", self.package.as_ref().map(Package::as_str), attestation.package.as_str())?;
        same("id", self.id.as_deref(), &attestation.id)?;
        self.check_version(attestation)?;
        self.check_digest(attestation)
    }

    fn check_version(&self, attestation: &Attestation) -> Result<()> {
        let Some(version) = &self.version else { return Ok(()) };
        if attestation.releases.iter().any(|release| release.version == *version) {
            return Ok(());
        }
        let actual = match (attestation.version(), attestation.releases.len()) {
            (Some(version), _) => version.to_owned(),
            (None, 0) => "none".to_owned(),
            (None, count) => format!("{count} others"),
        };
        refused("version", version, &actual)
    }

    fn check_digest(&self, attestation: &Attestation) -> Result<()> {
        let Some(digest) = &self.digest else { return Ok(()) };
        let of_version = |version: &String| {
            attestation.releases.iter().any(|release| release.version == *version && release.digest == *digest)
        };
        let subjects = attestation.subjects();
        if self.version.as_ref().map_or_else(|| subjects.contains(digest), of_version) {
            return Ok(());
        }
        let digest = format!("sha256:{}", provenance_log::encoding::hex_encode(digest));
        Err(Fault::SubjectAbsent { digest, subjects: wide(subjects.len()) }.into())
    }
}

fn same(field: &'static str, expected: Option<&str>, actual: &str) -> Result<()> {
    match expected {
        Some(expected) if expected != actual => refused(field, expected, actual),
        _ => Ok(()),
    }
}

fn refused(field: &'static str, expected: &str, actual: &str) -> Result<()> {
    let quote = provenance_base::quote;
    Err(Fault::EventRefused { field, expected: quote(expected), actual: quote(actual) }.into())
}
