//! Verification summary attestations, v1 (<https://slsa.dev/spec/v1.2/verification_summary>): made unsigned, to be signed
//! elsewhere, and verified with every MUST of the specification.

mod verify;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::error::{Fault, Result, quote};
use crate::fields::{Fields, Object, put, put_text};
use crate::judge::Judgement;
use crate::limits::{Limits, within};
use crate::provenance::{is_foreign, unsupported};
use crate::resource::ResourceDescriptor;
use crate::statement::{Statement, Version};

pub use verify::{Summary, SummaryExpectations, TrustedVerifier, verify};

/// The predicate type.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// The version of SLSA that this library follows.
pub const SLSA_VERSION: &str = "1.2";

/// A verification summary.
#[derive(Debug, Clone, PartialEq)]
pub struct Vsa {
    /// Who verified.
    pub verifier_id: String,
    /// Versions of the verifier's components.
    pub verifier_version: Vec<(String, String)>,
    /// When (RFC 3339).
    pub time_verified: Option<String>,
    /// What the artifact is to be used as.
    pub resource_uri: String,
    /// What it was verified against; has a `uri`.
    pub policy: ResourceDescriptor,
    /// All attestations that were used, each with a digest; empty when the verifier does not say.
    pub input_attestations: Vec<ResourceDescriptor>,
    /// Whether it passed.
    pub passed: bool,
    /// At most one level a track.
    pub verified_levels: Vec<SlsaResult>,
    /// How many dependencies are at each level. `None`: nothing is said; empty: it has no dependencies at all.
    pub dependency_levels: Option<BTreeMap<SlsaResult, u64>>,
    /// `MAJOR.MINOR` of the specification.
    pub slsa_version: Option<String>,
}

/// A result of evaluating an artifact: a level of a track, or anything else by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlsaResult {
    /// `SLSA_TRACK_LEVEL_N`
    Level {
        /// The track, such as `BUILD` or `SOURCE`.
        track: String,
        /// The level.
        level: u64,
    },
    /// `SLSA_TRACK_LEVEL_UNEVALUATED`
    Unevaluated {
        /// The track.
        track: String,
    },
    /// `FAILED`
    Failed,
    /// A verified property (`SLSA_BUILD_REPRODUCED`), or a value of the verifier's own.
    Named(String),
}

/// Names beginning with `SLSA_` that the specification defines besides levels.
const PROPERTIES: [&str; 2] = ["SLSA_SOURCE_TWO_PARTY_REVIEWED", "SLSA_BUILD_REPRODUCED"];

impl SlsaResult {
    /// Reads a result. Any text is one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let level = || {
            let (track, level) = text.strip_prefix("SLSA_")?.split_once("_LEVEL_")?;
            let named = !track.is_empty() && track.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            let track = named.then(|| track.to_owned())?;
            let canonical = level == "0" || !level.starts_with('0');
            match level {
                "UNEVALUATED" => Some(Self::Unevaluated { track }),
                _ if canonical && level.bytes().all(|b| b.is_ascii_digit()) => {
                    level.parse().ok().map(|level| Self::Level { track, level })
                }
                _ => None,
            }
        };
        if text == "FAILED" { Self::Failed } else { level().unwrap_or_else(|| Self::Named(text.to_owned())) }
    }

    /// The track, for a level of one.
    #[must_use]
    pub fn track(&self) -> Option<&str> {
        match self {
            Self::Level { track, .. } | Self::Unevaluated { track } => Some(track),
            Self::Failed | Self::Named(_) => None,
        }
    }

    /// Custom values must not begin with `SLSA_`.
    fn may_be_written(&self) -> bool {
        match self {
            Self::Named(name) => !name.starts_with("SLSA_") || PROPERTIES.contains(&name.as_str()),
            _ => true,
        }
    }
}

impl fmt::Display for SlsaResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level { track, level } => write!(f, "SLSA_{track}_LEVEL_{level}"),
            Self::Unevaluated { track } => write!(f, "SLSA_{track}_LEVEL_UNEVALUATED"),
            Self::Failed => f.write_str("FAILED"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// What a summary of a judgement needs beside the judgement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// Who verified.
    pub verifier_id: String,
    /// Versions of the verifier's components.
    pub verifier_version: Vec<(String, String)>,
    /// When (RFC 3339); this library has no clock.
    pub time_verified: Option<String>,
    /// What the artifact is to be used as.
    pub resource_uri: String,
    /// What it was verified against.
    pub policy: ResourceDescriptor,
    /// All attestations that were used.
    pub input_attestations: Vec<ResourceDescriptor>,
    /// Results of other tracks that were verified elsewhere, such as the source track's.
    pub carried: Vec<SlsaResult>,
}

