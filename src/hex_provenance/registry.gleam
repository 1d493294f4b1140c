//// Registry attestations: what a Hex registry says happened to a package, signed.
////
//// ```gleam
//// let published =
////   registry.Event(
////     ..registry.event_of("phoenix"),
////     event_id: "release-42-publish",
////     occurred_at: "2026-01-31T12:00:00Z",
////     actor: registry.User("chrismccord"),
////     releases: [registry.Release("1.8.1", digest)],
////     details: registry.Publish(provenance: [], replaces: None),
////   )
//// let assert Ok(unsigned) = registry.statement(published, registry.default_making())
//// let prefix = registry.default_making().prefix
//// let assert Ok(signed) = registry.sign(unsigned.statement, prefix, options)
//// ```
////
//// An event becomes an in-toto statement in canonical JSON, whose predicate type names the event. There is one reader for
//// events that a registry gives and for statements that somebody signed: it takes nothing that it does not know, and
//// package, version and repository must be the same wherever they stand.

import hex_provenance/error.{type Failure}
import hex_provenance/event
import hex_provenance/evidence.{type Evidence}
import hex_provenance/option.{type Option, None}
import hex_provenance/signing
import hex_provenance/sigstore.{type Artifact, type Options}

/// An event. `event_id` is unique, and at most 64 printable ASCII characters; `occurred_at` is RFC 3339 in UTC. `registry`
/// and `repository` are by default those of the `Making`. `releases` are the ones that the event is about: none for one of
/// the whole package, exactly one for one of a release.
pub type Event {
  Event(
    package: String,
    registry: Option(String),
    repository: Option(String),
    event_id: String,
    occurred_at: String,
    actor: Actor,
    releases: List(Release),
    details: Details,
  )
}

/// Who did it: never an e-mail or another address.
pub type Actor {
  /// A public handle, or an opaque id.
  User(id: String)
  /// A job, by the claims of its identity token.
  Oidc(
    issuer: String,
    repository: Option(String),
    workflow: Option(String),
    ref: Option(String),
    environment: Option(String),
  )
  /// The registry itself.
  System(id: Option(String))
}

/// A version and the SHA-256 of its whole tarball.
pub type Release {
  Release(version: String, digest: BitArray)
}

