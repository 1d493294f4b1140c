//// A registry's transparency log, from the outside: is this entry in it, what does it say of a version, and is anything
//// kept back.
////
//// Whom to trust is in a trust file: the log's name and keys, the registry's keys, each with the entries it counts for, and
//// the witnesses. It comes from the caller, never from the service.

import hex_provenance/error.{type Failure}
import hex_provenance/option.{type Option, None}

/// A trust file, prepared: immutable and cheap to send to other processes.
pub type Trust

/// Where a trust file comes from.
pub type Source {
  Json(BitArray)
  File(path: String)
}

/// What is trusted. `policy` has the lines that name the witnesses and the quorum.
pub type TrustInfo {
  TrustInfo(
    origin: String,
    keys: List(TrustedKey),
    policy: List(String),
    earlier_logs: List(EarlierLog),
  )
}

/// A key and the entries it counts for. `key_id` is the SHA-256 of the key (`der`): the fingerprint to compare; `vkey` a
/// log's key as other tools for logs take it.
pub type TrustedKey {
  TrustedKey(
    purpose: Purpose,
    der: BitArray,
    key_id: BitArray,
    vkey: Option(String),
    first_index: Int,
    last_index: Option(Int),
    revoked_from_index: Option(Int),
  )
}

/// What a key signs: the registry's statements, or the log's checkpoints.
pub type Purpose {
  Registry
  Log
}

/// A log that was given up, up to where it counts.
pub type EarlierLog {
  EarlierLog(origin: String, size: Int, root: BitArray)
}

/// `prefix` is what the registry's predicate types begin with. `max_age`: how many seconds old a witness's cosignature may
/// be to count; `now` (Unix seconds) is the system's time unless stated. `package`: the package (a purl) that was asked for.
/// `refuse_withheld`: whether a list is refused when an entry in it links a bundle that was not handed out with it.
pub type Options {
  Options(
    trust: Trust,
    prefix: String,
    max_age: Option(Int),
    now: Option(Int),
    package: Option(String),
    refuse_withheld: Bool,
  )
}

/// hex.pm's prefix, cosignatures of any age, and nothing may be withheld.
pub fn default_options(trust: Trust) -> Options {
  Options(
    trust: trust,
    prefix: "https://hex.pm/attestation",
    max_age: None,
    now: None,
    package: None,
    refuse_withheld: True,
  )
}

/// One entry as a service hands it out, with the hashes that lead to the root.
pub type Item {
  Item(
    index: Int,
    leaf: BitArray,
    inclusion: List(BitArray),
    statement: Signed,
    under: Under,
  )
}

/// The signed statement: in a Sigstore bundle (JSON), as a canonical DSSE envelope, or none (for key changes).
pub type Signed {
  Bundle(BitArray)
  Envelope(BitArray)
  NoStatement
}

/// What the entry is proven by: a signed note, or the root that the trust file pins for an earlier log.
pub type Under {
  Noted(note: BitArray)
  Earlier(origin: String)
}

/// An event that is in the log. `statement` is the signed statement (JSON); absent when the service had to delete it: then
/// the log's word alone is left. `links` are the digests of the bundles that it links; `key_id` the key that signed.
pub type Event {
  Event(
    index: Int,
    hash: BitArray,
    leaf: BitArray,
    event: EventName,
    id: String,
    package: String,
    version: Option(String),
    seq: Int,
    previous: Option(Link),
    subjects: Subjects,
    time: Int,
    envelope: BitArray,
    statement: Option(BitArray),
    links: Option(List(BitArray)),
    key_id: Option(BitArray),
  )
}

pub type EventName {
  Publish
  Provenance
  Unpublish
  Retire
  Unretire
  Vulnerability
  Vex
  Owners
  Publishers
  Package
}

/// A place in the log and the hash of what is there.
pub type Link {
  Link(index: Int, hash: BitArray)
}

/// SHA-256 of what an event is about; of more than sixteen, how many and a digest of their list.
pub type Subjects {
  Listed(List(BitArray))
  Counted(count: Int, sha256: BitArray)
}

