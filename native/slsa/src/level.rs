//! Which level of SLSA's build track a provenance shows, requirement by requirement
//! (<https://slsa.dev/spec/v1.2/build-requirements>), with what was met and what kept it from the next level.

use std::fmt;

use crate::build_type::Facts;
use crate::builder::Found;
use crate::crosscheck::CrossCheck;

/// A level of the build track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// No guarantees.
    #[default]
    L0,
    /// Provenance exists.
    L1,
    /// Hosted, and the provenance is authentic.
    L2,
    /// Isolated, and the provenance is unforgeable.
    L3,
}

impl Level {
    /// All, lowest first.
    pub const ALL: [Self; 4] = [Self::L0, Self::L1, Self::L2, Self::L3];

    /// `L0` to `L3`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L0 => "L0",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        }
    }

    /// 0 to 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::L0 => 0,
            Self::L1 => 1,
            Self::L2 => 2,
            Self::L3 => 3,
        }
    }

    /// The level of that number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|level| u64::from(level.number()) == number)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A requirement of "Producing artifacts" that a provenance can show something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// L1: provenance exists, identifies the output by digest and says how it was made.
    ProvenanceExists,
    /// L2: it comes from the build platform, whose signature was verified and whose claims agree.
    ProvenanceAuthentic,
    /// L2: the build ran on hosted infrastructure.
    Hosted,
    /// L3: the build's own steps could not have written it.
    ProvenanceUnforgeable,
    /// L3: every external parameter is in it.
    ParametersComplete,
    /// L3: builds cannot influence each other.
    Isolated,
}

impl Requirement {
    /// All, lowest level first.
    pub const ALL: [Self; 6] = [
        Self::ProvenanceExists,
        Self::ProvenanceAuthentic,
        Self::Hosted,
        Self::ProvenanceUnforgeable,
        Self::ParametersComplete,
        Self::Isolated,
    ];

    /// Its name as it crosses to other languages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProvenanceExists => "provenance_exists",
            Self::ProvenanceAuthentic => "provenance_authentic",
            Self::Hosted => "hosted",
            Self::ProvenanceUnforgeable => "provenance_unforgeable",
            Self::ParametersComplete => "parameters_complete",
            Self::Isolated => "isolated",
        }
    }

    /// The lowest level that needs it.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::ProvenanceExists => Level::L1,
            Self::ProvenanceAuthentic | Self::Hosted => Level::L2,
            Self::ProvenanceUnforgeable | Self::ParametersComplete | Self::Isolated => Level::L3,
        }
    }
}

/// A requirement, whether it is met, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The requirement.
    pub requirement: Requirement,
    /// Whether it is met.
    pub met: bool,
    /// Why.
    pub because: String,
}

/// A level and how it came about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assessment {
    /// The level.
    pub level: Level,
    /// The row of the builder table that decided, if one did.
    pub builder_row: Option<String>,
    /// Every requirement, lowest level first.
    pub reasons: Vec<Reason>,
}

impl Assessment {
    /// The requirements that are met.
    pub fn met(&self) -> impl Iterator<Item = &Reason> {
        self.reasons.iter().filter(|r| r.met)
    }

    /// What kept it from the next level.
    pub fn kept_from_next(&self) -> impl Iterator<Item = &Reason> {
        let next = self.reasons.iter().filter(|r| !r.met).map(|r| r.requirement.level()).min();
        self.reasons.iter().filter(move |r| !r.met && Some(r.requirement.level()) == next)
    }
}

/// What the level depends on.
pub(crate) struct Basis<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) check: &'a CrossCheck,
    pub(crate) builder: Option<&'a Found<'a>>,
    /// Whether a signer was verified at all.
    pub(crate) signed: bool,
    /// Whether the platform itself signs with a key of its own, so that no claims are needed beside it.
    pub(crate) by_key: bool,
}

