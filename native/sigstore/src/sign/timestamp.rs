//! A timestamp from an authority, RFC 3161.

use aws_lc_rs::rand;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::ID_SHA_256;
use der::Encode;
use der::asn1::{Null, OctetStringRef, UintRef};
use reqwest::Method;

use super::http::{Http, Request};
use super::services::Service;
use crate::artifact::sha256;
use crate::error::{Fault, Result};

/// The response, DER, that says when `signature` existed. Whether it does is checked by the caller.
pub(super) async fn stamp(http: &Http, service: &Service, signature: &[u8]) -> Result<Vec<u8>> {
    let request = Request {
        method: Method::POST,
        url: service.url.clone(),
        content_type: "application/timestamp-query",
        accept: "application/timestamp-reply",
        body: query(&sha256(signature))?,
        bearer: None,
        what: "answer of the timestamp authority",
    };
    http.ask(&request).await
}

/// RFC 3161, section 2.4.1: TimeStampReq. The nonce is never looked at again: what is stamped is the hash of a signature
/// just made, which no older answer can be about.
fn query(digest: &[u8; 32]) -> Result<Vec<u8>> {
    let failed = || Fault::Internal { at: "writing a timestamp request".to_owned() };
    let mut nonce = [0; 16];
    rand::fill(&mut nonce).map_err(|_| failed())?;
    // Without leading zeros and positive: DER has one form for each number.
    if let Some(first) = nonce.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    let encoded = OctetStringRef::new(digest).and_then(|hashed_message| {
        TimeStampReq {
            version: 1,
            message_imprint: MessageImprint {
                hash_algorithm: AlgorithmIdentifier { algorithm: ID_SHA_256, parameters: Null },
                hashed_message,
            },
            nonce: UintRef::new(&nonce)?,
            cert_req: true,
        }
        .to_der()
    });
    Ok(encoded.map_err(|_| failed())?)
}

#[derive(der::Sequence)]
struct TimeStampReq<'a> {
    version: u8,
    message_imprint: MessageImprint<'a>,
    nonce: UintRef<'a>,
    cert_req: bool,
}

#[derive(der::Sequence)]
struct MessageImprint<'a> {
    hash_algorithm: AlgorithmIdentifier,
    hashed_message: OctetStringRef<'a>,
}

#[derive(der::Sequence)]
struct AlgorithmIdentifier {
    algorithm: ObjectIdentifier,
    parameters: Null,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_of_its_shape() {
        let request = query(&[7; 32]).unwrap();
        assert_eq!(request.len(), 2 + 3 + 2 + 15 + 34 + 18 + 3);
        assert!(request.ends_with(&[1, 1, 0xff]), "the certificate is wanted");
        assert_ne!(request, query(&[7; 32]).unwrap(), "no two are alike");
    }
}
