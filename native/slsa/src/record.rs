//! Trust on first use: what an accepted build looked like, kept to compare later builds with (SLSA v1.2, Verifying
//! artifacts, "Forming expectations").

use crate::error::{Error, Fault, Result, quote};
use crate::expectation::{Expectations, Source};
use crate::judge::Judgement;
use crate::level::Level;
use crate::pattern::Matcher;
use crate::repository::{Repository, branch, split_ref, tag};

/// What an accepted build looked like. Texts only, so that it can be kept in any format.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The repository, canonical.
    pub source: Option<String>,
    /// The repository's immutable id.
    pub source_id: Option<String>,
    /// The owner's immutable id.
    pub owner_id: Option<String>,
    /// `tag`, or the branch as `refs/heads/NAME`, or any other ref as it is.
    pub built_from: Option<String>,
    /// The path of the top-level workflow.
    pub workflow: Option<String>,
    /// The event that started the build.
    pub trigger: Option<String>,
    /// Who vouches for the signer.
    pub issuer: Option<String>,
    /// Who signed, without the ref.
    pub signer: Option<String>,
    /// The signer's ref.
    pub signer_ref: Option<String>,
    /// The signer's commit.
    pub signer_digest: Option<String>,
    /// Where the job that signed ran.
    pub runner_environment: Option<String>,
    /// The build type.
    pub build_type: Option<String>,
    /// `builder.id`, without its ref.
    pub builder: Option<String>,
    /// The names of the inputs, sorted, with spaces between them.
    pub inputs: Option<String>,
    /// `L0` to `L3`.
    pub level: Option<String>,
}

/// The names of a record's fields, in their order.
pub const FIELDS: &[&str] = &[
    "source",
    "source_id",
    "owner_id",
    "built_from",
    "workflow",
    "trigger",
    "issuer",
    "signer",
    "signer_ref",
    "signer_digest",
    "runner_environment",
    "build_type",
    "builder",
    "inputs",
    "level",
];

/// One difference between a record and a later build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The field of [`Record`].
    pub field: &'static str,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

impl Record {
    /// Records an accepted build.
    ///
    /// # Errors
    /// Its refusals, when it was not accepted: nothing is trusted on first use that is refused anyway.
    pub fn of(judgement: &Judgement) -> Result<Self> {
        match Error::from_faults(judgement.refusals.clone()) {
            Some(error) => Err(error),
            None => Ok(Self::describe(judgement)),
        }
    }

    /// What differs in a later build, in the fields' order. A level that rose is no change; the ref and commit of the
    /// signer are, only where the same ref stands for another commit: releases move on, tags do not.
    #[must_use]
    pub fn changes(&self, later: &Judgement) -> Vec<Change> {
        self.changes_to(&Self::describe(later))
    }

    /// As [`Record::changes`], for a later build that was described before.
    #[must_use]
    pub fn changes_to(&self, after: &Self) -> Vec<Change> {
        let same_ref = self.signer == after.signer && self.signer_ref == after.signer_ref;
        let moved = same_ref && self.signer_ref.as_deref().is_some_and(|r| tag(r).is_some());
        FIELDS
            .iter()
            .map(|field| Change { field, before: self.get(field), after: after.get(field) })
            .filter(|change| match change.field {
                "signer_ref" => false,
                "signer_digest" => moved && change.before != change.after,
                "level" => change.after < change.before,
                _ => change.before != change.after,
            })
            .collect()
    }

    /// The record as expectations of later builds.
    ///
    /// # Errors
    /// `option_invalid`, `malformed`, `name_confusable` when the record was changed by hand into something that cannot be.
    pub fn expectations(&self) -> Result<Expectations> {
        let exact = |text: &Option<String>| text.as_deref().map(Matcher::exact).transpose();
        let (mut branch, mut refs) = (None, Vec::new());
        match self.built_from.as_deref() {
            Some("tag") => refs = any_tag()?,
            Some(reference) => match self::branch(reference) {
                Some(name) => branch = Some(Matcher::exact(name)?),
                None => refs.push(Matcher::exact(reference)?),
            },
            None => {}
        }
        Ok(Expectations {
            source: self.source.as_deref().map(Source::exact).transpose()?,
            source_id: self.source_id.clone(),
            owner_id: self.owner_id.clone(),
            refs,
            branch,
            workflow: exact(&self.workflow)?,
            signer: exact(&self.signer)?,
            issuer: exact(&self.issuer)?,
            triggers: self.trigger.iter().cloned().collect(),
            runner_environment: exact(&self.runner_environment)?,
            build_types: exact(&self.build_type)?.into_iter().collect(),
            builder: exact(&self.builder)?,
            min_level: level(self.level.as_deref())?,
            ..Expectations::default()
        })
    }

