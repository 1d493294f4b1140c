//! What the SLSA library takes.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::OnceLock;

use provenance_sigstore::{Fault, Result, hex_encode};
use provenance_slsa::builder::{BuilderId, Refs, Signer};
use provenance_slsa::expectation::{Input, Source, Unrecognised, VersionTag};
use provenance_slsa::produce::{self, Production, TokenClaims};
use provenance_slsa::vsa::{About, SlsaResult, SummaryExpectations, TrustedVerifier};
use provenance_slsa::{
    BuildType, BuildTypes, BuilderRow, Builders, Claims, Dialect, DigestSet, Expectations, Level, Limits, Matcher,
    Record, ResourceDescriptor, Rules, Statement,
};
use rustler::{Atom, Binary, ListIterator, MapIterator, ResourceArc, Term};
use serde_json::{Map, Value};

use super::{
    EVIDENCE, binary, evidence_member as member, invalid, items, json, matcher, members, tagged, unknown, utf8,
};
use crate::atoms;
use crate::resource::SlsaRules;
use crate::slsa;

const TEXT: &str = "a UTF-8 binary";

/// The rules of a call: its own, or those prepared before.
pub(crate) enum RulesOption {
    Own(Box<Rules>),
    WellKnown,
    Prepared(ResourceArc<SlsaRules>),
}

impl Deref for RulesOption {
    type Target = Rules;

    fn deref(&self) -> &Rules {
        match self {
            Self::Own(rules) => rules,
            Self::WellKnown => well_known(),
            Self::Prepared(rules) => &rules.rules,
        }
    }
}

pub(crate) fn well_known() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(Rules::well_known)
}

/// Rules by which judging a small statement is short work.
pub(crate) fn short_rules(term: Term<'_>) -> Option<RulesOption> {
    match term.decode::<ResourceArc<SlsaRules>>() {
        Ok(prepared) => prepared.short.then_some(RulesOption::Prepared(prepared)),
        Err(_) => term.map_size().is_ok_and(|size| size == 0).then_some(RulesOption::WellKnown),
    }
}

pub(crate) fn rules_option(term: Term<'_>) -> slsa::Result<RulesOption> {
    if let Ok(prepared) = term.decode() {
        return Ok(RulesOption::Prepared(prepared));
    }
    if term.map_size().is_ok_and(|size| size == 0) {
        return Ok(RulesOption::WellKnown);
    }
    Ok(RulesOption::Own(Box::new(rules(term)?)))
}

pub(crate) fn rules(term: Term<'_>) -> slsa::Result<Rules> {
    let mut rules = well_known().clone();
    for (name, value) in members("options", term)? {
        match name {
            n if atoms::builders() == n => rules.builders = builders(value)?,
            n if atoms::build_types() == n => rules.build_types = build_types(value)?,
            n if atoms::expect() == n => rules.expectations = expectations(value)?,
            n if atoms::limits() == n => rules.limits = limits(value)?,
            n => return Err(unknown("", n, "builders, build_types, expect or limits").into()),
        }
    }
    Ok(rules)
}

/// Rows beside the well-known ones, or `{only, Rows}`.
fn builders(term: Term<'_>) -> slsa::Result<Builders> {
    let (first, rows) = match tagged(term) {
        Some((tag, rows)) if atoms::only() == tag => (Builders::none(), rows),
        _ => (well_known().builders.clone(), term),
    };
    items("builders", rows)?.try_fold(first, |table, row| Ok(table.with(builder_row(row)?)))
}