impl Vsa {
    /// Summarises a judgement: its build level beside the carried results, or `FAILED` where anything was refused.
    ///
    /// # Errors
    /// `predicate_invalid` when the specification forbids what would be said.
    pub fn of(judgement: &Judgement, about: About) -> Result<Self> {
        let passed = judgement.accepted();
        let level = u64::from(judgement.level().number());
        let build = SlsaResult::Level { track: "BUILD".to_owned(), level };
        let verified_levels = if passed { [vec![build], about.carried].concat() } else { vec![SlsaResult::Failed] };
        let vsa = Self {
            verifier_id: about.verifier_id,
            verifier_version: about.verifier_version,
            time_verified: about.time_verified,
            resource_uri: about.resource_uri,
            policy: about.policy,
            input_attestations: about.input_attestations,
            passed,
            verified_levels,
            dependency_levels: None,
            slsa_version: Some(SLSA_VERSION.to_owned()),
        };
        vsa.check_written()?;
        Ok(vsa)
    }

    /// The summary as an unsigned statement about those subjects.
    ///
    /// # Errors
    /// `predicate_invalid` when the specification forbids what it says; `statement_invalid` for subjects that cannot be.
    pub fn to_statement(&self, subjects: Vec<ResourceDescriptor>, limits: &Limits) -> Result<Statement> {
        self.check_written()?;
        let statement = Statement {
            version: Version::V1,
            subjects,
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: self.predicate(),
        };
        Statement::from_value(&statement.to_value(), limits)
    }

    /// Reads the predicate of a statement.
    ///
    /// # Errors
    /// `predicate_unsupported` for another predicate type, and for BCID's; `predicate_invalid`; `input_too_large`.
    pub fn from_statement(statement: &Statement, limits: &Limits) -> Result<Self> {
        if statement.predicate_type != PREDICATE_TYPE {
            return Err(unsupported(&statement.predicate_type, ""));
        }
        let fields = Fields::predicate(&statement.predicate, "predicate", limits);
        let at = fields.path("verifier");
        let verifier = fields.within(fields.object("verifier")?, &at);
        let verifier_id = verifier.required("id")?.to_owned();
        if is_foreign(&verifier_id) {
            return Err(unsupported(&statement.predicate_type, &verifier_id));
        }
        let vsa = Self {
            verifier_id,
            verifier_version: verifier.texts("version")?,
            time_verified: fields.text("timeVerified")?.map(str::to_owned),
            resource_uri: fields.required("resourceUri")?.to_owned(),
            policy: fields.resource("policy")?,
            input_attestations: fields.resources("inputAttestations")?,
            passed: read_result(fields)?,
            verified_levels: read_levels(fields)?,
            dependency_levels: read_dependency_levels(fields)?,
            slsa_version: fields.text("slsaVersion")?.map(str::to_owned),
        };
        vsa.check()?;
        Ok(vsa)
    }

    /// What holds for every summary, whoever wrote it.
    fn check(&self) -> Result<()> {
        require(!self.verifier_id.is_empty(), "verifier.id", "not a text")?;
        require(!self.resource_uri.is_empty(), "resourceUri", "not a text")?;
        require(self.policy.uri.is_some(), "policy.uri", "not a text")?;
        require(self.time_verified.as_deref().is_none_or(is_timestamp), "timeVerified", "not a timestamp of RFC 3339")?;
        let digests = self.input_attestations.iter().all(|a| !a.digest.is_empty());
        require(digests, "inputAttestations", "an attestation without a digest")?;
        require(!self.verified_levels.is_empty(), "verifiedLevels", "not a list of at least one result")?;
        let mut tracks: Vec<_> = self.verified_levels.iter().filter_map(SlsaResult::track).collect();
        tracks.sort_unstable();
        let twice = tracks.windows(2).any(|pair| pair.first() == pair.last());
        require(!twice, "verifiedLevels", "more than one level of a track")?;
        let failed = self.verified_levels.contains(&SlsaResult::Failed);
        require(!(failed && self.passed), "verifiedLevels", "FAILED although the result is PASSED")
    }

    /// What this library writes is stricter than what it reads.
    fn check_written(&self) -> Result<()> {
        self.check()?;
        let counted = self.dependency_levels.iter().flat_map(BTreeMap::keys);
        let writable = self.verified_levels.iter().chain(counted).all(SlsaResult::may_be_written);
        require(writable, "verifiedLevels", "a custom value that begins with SLSA_")?;
        let version = self.slsa_version.as_deref().is_none_or(is_major_minor);
        require(version, "slsaVersion", "not MAJOR.MINOR")
    }