    /// The fields that are set, by name, in a stable order.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        FIELDS.iter().filter_map(|name| Some((*name, self.get(name)?))).collect()
    }

    /// The record of those fields.
    ///
    /// # Errors
    /// `option_invalid` for a name that is no field.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut record = Self::default();
        for (name, value) in fields {
            let field = record.field(name).ok_or_else(|| Fault::OptionInvalid {
                option: quote(name),
                expected: "a field of a first-use record",
            })?;
            *field = Some(value.to_owned());
        }
        Ok(record)
    }

    /// What a build looks like, accepted or not: to compare with a record, never to become one.
    #[must_use]
    pub fn describe(judgement: &Judgement) -> Self {
        let claims = judgement.claims.as_ref();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let signer = judgement.signer.as_deref().map(split_ref);
        let canonical = |text: &str| Repository::parse(text).map_or_else(|_| text.to_owned(), |r| r.to_string());
        let names: Vec<_> = judgement.inputs.keys().map(String::as_str).collect();
        Self {
            source: judgement.source.as_deref().map(canonical),
            source_id: claims.and_then(|c| c.source_repository_identifier.clone()),
            owner_id: claims.and_then(|c| c.source_repository_owner_identifier.clone()),
            built_from: judgement.reference.as_deref().map(|r| tag(r).map_or(r, |_| "tag").to_owned()),
            workflow: judgement.workflow.clone(),
            trigger: judgement.trigger.clone(),
            issuer: judgement.issuer.clone(),
            signer: owned(signer.map(|(workflow, _)| workflow)),
            signer_ref: owned(signer.and_then(|(_, reference)| reference)),
            signer_digest: claims.and_then(|c| c.build_signer_digest.clone()),
            runner_environment: judgement.runner_environment.clone(),
            build_type: Some(judgement.build_type.clone()),
            builder: owned(Some(split_ref(&judgement.builder).0)),
            inputs: Some(names.join(" ")).filter(|n| !n.is_empty()),
            level: owned(Some(judgement.level().as_str())),
        }
    }

    fn get(&self, name: &str) -> Option<String> {
        self.clone().field(name).and_then(|value| value.take())
    }

    fn field(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "source" => &mut self.source,
            "source_id" => &mut self.source_id,
            "owner_id" => &mut self.owner_id,
            "built_from" => &mut self.built_from,
            "workflow" => &mut self.workflow,
            "trigger" => &mut self.trigger,
            "issuer" => &mut self.issuer,
            "signer" => &mut self.signer,
            "signer_ref" => &mut self.signer_ref,
            "signer_digest" => &mut self.signer_digest,
            "runner_environment" => &mut self.runner_environment,
            "build_type" => &mut self.build_type,
            "builder" => &mut self.builder,
            "inputs" => &mut self.inputs,
            "level" => &mut self.level,
            _ => return None,
        })
    }
}

/// Any tag. `**` ends at an `@`, of which the tags of monorepos have one or two.
fn any_tag() -> Result<Vec<Matcher>> {
    let patterns = ["refs/tags/**", "refs/tags/**@**", "refs/tags/**@**@**"];
    Ok(patterns.into_iter().map(Matcher::pattern).collect::<std::result::Result<_, _>>()?)
}

fn level(text: Option<&str>) -> Result<Level> {
    let Some(text) = text else { return Ok(Level::L0) };
    let known = Level::ALL.into_iter().find(|level| level.as_str() == text);
    known.ok_or_else(|| Fault::OptionInvalid { option: "level".to_owned(), expected: "L0 to L3" }.into())
}