fn builder_row(term: Term<'_>) -> slsa::Result<BuilderRow> {
    const SIGNER: &str = "{workflow, Matcher}, {identity, Matcher} or {key, KeyId}";
    let mut row = BuilderRow {
        name: String::new(),
        instances: Vec::new(),
        issuer: None,
        signer: Signer::Key(String::new()),
        builder_id: BuilderId::Signer,
        build_types: Vec::new(),
        runner_environment: None,
        refs: Refs::Releases { commits: Vec::new() },
        own_repository: None,
        max_level: Level::L0,
        reason: String::new(),
        source: String::new(),
    };
    let mut signed = false;
    for (name, value) in members("builders", term)? {
        match name {
            n if atoms::name() == n => row.name = utf8("builders.name", value, TEXT)?,
            n if atoms::instances() == n => row.instances = texts("builders.instances", value)?,
            n if atoms::issuer() == n => row.issuer = Some(matcher("builders.issuer", value)?),
            n if atoms::signer() == n => {
                row.signer = row_signer(value)?;
                signed = true;
            }
            n if atoms::builder_id() == n => row.builder_id = builder_id(value)?,
            n if atoms::build_types() == n => row.build_types = matchers("builders.build_types", value)?,
            n if atoms::runner_environment() == n => {
                row.runner_environment = Some(utf8("builders.runner_environment", value, TEXT)?);
            }
            n if atoms::refs() == n => row.refs = refs(value)?,
            n if atoms::own_repository() == n => {
                row.own_repository = Some(utf8("builders.own_repository", value, TEXT)?);
            }
            n if atoms::max_level() == n => row.max_level = level("builders.max_level", value)?,
            n if atoms::reason() == n => row.reason = utf8("builders.reason", value, TEXT)?,
            n if atoms::source() == n => row.source = utf8("builders.source", value, TEXT)?,
            n => {
                let known = "name, instances, issuer, signer, builder_id, build_types, runner_environment, refs, \
                             own_repository, max_level, reason or source";
                return Err(unknown("builders.", n, known).into());
            }
        }
    }
    match (signed, &row) {
        (false, _) => Err(invalid("builders.signer", SIGNER).into()),
        (_, row) if row.name.is_empty() || row.reason.is_empty() => {
            Err(invalid("builders", "a name and a reason in every row").into())
        }
        (_, row) if row.issuer.is_none() && !matches!(row.signer, Signer::Key(_)) => {
            Err(invalid("builders.issuer", "the issuer of every signer that is no key").into())
        }
        _ => Ok(row),
    }
}

fn row_signer(term: Term<'_>) -> Result<Signer> {
    const EXPECTED: &str = "{workflow, Matcher}, {identity, Matcher} or {key, KeyId}";
    match tagged(term) {
        Some((tag, value)) if atoms::workflow() == tag => matcher("builders.signer", value).map(Signer::Workflow),
        Some((tag, value)) if atoms::identity() == tag => matcher("builders.signer", value).map(Signer::Identity),
        Some((tag, value)) if atoms::key() == tag => key_id("builders.signer", value).map(Signer::Key),
        _ => Err(invalid("builders.signer", EXPECTED)),
    }
}

fn builder_id(term: Term<'_>) -> Result<BuilderId> {
    match tagged(term) {
        None if atoms::signer() == term => Ok(BuilderId::Signer),
        Some((tag, value)) if atoms::workflow() == tag => {
            matcher("builders.builder_id", value).map(BuilderId::Workflow)
        }
        Some((tag, value)) if atoms::named() == tag => matcher("builders.builder_id", value).map(BuilderId::Named),
        _ => Err(invalid("builders.builder_id", "signer, {workflow, Matcher} or {named, Matcher}")),
    }
}

fn refs(term: Term<'_>) -> Result<Refs> {
    match tagged(term) {
        None if atoms::any() == term => Ok(Refs::Any),
        None if atoms::releases() == term => Ok(Refs::Releases { commits: Vec::new() }),
        Some((tag, commits)) if atoms::releases() == tag => {
            Ok(Refs::Releases { commits: texts("builders.refs", commits)? })
        }
        _ => Err(invalid("builders.refs", "any, releases or {releases, Commits}")),
    }
}

/// Build types beside the well-known ones, or `{only, BuildTypes}`.
fn build_types(term: Term<'_>) -> slsa::Result<BuildTypes> {
    let (first, rows) = match tagged(term) {
        Some((tag, rows)) if atoms::only() == tag => (BuildTypes::none(), rows),
        _ => (well_known().build_types.clone(), term),
    };
    items("build_types", rows)?.try_fold(first, |table, row| Ok(table.with(build_type(row)?)))
}

