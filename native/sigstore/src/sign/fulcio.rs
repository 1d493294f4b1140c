//! A certificate from Fulcio, API version 2 (<https://github.com/sigstore/fulcio/blob/main/fulcio.proto>).

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::http::{Http, Request, endpoint};
use super::key::{SigningKey, certificate_request};
use super::services::Service;
use super::token::IdentityToken;
use super::write::pem;
use crate::encoding::{base64_encode, pem_decode};
use crate::error::{Fault, Result};
use crate::limits::Limits;

const WHAT: &str = "answer of the certificate authority";

/// A certificate, DER, for `key` in the name of whoever `token` is about.
pub(super) async fn certificate(
    http: &Http,
    service: &Service,
    key: &SigningKey,
    token: &IdentityToken,
    limits: &Limits,
) -> Result<Vec<u8>> {
    let request = pem("CERTIFICATE REQUEST", &certificate_request(key)?);
    let body = json!({
        "credentials": { "oidcIdentityToken": token.secret() },
        "certificateSigningRequest": base64_encode(request.as_bytes()),
    });
    let request = Request {
        method: Method::POST,
        url: endpoint(&service.url, "api/v2/signingCert"),
        content_type: "application/json",
        accept: "application/json",
        body: body.to_string().into_bytes(),
        bearer: None,
        what: WHAT,
    };
    let answer: WireAnswer = http.ask_json(&request, limits).await?;
    let malformed = |reason: &str| Fault::Malformed {
        format: WHAT,
        at: "signedCertificateEmbeddedSct.chain.certificates".to_owned(),
        reason: reason.to_owned(),
    };
    // A detached promise of a certificate transparency log has no place in a bundle.
    let issued = answer.embedded.ok_or_else(|| malformed("no certificate with embedded timestamps"))?;
    let leaf = issued.chain.certificates.first().ok_or_else(|| malformed("it is empty"))?;
    Ok(pem_decode(leaf.as_bytes(), "CERTIFICATE").ok_or_else(|| malformed("the first is not PEM"))?)
}

#[derive(Deserialize)]
struct WireAnswer {
    #[serde(rename = "signedCertificateEmbeddedSct")]
    embedded: Option<WireIssued>,
}

#[derive(Deserialize)]
struct WireIssued {
    chain: WireChain,
}

#[derive(Deserialize)]
struct WireChain {
    certificates: Vec<String>,
}