/// What happened. `owners` and `publishers` are all there are after the event.
pub type Details {
  Publish(provenance: List(Link), replaces: Option(BitArray))
  Provenance(provenance: List(Link))
  Unpublish(reason: Option(String))
  Retire(reason: Reason, message: Option(String))
  Unretire(reason: Option(Reason), message: Option(String))
  Vulnerability(advisory: Advisory, state: AdvisoryState)
  Vex(document: Document, statements: List(#(String, Status)))
  Owners(
    action: OwnerAction,
    owner: String,
    level: Option(OwnerLevel),
    owners: List(Owner),
  )
  Publishers(
    action: PublisherAction,
    publisher: Publisher,
    publishers: List(Publisher),
  )
  Package(action: PackageAction, owner: Option(String))
}

/// A provenance bundle that the registry verified, by the SHA-256 of its canonical JSON. The rest are hints: whoever relies
/// on them recomputes them from the bundle.
pub type Link {
  Link(
    predicate_type: String,
    bundle: BitArray,
    builder: Option(String),
    source: Option(String),
    level: Option(Int),
  )
}

pub type Reason {
  Other
  Invalid
  Security
  Deprecated
  Renamed
}

/// A security advisory: where it is published, and the SHA-256 of the OSV document.
pub type Advisory {
  Advisory(
    id: String,
    aliases: List(String),
    source: String,
    modified: String,
    digest: BitArray,
  )
}

pub type AdvisoryState {
  Published
  Withdrawn
}

/// A VEX document: where it is published, and the SHA-256 of its bytes.
pub type Document {
  Document(
    format: Format,
    id: String,
    version: String,
    digest: BitArray,
    url: String,
  )
}

pub type Format {
  Openvex
  Csaf
  Cyclonedx
}

pub type Status {
  NotAffected
  Affected
  Fixed
  UnderInvestigation
}

pub type OwnerAction {
  Add
  Remove
  Transfer
  Update
}

pub type OwnerLevel {
  Full
  Maintainer
}

pub type Owner {
  Owner(owner: String, level: OwnerLevel)
}

pub type PublisherAction {
  AddPublisher
  RemovePublisher
}

/// Whose jobs may publish: who issues their tokens, and what those must claim.
pub type Publisher {
  Publisher(issuer: String, claims: List(#(String, String)))
}

pub type PackageAction {
  Created
  Deleted
}

/// `prefix`: what predicate types begin with. `registry` and `repository`: what events say that do not say so themselves. A
/// repository is `"hexpm"`, an organisation's name, or the https URL of another repository.
pub type Making {
  Making(prefix: String, registry: String, repository: String)
}

/// A statement to be signed, and what the transparency log repeats of it. `linked` are the digests of the bundles that it
/// links.
pub type Unsigned {
  Unsigned(
    statement: BitArray,
    id: String,
    event: event.Event,
    package: String,
    version: Option(String),
    subjects: List(BitArray),
    linked: List(BitArray),
    time: Int,
  )
}

/// A bundle of version 0.3 (JSON), the envelope in it in the canonical form whose SHA-256 the log names, the signature
/// alone, and what its verification found.
pub type Signed {
  Signed(
    bundle: String,
    envelope: BitArray,
    signature: BitArray,
    evidence: Evidence,
  )
}

/// What is expected of an attestation; what is `None` or empty is not looked at. `events`: any of them. `package`: a package
/// URL without a version, or the name of a package in hex.pm's public repository. `version`: one of those that the event is
/// about.
pub type Expected {
  Expected(
    prefix: String,
    events: List(event.Event),
    event_id: Option(String),
    package: Option(String),
    version: Option(String),
    registry: Option(String),
  )
}

/// What a registry attests. `package` is a package URL without a version and `name` the name in it; `version` is the only one
/// that the event is about; `time` is `occurred_at` in Unix seconds; `evidence` is there when `verify` verified the
/// signature.
pub type Attestation {
  Attestation(
    event: event.Event,
    event_id: String,
    occurred_at: String,
    time: Int,
    registry: String,
    repository: String,
    package: String,
    name: String,
    version: Option(String),
    actor: Actor,
    releases: List(Release),
    subjects: List(BitArray),
    linked: List(BitArray),
    details: Details,
    statement: BitArray,
    evidence: Option(Evidence),
  )
}

/// Statements of hex.pm.
pub fn default_making() -> Making {
  Making(
    prefix: "https://hex.pm/attestation",
    registry: "https://hex.pm",
    repository: "hexpm",
  )
}

/// Any event of hex.pm's.
pub fn anything() -> Expected {
  Expected(
    prefix: "https://hex.pm/attestation",
    events: [],
    event_id: None,
    package: None,
    version: None,
    registry: None,
  )
}

/// The registry itself deletes a package: the rest is to be filled in.
pub fn event_of(package: String) -> Event {
  Event(
    package: package,
    registry: None,
    repository: None,
    event_id: "",
    occurred_at: "",
    actor: System(None),
    releases: [],
    details: Package(action: Deleted, owner: None),
  )
}

/// The statement of an event, to be signed. The same event gives the same bytes. Errors: `EventInvalid`, `InputTooLarge`,
/// `OptionInvalid`.
@external(erlang, "hex_provenance_registry_ffi", "statement")
pub fn statement(event: Event, making: Making) -> Result(Unsigned, Failure)

/// The statement of an event in JSON: the predicate's fields in their own spelling (`eventId`), beside them `event`, and
/// `digest` as `{"sha256": HEX}`.
@external(erlang, "hex_provenance_registry_ffi", "statement_from_json")
pub fn statement_from_json(
  event: BitArray,
  making: Making,
) -> Result(Unsigned, Failure)

/// The statements of a whole request (JSON), `{"events": [..]}` with at most 100 of them: of all or of none.
@external(erlang, "hex_provenance_registry_ffi", "statements_from_json")
pub fn statements_from_json(
  request: BitArray,
  making: Making,
) -> Result(List(Unsigned), Failure)

/// Signs a statement that `statement` made with that prefix. What is not the statement of an event is not
/// signed. With a key, `services` are usually `NoServices`.
@external(erlang, "hex_provenance_registry_ffi", "sign")
pub fn sign(
  statement: BitArray,
  prefix: String,
  options: signing.Options,
) -> Result(Signed, Failure)

/// The bundle (JSON) of a statement and its signature by a key that verifiers know by `hint`: by default that is the base64
/// form of the SHA-256 of its SubjectPublicKeyInfo.
@external(erlang, "hex_provenance_registry_ffi", "bundle")
pub fn bundle(
  statement: BitArray,
  signature: BitArray,
  hint: String,
) -> Result(String, Failure)

/// The registry's keys, and no log or timestamp: a registry's own log dates its attestations, by index.
pub fn signed_with(keys: List(sigstore.Key)) -> Options {
  sigstore.Options(
    ..sigstore.default_options(),
    trust: [],
    signer: sigstore.Keys(keys),
    untimed: True,
  )
}

/// Verifies a bundle, and reads what the registry attests in it. Without an artifact it is about whatever it says: for
/// events of a whole package, and for whoever has no tarball at hand.
@external(erlang, "hex_provenance_registry_ffi", "verify")
pub fn verify(
  bundle: BitArray,
  artifact: Option(Artifact),
  options: Options,
  expected: Expected,
) -> Result(Attestation, Failure)

/// Reads a statement whose signature was verified elsewhere, such as by the log's client.
@external(erlang, "hex_provenance_registry_ffi", "read")
pub fn read(
  statement: BitArray,
  expected: Expected,
) -> Result(Attestation, Failure)