fn build_type(term: Term<'_>) -> Result<BuildType> {
    const DIALECT: &str = "the name of a dialect, such as github_publisher";
    let (mut uri, mut dialect, mut source) = (None, None, String::new());
    for (name, value) in members("build_types", term)? {
        match name {
            n if atoms::uri() == n => uri = Some(matcher("build_types.uri", value)?),
            n if atoms::dialect() == n => {
                let named = value.atom_to_string().unwrap_or_default();
                dialect = Dialect::ALL.into_iter().find(|d| d.as_str() == named);
            }
            n if atoms::source() == n => source = utf8("build_types.source", value, TEXT)?,
            n => return Err(unknown("build_types.", n, "uri, dialect or source")),
        }
    }
    let uri = uri.ok_or_else(|| invalid("build_types.uri", "a UTF-8 binary, or {pattern, Binary}"))?;
    Ok(BuildType { uri, dialect: dialect.ok_or_else(|| invalid("build_types.dialect", DIALECT))?, source })
}

fn expectations(term: Term<'_>) -> slsa::Result<Expectations> {
    let mut expected = Expectations::default();
    let (mut version, mut template) = (None, None);
    for (name, value) in members("expect", term)? {
        match name {
            n if atoms::source() == n => expected.source = Some(source(value)?),
            n if atoms::source_id() == n => expected.source_id = Some(utf8("expect.source_id", value, TEXT)?),
            n if atoms::owner_id() == n => expected.owner_id = Some(utf8("expect.owner_id", value, TEXT)?),
            n if atoms::refs() == n => expected.refs = matchers("expect.refs", value)?,
            n if atoms::branch() == n => expected.branch = Some(matcher("expect.branch", value)?),
            n if atoms::tag() == n => expected.tag = Some(matcher("expect.tag", value)?),
            n if atoms::version() == n => version = Some(utf8("expect.version", value, TEXT)?),
            n if atoms::version_tag() == n => template = Some(utf8("expect.version_tag", value, TEXT)?),
            n if atoms::commit() == n => expected.commit = Some(utf8("expect.commit", value, TEXT)?),
            n if atoms::workflow() == n => expected.workflow = Some(matcher("expect.workflow", value)?),
            n if atoms::signer() == n => expected.signer = Some(matcher("expect.signer", value)?),
            n if atoms::signer_digest() == n => {
                expected.signer_digest = Some(utf8("expect.signer_digest", value, TEXT)?);
            }
            n if atoms::issuer() == n => expected.issuer = Some(matcher("expect.issuer", value)?),
            n if atoms::triggers() == n => expected.triggers = some("expect.triggers", texts, value)?,
            n if atoms::runner_environment() == n => {
                expected.runner_environment = Some(matcher("expect.runner_environment", value)?);
            }
            n if atoms::environment() == n => expected.environment = Some(matcher("expect.environment", value)?),
            n if atoms::visibility() == n => expected.visibility = Some(matcher("expect.visibility", value)?),
            n if atoms::build_types() == n => expected.build_types = some("expect.build_types", matchers, value)?,
            n if atoms::builder() == n => expected.builder = Some(matcher("expect.builder", value)?),
            n if atoms::inputs() == n => expected.inputs = inputs(value)?,
            n if atoms::only_these_inputs() == n => {
                expected.only_these_inputs =
                    value.decode().map_err(|_| invalid("expect.only_these_inputs", "a boolean"))?;
            }
            n if atoms::unrecognised() == n => expected.unrecognised = unrecognised(value)?,
            n if atoms::min_level() == n => expected.min_level = level("expect.min_level", value)?,
            n => {
                let known = "source, source_id, owner_id, refs, branch, tag, version, version_tag, commit, workflow, signer, \
                             signer_digest, issuer, triggers, runner_environment, environment, visibility, build_types, \
                             builder, inputs, only_these_inputs, unrecognised or min_level";
                return Err(unknown("expect.", n, known).into());
            }
        }
    }
    expected.version_tag = match (version, template) {
        (Some(version), template) => Some(VersionTag::new(&version, template.as_deref())?),
        (None, None) => None,
        (None, Some(_)) => return Err(invalid("expect.version", "a version beside version_tag").into()),
    };
    Ok(expected)
}

