//! The library's own core, called from Rust: what is left between this and a call from the BEAM is the boundary.

use std::sync::Arc;

use provenance_sigstore::{
    Artifact, Bundle, HashAlgorithm, Identity, Limits, Matcher, Policy, SignerPolicy, Source, TrustRoot, hex_decode,
    verify,
};

use crate::case::Case;
use crate::{Outcome, during};

pub(crate) struct Library {
    policy: Policy,
    bundle_json: Vec<u8>,
    artifact: Artifact<'static>,
}

impl Library {
    pub(crate) fn new(case: &Case) -> Outcome<Self> {
        let limits = Limits::default();
        let root = during("trusted root", TrustRoot::parse(case.root_json.as_bytes(), Source::File, &limits))?;
        let identity = Identity {
            san: Some(matcher(&case.identity)?),
            issuer: Some(matcher(&case.issuer)?),
            ..Identity::default()
        };
        let digest = hex_decode(&case.sha256).ok_or("digest is not hexadecimal")?;
        Ok(Self {
            policy: Policy {
                trust: vec![Arc::new(root)],
                signer: SignerPolicy::AnyOf(vec![identity]),
                thresholds: None,
                untimed: false,
                limits,
            },
            bundle_json: case.bundle_json.clone().into_bytes(),
            artifact: during("digest", Artifact::from_digest(HashAlgorithm::Sha256, digest))?,
        })
    }

    pub(crate) fn parse_and_verify(&self) -> Outcome<()> {
        let bundle = during("bundle", Bundle::parse(&self.bundle_json, &self.policy.limits))?;
        during("verify", verify(&bundle, &self.artifact, &self.policy))?;
        Ok(())
    }
}

fn matcher(text: &str) -> Outcome<Matcher> {
    during("identity", Matcher::exact(text))
}