    fn predicate(&self) -> Object {
        let mut verifier = Object::new();
        put_text(&mut verifier, "id", Some(&self.verifier_id));
        let version: Object = self.verifier_version.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
        put(&mut verifier, "version", Value::Object(version));
        let mut object = Object::new();
        put(&mut object, "verifier", Value::Object(verifier));
        put_text(&mut object, "timeVerified", self.time_verified.as_deref());
        put_text(&mut object, "resourceUri", Some(&self.resource_uri));
        put(&mut object, "policy", self.policy.to_value());
        let inputs = self.input_attestations.iter().map(ResourceDescriptor::to_value).collect();
        put(&mut object, "inputAttestations", Value::Array(inputs));
        put_text(&mut object, "verificationResult", Some(if self.passed { "PASSED" } else { "FAILED" }));
        let levels = self.verified_levels.iter().map(|level| level.to_string().into()).collect();
        put(&mut object, "verifiedLevels", Value::Array(levels));
        if let Some(levels) = &self.dependency_levels {
            // Empty says something here: that there are no dependencies.
            let counts = levels.iter().map(|(level, count)| (level.to_string(), (*count).into())).collect();
            object.insert("dependencyLevels".to_owned(), Value::Object(counts));
        }
        put_text(&mut object, "slsaVersion", self.slsa_version.as_deref());
        object
    }
}

fn require(holds: bool, field: &str, reason: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Fault::PredicateInvalid { field: format!("predicate.{field}"), reason: reason.to_owned() }.into())
}

fn read_result(fields: Fields<'_>) -> Result<bool> {
    match fields.required("verificationResult")? {
        "PASSED" => Ok(true),
        "FAILED" => Ok(false),
        other => Err(fields.invalid("verificationResult", &format!("\"{}\"", quote(other)))),
    }
}

fn read_levels(fields: Fields<'_>) -> Result<Vec<SlsaResult>> {
    let list = fields.list("verifiedLevels")?;
    within("verified levels", fields.limits.resources, list.len())?;
    let level = |value: &Value| value.as_str().filter(|t| !t.is_empty()).map(SlsaResult::parse);
    list.iter()
        .map(|value| level(value).ok_or_else(|| fields.invalid("verifiedLevels", "not a list of texts")))
        .collect()
}

fn read_dependency_levels(fields: Fields<'_>) -> Result<Option<BTreeMap<SlsaResult, u64>>> {
    if fields.object.get("dependencyLevels").is_none_or(Value::is_null) {
        return Ok(None);
    }
    let counts = fields.object("dependencyLevels")?.iter().map(|(level, count)| {
        let count = count.as_u64().ok_or_else(|| fields.invalid("dependencyLevels", "a count that is no number"))?;
        Ok((SlsaResult::parse(level), count))
    });
    counts.collect::<Result<_>>().map(Some)
}

fn is_major_minor(text: &str) -> bool {
    let number = |t: &str| !t.is_empty() && t.len() <= 4 && t.bytes().all(|b| b.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor))
}

/// RFC 3339 in UTC, as in-toto writes timestamps: `YYYY-MM-DDTHH:MM:SS[.FRACTION]Z`.
fn is_timestamp(text: &str) -> bool {
    let Some(text) = text.strip_suffix('Z') else { return false };
    let (seconds, fraction) = text.split_once('.').map_or((text, None), |(s, f)| (s, Some(f)));
    let shape = seconds.len() == 19
        && seconds
            .bytes()
            .zip("dddd-dd-ddTdd:dd:dd".bytes())
            .all(|(b, p)| if p == b'd' { b.is_ascii_digit() } else { b == p });
    let number = |range| seconds.get(range).and_then(|t: &str| t.parse::<u8>().ok()).unwrap_or(u8::MAX);
    shape
        && (1..=12).contains(&number(5..7))
        && (1..=31).contains(&number(8..10))
        && number(11..13) <= 23
        && number(14..16) <= 59
        && number(17..19) <= 60
        && fraction.is_none_or(|f| !f.is_empty() && f.len() <= 9 && f.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_and_written() {
        for text in [
            "SLSA_BUILD_LEVEL_3",
            "SLSA_SOURCE_LEVEL_UNEVALUATED",
            "FAILED",
            "SLSA_BUILD_REPRODUCED",
            "MINE",
            "SLSA_BUILD_LEVEL_03",
            "SLSA__LEVEL_1",
        ] {
            assert_eq!(SlsaResult::parse(text).to_string(), text);
        }
        assert_eq!(SlsaResult::parse("SLSA_BUILD_LEVEL_3").track(), Some("BUILD"));
        assert_eq!(SlsaResult::parse("SLSA_BUILD_LEVEL_03").track(), None);
        assert!(!SlsaResult::parse("SLSA_MINE").may_be_written());
        assert!(SlsaResult::parse("SLSA_BUILD_REPRODUCED").may_be_written());
    }

    #[test]
    fn timestamps() {
        for good in ["1985-04-12T23:20:50.52Z", "2026-11-24T00:00:00Z"] {
            assert!(is_timestamp(good), "{good}");
        }
        for bad in [
            "",
            "2026-11-24",
            "2026-13-24T00:00:00Z",
            "2026-11-24T24:00:00Z",
            "2026-11-24T00:00:00+01:00",
            "2026-11-24T00:00:00.Z",
            "2026-11-24t00:00:00Z",
        ] {
            assert!(!is_timestamp(bad), "{bad}");
        }
    }
}