/// A list that expects nothing would expect anything.
fn some<T>(option: &str, read: fn(&str, Term<'_>) -> Result<Vec<T>>, term: Term<'_>) -> Result<Vec<T>> {
    let list = read(option, term)?;
    if list.is_empty() { Err(invalid(option, "at least one")) } else { Ok(list) }
}

fn source(term: Term<'_>) -> slsa::Result<Source> {
    match tagged(term) {
        Some((tag, _)) if atoms::pattern() == tag => Ok(Source::Pattern(matcher("expect.source", term)?)),
        _ => Ok(Source::exact(&utf8("expect.source", term, "a URL in a UTF-8 binary, or {pattern, Binary}")?)?),
    }
}

fn inputs(term: Term<'_>) -> Result<BTreeMap<String, Input>> {
    let read = |(name, value)| Ok((utf8("expect.inputs", name, "UTF-8 binaries as names")?, input(value)?));
    members("expect.inputs", term)?.map(read).collect()
}

fn input(term: Term<'_>) -> Result<Input> {
    match tagged(term) {
        None if atoms::any() == term => Ok(Input::Any),
        None if atoms::absent() == term => Ok(Input::Absent),
        Some((tag, value)) if atoms::equal() == tag => json::value("expect.inputs", value).map(Input::Equal),
        _ => matcher("expect.inputs", term).map(Input::Matches),
    }
}

fn unrecognised(term: Term<'_>) -> Result<Unrecognised> {
    match term {
        t if atoms::refuse() == t => Ok(Unrecognised::Refuse),
        t if atoms::report() == t => Ok(Unrecognised::Report),
        _ => Err(invalid("expect.unrecognised", "refuse or report")),
    }
}

fn level(option: &str, term: Term<'_>) -> Result<Level> {
    term.decode().ok().and_then(Level::from_number).ok_or_else(|| invalid(option, "0, 1, 2 or 3"))
}

fn limits(term: Term<'_>) -> Result<Limits> {
    let mut limits = Limits::default();
    super::read_limits(term, &mut limits, Limits::by_name)?;
    Ok(limits)
}

fn texts(option: &str, term: Term<'_>) -> Result<Vec<String>> {
    items(option, term)?.map(|item| utf8(option, item, "a list of UTF-8 binaries")).collect()
}

fn matchers(option: &str, term: Term<'_>) -> Result<Vec<Matcher>> {
    let matchers: Vec<_> = items(option, term)?.map(|item| matcher(option, item)).collect::<Result<_>>()?;
    if matchers.is_empty() { Err(invalid(option, "at least one")) } else { Ok(matchers) }
}

pub(crate) fn record(term: Term<'_>) -> slsa::Result<Record> {
    let mut fields = Vec::new();
    for (name, value) in members("record", term)? {
        let name = name.atom_to_string().map_err(|_| invalid("record", "the fields of a record by name"))?;
        fields.push((name, utf8("record", value, TEXT)?));
    }
    Ok(Record::from_fields(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))?)
}

/// What a summary says beside the judgement.
pub(crate) fn about(term: Term<'_>) -> Result<About> {
    let mut about = About::default();
    for (name, value) in members("about", term)? {
        match name {
            n if atoms::verifier() == n => about.verifier_id = utf8("about.verifier", value, TEXT)?,
            n if atoms::verifier_version() == n => about.verifier_version = pairs("about.verifier_version", value)?,
            n if atoms::time_verified() == n => about.time_verified = Some(utf8("about.time_verified", value, TEXT)?),
            n if atoms::resource_uri() == n => about.resource_uri = utf8("about.resource_uri", value, TEXT)?,
            n if atoms::policy() == n => about.policy = resource("about.policy", value)?,
            n if atoms::input_attestations() == n => {
                about.input_attestations = resources("about.input_attestations", value)?
            }
            n if atoms::carried() == n => {
                about.carried = texts("about.carried", value)?.iter().map(|text| SlsaResult::parse(text)).collect();
            }
            n => {
                let known =
                    "verifier, verifier_version, time_verified, resource_uri, policy, input_attestations or carried";
                return Err(unknown("about.", n, known));
            }
        }
    }
    Ok(about)
}

fn pairs(option: &str, term: Term<'_>) -> Result<Vec<(String, String)>> {
    members(option, term)?.map(|(name, value)| Ok((utf8(option, name, TEXT)?, utf8(option, value, TEXT)?))).collect()
}

fn resources(option: &str, term: Term<'_>) -> Result<Vec<ResourceDescriptor>> {
    items(option, term)?.map(|item| resource(option, item)).collect()
}

