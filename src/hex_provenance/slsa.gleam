//// SLSA provenance: what was built, from what, by whom, at which level of the build track, and whether that meets what is
//// expected.
////
//// ```gleam
//// let expected =
////   Expectations(
////     ..slsa.no_expectations(),
////     source: Some(Exact("https://github.com/me/app")),
////     version: Some("1.2.3"),
////     min_level: 2,
////   )
//// slsa.verify(bundle, File("app.tar"), slsa.any_signer(), Rules(..slsa.default_rules(), expect: expected))
//// ```
////
//// Nothing that a provenance says of itself is believed: every field that the signer's certificate states too is compared
//// with it, and levels come from a table of builders. Signed by whom is thus judged here: an identity need not be expected
//// before.
////
//// What could not be evaluated is `Error(Failure)`; what was evaluated and refused is a judgement with `refusals`. `enforce`
//// makes errors of both, so that a caller fails closed.

import hex_provenance/error.{type Failure}
import hex_provenance/evidence.{type Evidence}
import hex_provenance/json.{type Json}
import hex_provenance/option.{type Option, None}
import hex_provenance/sigstore.{type Artifact, type Matcher, type Options}
import hex_provenance/trust_root

/// What to judge by: what is expected, and rows of the tables of builders and build types.
pub type Rules {
  Rules(
    expect: Expectations,
    builders: Table(Builder),
    build_types: Table(BuildType),
    limits: List(Limit),
  )
}

/// The well-known rows, with or without more, or others instead of them.
pub type Table(row) {
  WellKnown
  WellKnownAnd(List(row))
  Only(List(row))
}

