//// The names of what a verification checks.

pub type Check {
  Signature
  Artifact
  CertificateChain
  CertificateValidity
  Sct
  Identity
  Issuer
  Claims
  InclusionProof
  Checkpoint
  InclusionPromise
  LogEntry
  Timestamp
  KeyValidity
}
