//! The sigstore-verify crate's own top-level verification.

use sigstore_trust_root::TrustedRoot;
use sigstore_types::{Bundle, Sha256Hash};
use sigstore_verify::{VerificationPolicy, Verifier};

use crate::case::Case;
use crate::{Outcome, during};

pub(crate) struct Peer {
    verifier: Verifier,
    policy: VerificationPolicy,
    bundle_json: String,
    bundle: Bundle,
    artifact: Sha256Hash,
}

impl Peer {
    pub(crate) fn new(case: &Case) -> Outcome<Self> {
        let root = during("trusted root", TrustedRoot::from_json(&case.root_json))?;
        Ok(Self {
            verifier: during("verifier", Verifier::new(&root))?,
            policy: VerificationPolicy::new(case.identity.as_str(), case.issuer.as_str()),
            bundle_json: case.bundle_json.clone(),
            bundle: during("bundle", Bundle::from_json(&case.bundle_json))?,
            artifact: during("digest", Sha256Hash::from_hex(&case.sha256))?,
        })
    }

    pub(crate) fn verify_parsed(&self) -> Outcome<()> {
        self.verify(&self.bundle)
    }

    pub(crate) fn parse_and_verify(&self) -> Outcome<()> {
        self.verify(&during("bundle", Bundle::from_json(&self.bundle_json))?)
    }

    fn verify(&self, bundle: &Bundle) -> Outcome<()> {
        let result = during("verify", self.verifier.verify(self.artifact, bundle, &self.policy))?;
        let whole = result.certificate_verified() && result.sct_verified() && result.tlog_verified();
        if whole { Ok(()) } else { Err("the crate skipped a check".to_owned()) }
    }
}