/// What must be so; what is `None` or empty is not looked at.
///
/// `source`: the repository's URL, however it is written, or a pattern for its canonical form. `source_id`, `owner_id`: ids
/// that survive a re-registered account name. `refs`: whole refs, any of which will do; `branch`, `tag`: a name, of that
/// kind of ref only. `version`: the ref must be the tag of this semantic version, with or without a leading `v`, or what
/// `version_tag` makes of it, such as `"app-{version}"`. `workflow`: the path of the top-level workflow. `signer`: the
/// workflow that signed, with or without its ref, and `signer_digest` its commit; `builder` likewise. `triggers`: the
/// events that may start a build. `inputs`: by name; `only_these_inputs` refuses all others. `refuse_unrecognised`: whether
/// external parameters that the build type does not define refuse.
pub type Expectations {
  Expectations(
    source: Option(Matcher),
    source_id: Option(String),
    owner_id: Option(String),
    refs: List(Matcher),
    branch: Option(Matcher),
    tag: Option(Matcher),
    version: Option(String),
    version_tag: Option(String),
    commit: Option(String),
    workflow: Option(Matcher),
    signer: Option(Matcher),
    signer_digest: Option(String),
    issuer: Option(Matcher),
    triggers: List(String),
    runner_environment: Option(Matcher),
    environment: Option(Matcher),
    visibility: Option(Matcher),
    build_types: List(Matcher),
    builder: Option(Matcher),
    inputs: List(#(String, Input)),
    only_these_inputs: Bool,
    refuse_unrecognised: Bool,
    min_level: Int,
  )
}

/// What an input is compared with.
pub type Input {
  Any
  Absent
  Equal(Json)
  Matching(Matcher)
}

/// A row of the builder table: who signs, what `builder.id` it may state, and the highest level of such builds. Everything
/// stated must match. `own_repository`: why a signer kept in the very repository that it builds may pass level 2.
pub type Builder {
  Builder(
    name: String,
    signer: BuildSigner,
    /// Who vouches for the signer: needed unless a key signs.
    issuer: Option(Matcher),
    /// The Sigstore instances that may, such as `"public_good"`; none stated is any.
    instances: List(String),
    builder_id: BuilderId,
    build_types: List(Matcher),
    runner_environment: Option(String),
    refs: Refs,
    own_repository: Option(String),
    max_level: Int,
    /// Why, and where to read that.
    reason: String,
    source: String,
  )
}

/// A workflow's URI without its ref, a whole identity, or the SHA-256 of a key's SubjectPublicKeyInfo.
pub type BuildSigner {
  Workflow(Matcher)
  Identity(Matcher)
  Key(BitArray)
}

/// What `builder.id` a signer may state: its own, a workflow's, or any that matches.
pub type BuilderId {
  Signer
  WorkflowId(Matcher)
  Named(Matcher)
}

/// Which refs of a workflow: level 3 needs tags `refs/tags/vX.Y.Z`; commits count only when they are listed.
pub type Refs {
  AnyRef
  Releases(commits: List(String))
}

/// A publisher's own build type, and how its parameters are written.
pub type BuildType {
  BuildType(uri: Matcher, dialect: Dialect, source: String)
}

pub type Dialect {
  GithubWorkflow
  GithubWorkflowCommunity
  GithubPublisher
  NpmGithub
  Generator
  Delegator
  ContainerBased
  NpmGitlab
  GitlabRunner
  GitlabProvenance
  GitlabPublisher
}

/// How much of something is read, instead of the default.
pub type Limit {
  StatementBytes(Int)
  JsonDepth(Int)
  JsonValues(Int)
  Subjects(Int)
  Resources(Int)
  TextBytes(Int)
}

/// What a provenance says, how far that can be believed, and what is refused. `source` to `invocation` are as the
/// certificate says, else as the provenance says: then their fields are among `unverified`.
pub type Judgement {
  Judgement(
    accepted: Bool,
    /// 0 to 3.
    level: Int,
    predicate_type: String,
    build_type: String,
    dialect: Option(Dialect),
    builder: String,
    /// Whether the signer may speak for that builder.
    builder_vouched: Bool,
    source: Option(String),
    ref: Option(String),
    commit: Option(String),
    workflow: Option(String),
    trigger: Option(String),
    invocation: Option(String),
    signer: Option(String),
    issuer: Option(String),
    runner_environment: Option(String),
    subjects: List(Resource),
    inputs: List(#(String, Json)),
    external_parameters: List(#(String, Json)),
    dependencies: List(Resource),
    metadata: Metadata,
    /// The row of the builder table that decided the level.
    builder_row: Option(String),
    reasons: List(Reason),
    /// Fields that a claim of the certificate confirms, and those that none does.
    confirmed: List(String),
    unverified: List(String),
    /// External parameters that the build type does not define.
    unrecognised: List(String),
    /// The most useful first.
    refusals: List(Failure),
    record: Record,
  )
}

/// What the builder says of the run: nothing of it is verified.
pub type Metadata {
  Metadata(
    invocation_id: Option(String),
    started_on: Option(String),
    finished_on: Option(String),
  )
}

/// A requirement of the build track, the lowest level that needs it, and whether it is met.
pub type Reason {
  Reason(requirement: Requirement, level: Int, met: Bool, because: String)
}

pub type Requirement {
  ProvenanceExists
  ProvenanceAuthentic
  Hosted
  ProvenanceUnforgeable
  ParametersComplete
  Isolated
}

pub type Resource {
  Resource(
    name: Option(String),
    uri: Option(String),
    digests: List(#(String, String)),
  )
}

/// What a build looked like: names and texts, so that it can be kept in any format.
pub type Record =
  List(#(String, String))

/// A difference between a record and a later build.
pub type Change {
  Change(field: String, was: Option(String), is: Option(String))
}

/// A verified bundle and what it states.
pub type Verified {
  Verified(evidence: Evidence, judgement: Judgement)
}

/// The well-known builders and build types, and nothing expected.
pub fn default_rules() -> Rules {
  Rules(
    expect: no_expectations(),
    builders: WellKnown,
    build_types: WellKnown,
    limits: [],
  )
}

/// Nothing, except that external parameters which nobody knows are refused.
pub fn no_expectations() -> Expectations {
  Expectations(
    source: None,
    source_id: None,
    owner_id: None,
    refs: [],
    branch: None,
    tag: None,
    version: None,
    version_tag: None,
    commit: None,
    workflow: None,
    signer: None,
    signer_digest: None,
    issuer: None,
    triggers: [],
    runner_environment: None,
    environment: None,
    visibility: None,
    build_types: [],
    builder: None,
    inputs: [],
    only_these_inputs: False,
    refuse_unrecognised: True,
    min_level: 0,
  )
}

/// Any signer of the public-good instance or GitHub's own: who signed is judged by the table of builders.
pub fn any_signer() -> Options {
  sigstore.Options(
    ..sigstore.default_options(),
    trust: [
      sigstore.From(trust_root.BuiltIn(trust_root.PublicGood)),
      sigstore.From(trust_root.BuiltIn(trust_root.Github)),
    ],
    signer: sigstore.Unchecked,
  )
}

/// Judges the statement of a verified bundle.
///
/// Errors, when it could not be evaluated: `StatementInvalid`, `PredicateUnsupported`, `PredicateInvalid`, `SubjectAbsent`,
/// `InputTooLarge`, `Malformed`, `OptionInvalid`, `NameConfusable`.
@external(erlang, "hex_provenance_slsa_ffi", "judge")
pub fn judge(evidence: Evidence, rules: Rules) -> Result(Judgement, Failure)

/// Verifies a bundle, judges what it states, and refuses what is not as expected.
@external(erlang, "hex_provenance_slsa_ffi", "verify")
pub fn verify(
  bundle: BitArray,
  artifact: Artifact,
  options: Options,
  rules: Rules,
) -> Result(Verified, Failure)

/// The judgement if nothing is refused, else the refusals as an error.
pub fn enforce(judgement: Judgement) -> Result(Judgement, Failure) {
  case judgement.refusals {
    [] -> Ok(judgement)
    [first, ..others] -> Error(error.Failure(..first, also: others))
  }
}

/// What to remember of an accepted build, to compare later ones with: trust on first use. Errors: the refusals.
pub fn record(judgement: Judgement) -> Result(Record, Failure) {
  case enforce(judgement) {
    Ok(accepted) -> Ok(accepted.record)
    Error(refusal) -> Error(refusal)
  }
}

/// What differs in a later build from what was recorded. A level that rose is no change; the signer's commit is one only
/// where the same tag stands for another.
@external(erlang, "hex_provenance_slsa_ffi", "changes")
pub fn changes(
  record: Record,
  later: Judgement,
) -> Result(List(Change), Failure)

/// A verification summary (VSA v1) of what `judge` finds, as an unsigned statement (JSON). Where anything is refused it says
/// so: `FAILED`.
@external(erlang, "hex_provenance_slsa_ffi", "summarise")
pub fn summarise(
  evidence: Evidence,
  rules: Rules,
  about: About,
) -> Result(String, Failure)

/// Who verified, when (RFC 3339), what the artifact is to be used as, and against which policy; `carried` are results of
/// other tracks, such as `"SLSA_SOURCE_LEVEL_2"`.
pub type About {
  About(
    verifier: String,
    time_verified: Option(String),
    resource_uri: String,
    policy: Resource,
    input_attestations: List(Resource),
    carried: List(String),
  )
}

/// Verifies the verification summary that a verified bundle holds.
@external(erlang, "hex_provenance_slsa_ffi", "verify_summary")
pub fn verify_summary(
  evidence: Evidence,
  expected: SummaryExpectations,
) -> Result(Summary, Failure)

/// Which verifiers are believed, what the artifact is to be used as, and the results that must be there, such as
/// `"SLSA_BUILD_LEVEL_2"` (or higher).
pub type SummaryExpectations {
  SummaryExpectations(
    verifiers: List(Verifier),
    resource_uri: String,
    levels: List(String),
  )
}

/// A verifier, and who signs for it.
pub type Verifier {
  ByIdentity(id: String, signer: Matcher, issuer: Matcher)
  ByKey(id: String, key_id: BitArray)
}

pub type Summary {
  Summary(
    accepted: Bool,
    verifier: String,
    time_verified: Option(String),
    resource_uri: String,
    policy: Resource,
    input_attestations: List(Resource),
    passed: Bool,
    verified_levels: List(String),
    slsa_version: Option(String),
    refusals: List(Failure),
  )
}

/// Where a CI job runs.
pub type Platform {
  Github
  Gitlab
}

/// What an identity token does not say: the artifacts; a publisher's own build type, together with every input of its
/// workflow; and what the job says of itself.
pub type Production {
  Production(
    subjects: List(Resource),
    build_type: Option(String),
    inputs: Option(List(#(String, Json))),
    unverified: List(#(String, Json)),
  )
}

/// The provenance of a CI job as an unsigned statement (JSON), written from the claims of its identity token and from
/// nothing else. Errors: `TokenClaimInvalid`, `OptionInvalid`, `StatementInvalid`.
@external(erlang, "hex_provenance_slsa_ffi", "provenance")
pub fn provenance(
  platform: Platform,
  claims: List(#(String, Json)),
  production: Production,
) -> Result(String, Failure)

/// Explains a bundle to a person. It verifies first, and says so when it could not; nobody in particular is expected to have
/// signed.
@external(erlang, "hex_provenance_slsa_ffi", "explain")
pub fn explain(bundle: BitArray) -> Result(String, Failure)
