//! Keyless signing by the library's own core, called from Rust, with the services that a case names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use provenance_sigstore::sign::{IdentityToken, Options, Payload, Signed, Signer, SigningConfig, TokenSource, sign};
use provenance_sigstore::{Limits, Source, Time, TrustRoot};
use tokio::runtime::Runtime;

use crate::{Outcome, during};

/// The root and the services prepared, as whoever signs more than once has them.
pub(crate) struct Signing {
    folder: PathBuf,
    services: SigningConfig,
    trust: Arc<TrustRoot>,
    artifact: Vec<u8>,
}

impl Signing {
    pub(crate) fn load(folder: &Path) -> Outcome<Self> {
        let read = |name: &str| during(name, std::fs::read(folder.join(name)));
        let limits = Limits::default();
        Ok(Self {
            folder: folder.to_owned(),
            services: during("services", SigningConfig::parse(&read("services.json")?, &limits))?,
            trust: Arc::new(during("trusted root", TrustRoot::parse(&read("root.json")?, Source::File, &limits))?),
            artifact: read("artifact")?,
        })
    }

    /// Leaves `bundle.json` in the folder: the floor takes its checks from it.
    pub(crate) fn leave_bundle(&self, runtime: &Runtime, token: &str) -> Outcome<String> {
        let signed = runtime.block_on(self.start(token))?;
        during("bundle", std::fs::write(self.folder.join("bundle.json"), signed.bundle))?;
        Ok(String::new())
    }

    /// What makes one signature, once it is polled.
    pub(crate) fn start(&self, token: &str) -> impl Future<Output = Outcome<Signed>> + Send + use<> {
        let (services, trust, artifact) = (self.services.clone(), self.trust.clone(), self.artifact.clone());
        let token = token.to_owned();
        async move {
            let token = during("token", IdentityToken::parse(&token))?;
            let signer = Signer::Keyless(TokenSource::Given(token));
            let mut options = Options::new(Time::now());
            options.services = Some(services);
            options.trust = Some(trust);
            during("sign", sign(Payload::Bytes(artifact), &signer, &options).await)
        }
    }
}
