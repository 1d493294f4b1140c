//// What every function of this library returns when it cannot do what was asked.

/// `code` is made to be matched on; `stage` says where in the work the fault was found; `message` and `remedy` are for
/// people; `details` holds the facts by name; `also` is what else is wrong with the same input.
pub type Failure {
  Failure(
    code: Code,
    stage: Stage,
    message: String,
    remedy: String,
    details: List(#(String, Detail)),
    also: List(Failure),
  )
}

/// A fact: text, or a number (a count, a size, or Unix seconds).
pub type Detail {
  Text(String)
  Number(Int)
}

pub type Stage {
  Input
  Trust
  Certificate
  Time
  Log
  Signature
  Statement
  Policy
  Service
  Storage
  System
}

/// Everything that can go wrong; there is no "other".
pub type Code {
  InputTooLarge
  Malformed
  BundleUnsupported
  OptionInvalid
  AlgorithmUnsupported
  TrustRootInvalid
  TrustRootExpired
  ThresholdsUnstated
  TrustRefreshFailed
  KeyUnknown
  KeyInvalid
  CertificateUntrusted
  CertificateOutsideValidity
  CertificateInvalid
  SctInvalid
  TimestampMissing
  TimestampInvalid
  LogEntryMissing
  InclusionProofMissing
  InclusionMismatch
  CheckpointUntrusted
  SetInvalid
  LogEntryMismatch
  LogEntryUnsupported
  SignatureMismatch
  DigestMismatch
  DigestUnavailable
  KeyHintMismatch
  StatementInvalid
  SubjectAbsent
  IdentityUnstated
  IdentityRefused
  SignerKindRefused
  TransportFailed
  TokenUnavailable
  TokenInvalid
  SigningConfigInvalid
  ServiceMissing
  SignerFailed
  BudgetExhausted
  StorageFailed
  TokenClaimInvalid
  SignatureUnverified
  PredicateUnsupported
  PredicateInvalid
  ClaimMismatch
  ClaimsInconsistent
  ProvenanceInconsistent
  ParameterUnrecognised
  NameConfusable
  SourceRefused
  RefRefused
  CommitRefused
  WorkflowRefused
  SignerRefused
  TriggerRefused
  RunnerRefused
  BuildTypeRefused
  BuilderRefused
  InputRefused
  LevelTooLow
  VerifierRefused
  ResourceRefused
  VerificationFailed
  VerifiedLevelMissing
  EventInvalid
  EventRefused
  KeyRevoked
  TrustFileInvalid
  QuorumMissing
  ConsistencyBroken
  ChainBroken
  HeadsMismatch
  HeadsMapWrong
  LeafMismatch
  AttestationMissing
  AttestationWithheld
  ReleaseUnpublished
  ReleaseReplaced
  WitnessRefused
  Internal
  NifNotLoaded
}

/// The code as other languages spell it, such as `"identity_refused"`.
@external(erlang, "erlang", "atom_to_binary")
pub fn code_name(code: Code) -> String

/// The failure as text for people: what is wrong, what else is wrong, and what to do.
pub fn describe(failure: Failure) -> String {
  failure.message
  <> " ("
  <> code_name(failure.code)
  <> ")"
  <> also(failure.also)
  <> "\n"
  <> failure.remedy
}

fn also(failures: List(Failure)) -> String {
  case failures {
    [] -> ""
    [first, ..rest] ->
      "\nalso: "
      <> first.message
      <> " ("
      <> code_name(first.code)
      <> ")"
      <> also(rest)
  }
}