fn resource(option: &str, term: Term<'_>) -> Result<ResourceDescriptor> {
    let mut resource = ResourceDescriptor::default();
    for (name, value) in members(option, term)? {
        let absent = atoms::undefined() == value || atoms::nil() == value;
        match name {
            n if (atoms::name() == n || atoms::uri() == n) && absent => {}
            n if atoms::name() == n => resource.name = Some(utf8(option, value, TEXT)?),
            n if atoms::uri() == n => resource.uri = Some(utf8(option, value, TEXT)?),
            n if atoms::digests() == n => resource.digest = pairs(option, value)?.into_iter().collect(),
            n => return Err(unknown(&format!("{option}."), n, "name, uri or digests")),
        }
    }
    Ok(resource)
}

pub(crate) fn summary_expectations(term: Term<'_>) -> Result<SummaryExpectations> {
    let mut expected = SummaryExpectations { verifiers: Vec::new(), resource_uri: String::new(), levels: Vec::new() };
    for (name, value) in members("expect", term)? {
        match name {
            n if atoms::verifiers() == n => {
                expected.verifiers = items("expect.verifiers", value)?.map(verifier).collect::<Result<_>>()?;
            }
            n if atoms::resource_uri() == n => expected.resource_uri = utf8("expect.resource_uri", value, TEXT)?,
            n if atoms::levels() == n => {
                expected.levels = texts("expect.levels", value)?.iter().map(|text| SlsaResult::parse(text)).collect();
            }
            n => return Err(unknown("expect.", n, "verifiers, resource_uri or levels")),
        }
    }
    Ok(expected)
}

fn verifier(term: Term<'_>) -> Result<TrustedVerifier> {
    let mut verifier = TrustedVerifier { id: String::new(), signer: None, issuer: None, key: None };
    for (name, value) in members("expect.verifiers", term)? {
        match name {
            n if atoms::id() == n => verifier.id = utf8("expect.verifiers.id", value, TEXT)?,
            n if atoms::signer() == n => verifier.signer = Some(matcher("expect.verifiers.signer", value)?),
            n if atoms::issuer() == n => verifier.issuer = Some(matcher("expect.verifiers.issuer", value)?),
            n if atoms::key() == n => verifier.key = Some(key_id("expect.verifiers.key", value)?),
            n => return Err(unknown("expect.verifiers.", n, "id, signer, issuer or key")),
        }
    }
    let by_key = verifier.key.is_some();
    let by_name = verifier.signer.is_some() && verifier.issuer.is_some();
    if verifier.id.is_empty() || by_key == by_name {
        return Err(invalid("expect.verifiers", "an id with either a key, or a signer and an issuer"));
    }
    Ok(verifier)
}

/// Who writes the provenance of a platform's jobs.
pub(crate) fn producer(term: Term<'_>) -> Result<Producer> {
    match term {
        t if atoms::github() == t => Ok(produce::github),
        t if atoms::gitlab() == t => Ok(produce::gitlab),
        _ => Err(invalid("platform", "github or gitlab")),
    }
}

pub(crate) type Producer = fn(&TokenClaims, &Production) -> provenance_slsa::Result<Statement>;

pub(crate) fn token_claims(term: Term<'_>) -> Result<TokenClaims> {
    object("claims", term)
}

pub(crate) fn production(term: Term<'_>) -> Result<Production> {
    let mut production = Production::default();
    for (name, value) in members("production", term)? {
        match name {
            n if atoms::subjects() == n => production.subjects = resources("production.subjects", value)?,
            n if atoms::build_type() == n => production.build_type = Some(utf8("production.build_type", value, TEXT)?),
            n if atoms::inputs() == n => production.inputs = Some(object("production.inputs", value)?),
            n if atoms::unverified() == n => production.unverified = object("production.unverified", value)?,
            n => return Err(unknown("production.", n, "subjects, build_type, inputs or unverified")),
        }
    }
    Ok(production)
}

fn object(option: &str, term: Term<'_>) -> Result<Map<String, Value>> {
    match json::value(option, term)? {
        Value::Object(object) => Ok(object),
        _ => Err(invalid(option, "a map")),
    }
}

/// A key is known by the SHA-256 of its SubjectPublicKeyInfo.
fn key_id(option: &str, term: Term<'_>) -> Result<String> {
    let id = binary(option, term)?;
    if id.len() == 32 { Ok(hex_encode(&id)) } else { Err(invalid(option, "a key id: 32 bytes")) }
}