/// What the log signed. `witnessed`: whether a quorum of witnesses is demanded, and was there.
pub type Checkpoint {
  Checkpoint(
    origin: String,
    size: Int,
    root: BitArray,
    witnessed: Bool,
    cosignatures: List(Cosignature),
    note: String,
  )
}

/// Who saw a checkpoint, and when, by their own word.
pub type Cosignature {
  Cosignature(name: String, time: Int)
}

/// The entries of a package, a release or an artifact. `whole`: whether they are the package's whole chain, from its first
/// entry to the head.
pub type Entries {
  Entries(
    package: Option(String),
    version: Option(String),
    digest: Option(BitArray),
    items: List(Event),
    head: Head,
    whole: Bool,
  )
}

/// Where a package's chain ends: proven, proven to have no entry at all, or not proven.
pub type Head {
  Head(seq: Int, index: Int, hash: BitArray)
  NoEntry
  Unproven
}

/// A service's answer, all of it verified: one list, or one for each release of a query. `linked` are the bundles that
/// entries link, by digest: they are what their digests say, and not verified otherwise.
pub type Answer {
  Answer(
    checkpoint: Checkpoint,
    lists: List(Entries),
    linked: List(#(BitArray, BitArray)),
    withheld: List(Withheld),
    next_after: Option(Int),
  )
}

/// A bundle that an entry links, and that was not handed out.
pub type Withheld {
  Withheld(index: Int, digest: BitArray)
}

/// What the log says of a version that is published: indices of entries. Those of several versions say in their statements
/// whether they are about this one.
pub type State {
  State(
    published: Published,
    retired: Option(Int),
    provenance: List(Int),
    advisories: List(Int),
    of_several_versions: List(Int),
  )
}

/// The entry that published a version, and the SHA-256 of its bytes.
pub type Published {
  PublishedAs(index: Int, digest: BitArray)
}

/// How much of a package's chain must be there: all of it, to the proven head; or what was handed out is taken as it is, and
/// what was left out is found by monitors only.
pub type Chain {
  Whole
  HandedOut
}

/// Where a log is served. `ca_files`: PEM files of authorities trusted for TLS besides the platform's.
pub type Service {
  Service(url: String, ca_files: Option(List(String)), timeout_ms: Int)
}

/// The service at a URL, half a minute for each request.
pub fn service(url: String) -> Service {
  Service(url: url, ca_files: None, timeout_ms: 30_000)
}

/// A package with its whole history, a release, everything about an artifact, or the releases of a lock file, each with the
/// SHA-256 that it must have.
pub type Asked {
  History(package: String)
  Release(package: String, version: String)
  Artifact(sha256: BitArray)
  Releases(List(#(String, String, Option(BitArray))))
}

/// What a service's log says of a release.
pub type Checked {
  Checked(state: State, checkpoint: Checkpoint, items: List(Event))
}

/// What a textual proof proves.
pub type Proof {
  Proof(index: Int, extra: Option(BitArray), checkpoint: Checkpoint)
}

/// How a log is followed. `state`: a file that keeps how far, the monitor's own memory. `packages`: those whose events are
/// reported. `all_statements`: whether those of all packages are read. `notes`: checkpoints that others were shown.
/// `patience_ms`: how long it waits before it asks once more, before it reports.
pub type MonitorOptions {
  MonitorOptions(
    service: Service,
    trust: Trust,
    state: Option(String),
    packages: List(String),
    all_statements: Bool,
    notes: List(BitArray),
    prefix: String,
    max_age: Option(Int),
    patience_ms: Int,
  )
}

/// From nothing, all statements, no package watched.
pub fn default_monitor_options(
  service: Service,
  trust: Trust,
) -> MonitorOptions {
  MonitorOptions(
    service: service,
    trust: trust,
    state: None,
    packages: [],
    all_statements: True,
    notes: [],
    prefix: "https://hex.pm/attestation",
    max_age: None,
    patience_ms: 2000,
  )
}

pub type Report {
  Report(
    origin: String,
    size: Int,
    checkpoint: String,
    packages: Int,
    misbehaviour: Bool,
    findings: List(Finding),
  )
}

/// One thing that a monitor saw. A misbehaviour has its facts in `error`, and the signed notes that contradict each other in
/// `evidence`.
pub type Finding {
  Finding(
    kind: Kind,
    misbehaviour: Bool,
    index: Option(Int),
    package: Option(String),
    event: Option(Event),
    change: Option(KeyChange),
    digest: Option(BitArray),
    error: Option(Failure),
    evidence: List(String),
  )
}

/// The first three are no misbehaviour.
pub type Kind {
  OfWatched
  KeyChanged
  Redacted
  HiddenEvent
  ForkedChain
  RolledBackCheckpoint
  SplitView
  LeafAtOdds
  MalformedLeaf
  BadStatement
  WrongHeadsMap
  KeptBack
  BadKeyChange
}

/// A key that took another's place.
pub type KeyChange {
  KeyChange(purpose: Purpose, old: Key, new: Key)
}

pub type Key {
  Key(der: BitArray, key_id: BitArray)
}

/// Reads and prepares a trust file.
@external(erlang, "hex_provenance_log_ffi", "trust")
pub fn trust(source: Source) -> Result(Trust, Failure)

/// What is trusted: to show, and to compare fingerprints with.
@external(erlang, "hex_provenance_log_ffi", "trust_info")
pub fn trust_info(trust: Trust) -> Result(TrustInfo, Failure)

/// The trust file again, in a stable form for people to review.
@external(erlang, "hex_provenance_log_ffi", "trust_json")
pub fn trust_json(trust: Trust) -> Result(String, Failure)

/// Trust after a key change that is in the log: the old key ends at that entry, the new one begins.
@external(erlang, "hex_provenance_log_ffi", "rotate")
pub fn rotate(change: Item, options: Options) -> Result(Trust, Failure)

/// Verifies a checkpoint: the log's name and signature, and the quorum of witnesses.
@external(erlang, "hex_provenance_log_ffi", "verify_checkpoint")
pub fn verify_checkpoint(
  note: BitArray,
  options: Options,
) -> Result(Checkpoint, Failure)

/// Verifies one event: that the registry signed its statement, that the leaf repeats it, and that the leaf is in the log.
@external(erlang, "hex_provenance_log_ffi", "verify_entry")
pub fn verify_entry(item: Item, options: Options) -> Result(Event, Failure)

/// Verifies all that a service answered (JSON): every bundle and leaf, their places under the checkpoint, its signatures,
/// how entries of one package follow each other, and where the package's chain ends.
@external(erlang, "hex_provenance_log_ffi", "verify_list")
pub fn verify_list(
  answer: BitArray,
  options: Options,
) -> Result(Answer, Failure)

/// Verifies a textual proof (c2sp.org/tlog-proof) that `leaf` is in the log.
@external(erlang, "hex_provenance_log_ffi", "verify_proof")
pub fn verify_proof(
  text: BitArray,
  leaf: BitArray,
  options: Options,
) -> Result(Proof, Failure)

/// What verified entries of a package, or the pages of them, say of one of its versions. `locked` is the SHA-256 that it must
/// have.
@external(erlang, "hex_provenance_log_ffi", "state")
pub fn state(
  lists: List(Entries),
  version: String,
  locked: Option(BitArray),
  chain: Chain,
) -> Result(State, Failure)

/// Asks a service, and verifies what it answers: that, and nothing else, is returned.
@external(erlang, "hex_provenance_log_ffi", "fetch")
pub fn fetch(
  service: Service,
  asked: Asked,
  options: Options,
) -> Result(List(Answer), Failure)

/// Whether a version of a package is, by the log, published with the bytes of that SHA-256. Reads the package's whole
/// history.
@external(erlang, "hex_provenance_log_ffi", "check")
pub fn check(
  service: Service,
  package: String,
  version: String,
  locked: Option(BitArray),
  options: Options,
) -> Result(Checked, Failure)

/// Follows a log, from nothing or from its saved state, to its present end. What could not be evaluated is an error.
@external(erlang, "hex_provenance_log_ffi", "monitor")
pub fn monitor(options: MonitorOptions) -> Result(Report, Failure)
