//! Who has the key, and what shows whose it is.

use std::sync::Arc;

use reqwest::{Method, Url};
use zeroize::Zeroizing;

use super::http::{Http, Request as Asked};
use super::plan::{Plan, each};
use super::{
    ExternalKey, IdentityToken, Options, Request, Signer, SigningKey, TokenSource, fulcio, internal, option_invalid,
    scts,
};
use crate::certificate::Certificate;
use crate::encoding::from_json;
use crate::error::{Fault, Result};
use crate::identity::Identity;
use crate::key::PublicKey;
use crate::verify::check_issued;

/// Who has the key, with what shows whose it is.
pub(super) struct Holder<'a> {
    key: HolderKey<'a>,
    pub(super) public: Arc<PublicKey>,
    /// Only keyless: the certificate.
    pub(super) certificate: Option<Vec<u8>>,
    /// Only keyless: one of these is whom the certificate names.
    pub(super) identities: Vec<Identity>,
}

enum HolderKey<'a> {
    Here(Arc<SigningKey>),
    Elsewhere(&'a Arc<dyn ExternalKey>),
}

impl<'a> Holder<'a> {
    pub(super) async fn find(
        signer: &'a Signer,
        options: &Options,
        plan: &Plan,
        http: Option<&mut Http>,
    ) -> Result<Self> {
        let offline = || internal("keyless signing");
        match signer {
            Signer::Key(key) => Ok(Self {
                key: HolderKey::Here(key.clone()),
                public: key.public().clone(),
                certificate: None,
                identities: Vec::new(),
            }),
            Signer::External(public, key) => Ok(Self {
                key: HolderKey::Elsewhere(key),
                public: public.clone(),
                certificate: None,
                identities: Vec::new(),
            }),
            Signer::Keyless(TokenSource::Given(token)) => {
                Self::keyless(token, options, plan, http.ok_or_else(offline)?).await
            }
            Signer::Keyless(TokenSource::GitHub { url, bearer }) => {
                let http = http.ok_or_else(offline)?;
                http.keep_secret(bearer);
                let token = github_token(http, url, bearer, options).await?;
                Self::keyless(&token, options, plan, http).await
            }
        }
    }

    /// Whether it answers requests, and holds no key of ours.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self.key, HolderKey::Elsewhere(_))
    }

    async fn keyless(token: &IdentityToken, options: &Options, plan: &Plan, http: &mut Http) -> Result<Self> {
        token.check(&options.audience, options.now)?;
        http.keep_secret(token.secret());
        let identities = if options.identities.is_empty() { token.expected()? } else { options.identities.clone() };
        let (Some(choice), Some(trust)) = (&plan.certificate, &plan.trust) else {
            return Err(internal("keyless signing"));
        };
        let key = Arc::new(SigningKey::ephemeral()?);
        let (http, asked) = (&*http, &*key);
        let issued =
            each(choice, |service| Box::pin(fulcio::certificate(http, service, asked, token, &options.limits)));
        let der = issued.await?.pop().ok_or_else(|| internal("keyless signing"))?;
        let certificate = Certificate::parse(&der, &options.limits)?;
        if certificate.key.spki() != key.public().spki() {
            let reason = "it is for another key than the one it was asked for".to_owned();
            return Err(Fault::CertificateInvalid { subject: certificate.subject(), reason }.into());
        }
        check_issued(&certificate, trust, &identities, scts(trust), &options.limits)?;
        let public = key.public().clone();
        Ok(Self { key: HolderKey::Here(key), public, certificate: Some(der), identities })
    }

    pub(super) async fn sign(&self, request: Request, options: &Options) -> Result<Vec<u8>> {
        match &self.key {
            HolderKey::Here(key) => key.sign(&request),
            HolderKey::Elsewhere(key) => {
                crate::limits::within("message", options.limits.message_bytes, request.length())?;
                key.sign(request).await
            }
        }
    }
}

impl Request {
    fn length(&self) -> usize {
        match self {
            Self::Digest(_, bytes) | Self::Message(bytes) | Self::Prehashed(bytes) => bytes.len(),
        }
    }
}

/// Asks GitHub for the token of the job this runs in.
async fn github_token(http: &Http, url: &str, bearer: &str, options: &Options) -> Result<IdentityToken> {
    #[derive(serde::Deserialize)]
    struct WireToken {
        value: String,
    }
    let unusable = || option_invalid("token", "what ACTIONS_ID_TOKEN_REQUEST_URL holds: an http or https URL");
    let mut url = Url::parse(url).map_err(|_| unusable())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unusable());
    }
    url.query_pairs_mut().append_pair("audience", &options.audience);
    let request = Asked {
        method: Method::GET,
        url,
        content_type: "",
        accept: "application/json",
        body: Vec::new(),
        bearer: Some(bearer),
        what: "answer of GitHub's token service",
    };
    let answer = http.ask(&request).await?;
    // What a parser says of an answer may repeat it, and this secret is not known yet.
    let malformed =
        |_| Fault::Malformed { format: request.what, at: "value".to_owned(), reason: "it holds no token".to_owned() };
    let answer: WireToken = from_json(request.what, &answer, &options.limits).map_err(malformed)?;
    IdentityToken::parse(&Zeroizing::new(answer.value))
}