/// What a verification found, as far as a judgement needs it.
pub(crate) struct Verified<'a> {
    pub(crate) statement: Binary<'a>,
    pub(crate) claims: Claims,
    pub(crate) artifact: DigestSet,
}

impl Verified<'_> {
    /// The artifact as a subject: by the digests that were verified, and by no name.
    pub(crate) fn subjects(&self) -> Vec<ResourceDescriptor> {
        vec![ResourceDescriptor { digest: self.artifact.clone(), ..ResourceDescriptor::default() }]
    }
}

/// Reads the evidence of a verified bundle with a statement. Nothing that was not verified has this shape.
pub(crate) fn evidence(term: Term<'_>) -> Result<Verified<'_>> {
    let content = member(term, atoms::content())?;
    if atoms::message() == content {
        let reason = "the bundle signs its artifact, and states nothing about it".to_owned();
        return Err(Fault::StatementInvalid { field: "payloadType".to_owned(), reason }.into());
    }
    let mut claims = signer(member(term, atoms::signer())?)?;
    let instance = member(member(term, atoms::trust())?, atoms::instance())?;
    claims.instance = Some(utf8("evidence", instance, EVIDENCE)?);
    let digests = members("evidence", member(term, atoms::artifact())?)?;
    let artifact = digests
        .map(|(name, digest)| {
            let name = name.atom_to_string().map_err(|_| invalid("evidence", EVIDENCE))?;
            Ok((name, hex_encode(&binary("evidence", digest)?)))
        })
        .collect::<Result<_>>()?;
    Ok(Verified { statement: binary("evidence", member(content, atoms::statement_bytes())?)?, claims, artifact })
}

/// Evidence of which judging is short work, if it is.
pub(crate) fn short_evidence(term: Term<'_>) -> Result<Option<Verified<'_>>> {
    if is_short(term).unwrap_or_default() { evidence(term).map(Some) } else { Ok(None) }
}

/// Whether the statement and all the claims are small. `None` where the evidence has another shape.
fn is_short<'a>(term: Term<'a>) -> Option<bool> {
    let get = |map: Term<'a>, key: Atom| map.map_get(key).ok();
    let length = |term: Term<'_>| Binary::from_term(term).map_or(0, |bytes| bytes.len());
    let statement = length(get(get(term, atoms::content())?, atoms::statement_bytes())?);
    let signer = get(term, atoms::signer())?;
    let claims = get(signer, atoms::claims())?;
    let sans = get(signer, atoms::sans())?;
    if statement > SHORT_STATEMENT || claims.map_size().ok()? > SHORT_LIST || sans.list_length().ok()? > SHORT_LIST {
        return Some(false);
    }
    let claims = MapIterator::new(claims)?.map(|(_, value)| length(value));
    let sans = sans.decode::<ListIterator<'_>>().ok()?.filter_map(tagged).map(|(_, value)| length(value));
    let digests = get(term, atoms::artifact())?.map_size().ok()?;
    Some(claims.chain(sans).sum::<usize>() <= SHORT_CLAIMS && digests <= SHORT_LIST)
}

/// Bytes of a statement that is judged where it is asked for: by a measure of the worst one, well below a millisecond.
const SHORT_STATEMENT: usize = 8 << 10;
const SHORT_CLAIMS: usize = 4 << 10;
const SHORT_LIST: usize = 64;

fn signer(term: Term<'_>) -> Result<Claims> {
    if atoms::key() == member(term, atoms::kind())? {
        let id = binary("evidence", member(term, atoms::key_id())?)?;
        return Ok(Claims { key: Some(hex_encode(&id)), ..Claims::default() });
    }
    let mut claims = Claims::default();
    for (name, value) in members("evidence", member(term, atoms::claims())?)? {
        let name = name.atom_to_string().map_err(|_| invalid("evidence", EVIDENCE))?;
        // Claims that no judgement has a use for are not in its list.
        claims.set(&name, &utf8("evidence", value, EVIDENCE)?);
    }
    for san in items("evidence", member(term, atoms::sans())?)? {
        let (_, value) = tagged(san).ok_or_else(|| invalid("evidence", EVIDENCE))?;
        claims.sans.push(utf8("evidence", value, EVIDENCE)?);
    }
    Ok(claims)
}