/// Judges every requirement.
pub(crate) fn assess(basis: &Basis<'_>) -> Assessment {
    let reasons =
        vec![exists(basis), authentic(basis), hosted(basis), unforgeable(basis), complete(basis), isolated(basis)];
    let failed = reasons.iter().filter(|r| !r.met).map(|r| r.requirement.level().number()).min();
    let reached = failed.map_or(3, |level| u64::from(level).saturating_sub(1));
    Assessment {
        level: Level::from_number(reached).unwrap_or_default(),
        builder_row: basis.builder.map(|found| found.row.name.clone()),
        reasons,
    }
}

fn exists(basis: &Basis<'_>) -> Reason {
    let because = match basis.check.mismatches.first() {
        None => Ok("the provenance names its subjects by digest, its build type and its builder".to_owned()),
        Some(fault) => Err(format!("it does not describe the build that signed it: {fault}")),
    };
    reason(Requirement::ProvenanceExists, because)
}

fn authentic(basis: &Basis<'_>) -> Reason {
    let unverified = &basis.check.unverified;
    let because = if !basis.signed {
        Err("no signature was verified".to_owned())
    } else if basis.builder.is_none() {
        Err("the builder table has no row for this signer, builder and build type under this trust root".to_owned())
    } else if basis.by_key || unverified.is_empty() {
        Ok("the platform's signature was verified, and every field that its claims state agrees".to_owned())
    } else {
        Err(format!("no claim confirms {}", unverified.join(", ")))
    };
    reason(Requirement::ProvenanceAuthentic, because)
}

fn hosted(basis: &Basis<'_>) -> Reason {
    reason(Requirement::Hosted, trusted(basis, Level::L2))
}

fn unforgeable(basis: &Basis<'_>) -> Reason {
    reason(Requirement::ProvenanceUnforgeable, trusted(basis, Level::L3))
}

fn isolated(basis: &Basis<'_>) -> Reason {
    reason(Requirement::Isolated, trusted(basis, Level::L3))
}

/// What the builder table says, which is where the trust comes from.
fn trusted(basis: &Basis<'_>, level: Level) -> Result<String, String> {
    let Some(found) = basis.builder else { return Err("the builder is unknown".to_owned()) };
    let row = found.row;
    if found.level >= level {
        return Ok(format!("builder row {}: {} ({})", row.name, row.reason, row.source));
    }
    if row.max_level < level {
        return Err(format!("builder row {}: {} ({})", row.name, row.reason, row.source));
    }
    Err(format!("builder row {}: {}", row.name, found.caps.join("; ")))
}

fn complete(basis: &Basis<'_>) -> Reason {
    let because = match &basis.facts.incomplete {
        None => Ok("the build type records every external parameter".to_owned()),
        Some(why) => Err(why.clone()),
    };
    reason(Requirement::ParametersComplete, because)
}

fn reason(requirement: Requirement, because: Result<String, String>) -> Reason {
    let met = because.is_ok();
    Reason { requirement, met, because: because.unwrap_or_else(|why| why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assess_with(facts: &Facts, check: &CrossCheck, signed: bool) -> Assessment {
        assess(&Basis { facts, check, builder: None, signed, by_key: false })
    }

    #[test]
    fn an_unknown_builder_is_level_1() {
        let assessment = assess_with(&Facts::default(), &CrossCheck::default(), true);
        assert_eq!(assessment.level, Level::L1);
        let kept: Vec<_> = assessment.kept_from_next().map(|r| r.requirement).collect();
        assert_eq!(kept, [Requirement::ProvenanceAuthentic, Requirement::Hosted]);
        assert_eq!(assessment.met().count(), 2);
    }

    #[test]
    fn contradictions_are_level_0() {
        let fault = crate::error::Fault::NameConfusable { field: "f".into(), value: "v".into(), character: "c".into() };
        let check = CrossCheck { mismatches: vec![fault], ..CrossCheck::default() };
        assert_eq!(assess_with(&Facts::default(), &check, true).level, Level::L0);
    }

    #[test]
    fn numbers_and_names() {
        for level in Level::ALL {
            assert_eq!(Level::from_number(u64::from(level.number())), Some(level));
            assert_eq!(level.to_string(), format!("L{}", level.number()));
        }
        assert_eq!(Level::from_number(4), None);
    }
}
