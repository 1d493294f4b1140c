//! What a Rekor entry says, and whether it says it about this bundle.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::artifact::{Digests, HashAlgorithm};
use crate::bundle::{Content, LogEntry};
use crate::certificate::Certificate;
use crate::encoding::{Bytes, base64_decode, from_json, hex_decode, pem_decode};
use crate::error::{Fault, Result, quote};
use crate::key::PublicKey;
use crate::limits::Limits;

/// What a signature is verified with.
#[derive(Clone, Copy)]
pub(crate) enum Verifier<'a> {
    Certificate(&'a Certificate),
    Key(&'a PublicKey),
}

impl Verifier<'_> {
    pub(crate) fn key(&self) -> &PublicKey {
        match self {
            Self::Certificate(certificate) => &certificate.key,
            Self::Key(key) => key,
        }
    }

    fn is_pem(&self, pem: &[u8]) -> bool {
        match self {
            Self::Certificate(certificate) => certificate.is_pem(pem),
            Self::Key(key) => pem_decode(pem, "PUBLIC KEY").as_deref() == Some(key.spki()),
        }
    }
}

/// An entry's body, as far as it is compared.
pub(crate) struct Body {
    /// The digest of what was signed.
    data: Vec<(HashAlgorithm, Vec<u8>)>,
    /// What `data` is a digest of.
    over: Over,
    signature: Vec<u8>,
    verifier: BodyVerifier,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The artifact, or an envelope's pre-authentication encoding.
    Signed,
    /// An envelope's payload.
    Payload,
}

enum BodyVerifier {
    Pem(Vec<u8>),
    Certificate(Vec<u8>),
    Key(Vec<u8>),
}

impl Body {
    /// Reads the body of `entry`, number `at` of its bundle.
    pub(crate) fn parse(at: u64, entry: &LogEntry, limits: &Limits) -> Result<Self> {
        match (entry.kind.as_str(), entry.version.as_str()) {
            ("hashedrekord", "0.0.1") => read(at, entry, limits, HashedRekord1::read),
            ("hashedrekord", "0.0.2") => read(at, entry, limits, HashedRekord2::read),
            ("dsse", "0.0.1") => read(at, entry, limits, Dsse1::read),
            ("dsse", "0.0.2") => read(at, entry, limits, Dsse2::read),
            ("intoto", "0.0.2") => read(at, entry, limits, Intoto2::read),
            (kind, version) => Err(Fault::LogEntryUnsupported { kind: quote(kind), version: quote(version) }.into()),
        }
    }

    /// The digest algorithms an artifact is needed in to compare with this.
    pub(crate) fn algorithms(&self) -> impl Iterator<Item = HashAlgorithm> + '_ {
        self.data.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Checks that the entry is about this signature, by this signer, over this content.
    pub(crate) fn check(
        &self,
        at: u64,
        content: &Content,
        verifier: Verifier<'_>,
        artifact: &Digests,
    ) -> Result<(), Fault> {
        let mismatch = |field: &'static str| Fault::LogEntryMismatch { index: at, field };
        let signature = match content {
            Content::Message(message) => &message.signature,
            Content::Envelope(envelope) => &envelope.signature,
        };
        if self.signature != *signature {
            return Err(mismatch("signature"));
        }
        if !self.verifier_is(verifier) {
            return Err(mismatch("verifier"));
        }
        self.data.iter().try_for_each(|(algorithm, digest)| {
            let equal = match (content, self.over) {
                (Content::Message(_), Over::Payload) => return Err(mismatch("kind")),
                (Content::Message(_), Over::Signed) => match artifact.get(*algorithm) {
                    Some(actual) => actual == digest,
                    None => return Err(unavailable(algorithm.name(), artifact)),
                },
                (Content::Envelope(envelope), Over::Signed) => algorithm.digest(&envelope.pae()) == *digest,
                (Content::Envelope(envelope), Over::Payload) => algorithm.digest(&envelope.payload) == *digest,
            };
            if equal { Ok(()) } else { Err(mismatch("digest")) }
        })
    }

    fn verifier_is(&self, verifier: Verifier<'_>) -> bool {
        match (&self.verifier, verifier) {
            (BodyVerifier::Pem(pem), verifier) => verifier.is_pem(pem),
            (BodyVerifier::Certificate(der), Verifier::Certificate(certificate)) => *der == certificate.der,
            (BodyVerifier::Key(spki), Verifier::Key(key)) => spki == key.spki(),
            _ => false,
        }
    }
}

/// The artifact's digest by `needed` was not given and cannot be had.
pub(crate) fn unavailable(needed: &str, given: &Digests) -> Fault {
    let given: Vec<_> = given.0.iter().map(|(a, _)| a.name()).collect();
    Fault::DigestUnavailable { needed: needed.to_owned(), given: given.join(", ") }
}

fn malformed(reason: &str) -> crate::Error {
    Fault::Malformed { format: "log entry", at: "canonicalizedBody".to_owned(), reason: reason.to_owned() }.into()
}

/// Reads a body of the kind that the bundle says it is.
fn read<S: DeserializeOwned>(
    at: u64,
    entry: &LogEntry,
    limits: &Limits,
    spec: impl FnOnce(S) -> Result<Body>,
) -> Result<Body> {
    let is = |kind: &str, version: &str| kind == entry.kind && version == entry.version;
    let mismatch = Fault::LogEntryMismatch { index: at, field: "kind" };
    match from_json::<Entry<S>>("log entry", &entry.body, limits) {
        Ok(body) if is(&body.kind, &body.api_version) => spec(body.spec),
        Ok(_) => Err(mismatch.into()),
        // A body of another kind has another shape: then that is what to say.
        Err(e) => match serde_json::from_slice::<Head>(&entry.body) {
            Ok(head) if !is(&head.kind, &head.api_version) => Err(mismatch.into()),
            _ => Err(e),
        },
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    kind: String,
    api_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<S> {
    kind: String,
    api_version: String,
    spec: S,
}

/// A digest the way Rekor v1 writes it.
#[derive(Deserialize)]
struct HexDigest {
    algorithm: String,
    value: String,
}

impl HexDigest {
    fn read(&self) -> Result<(HashAlgorithm, Vec<u8>)> {
        let algorithm = HashAlgorithm::from_name(&self.algorithm).ok_or_else(|| Fault::AlgorithmUnsupported {
            what: "the log entry's digest",
            algorithm: quote(&self.algorithm),
        })?;
        let value = hex_decode(&self.value).ok_or_else(|| malformed("a digest is not hexadecimal"))?;
        Ok((algorithm, value))
    }
}

/// A digest the way Rekor v2 writes it.
#[derive(Deserialize)]
struct ProtoDigest {
    algorithm: String,
    digest: Bytes,
}

impl ProtoDigest {
    fn read(self) -> Result<(HashAlgorithm, Vec<u8>)> {
        let algorithm = HashAlgorithm::from_protobuf(&self.algorithm).ok_or_else(|| Fault::AlgorithmUnsupported {
            what: "the log entry's digest",
            algorithm: quote(&self.algorithm),
        })?;
        Ok((algorithm, self.digest.0))
    }
}

#[derive(Deserialize)]
struct HashedRekord1 {
    data: HashedRekord1Data,
    signature: HashedRekord1Signature,
}

#[derive(Deserialize)]
struct HashedRekord1Data {
    hash: HexDigest,
}

#[derive(Deserialize)]
struct HashedRekord1Signature {
    content: Bytes,
    #[serde(rename = "publicKey")]
    public_key: Rekor1Key,
}

#[derive(Deserialize)]
struct Rekor1Key {
    content: Bytes,
}

impl HashedRekord1 {
    fn read(self) -> Result<Body> {
        Ok(Body {
            data: vec![self.data.hash.read()?],
            over: Over::Signed,
            signature: self.signature.content.0,
            verifier: BodyVerifier::Pem(self.signature.public_key.content.0),
        })
    }
}

#[derive(Deserialize)]
struct HashedRekord2 {
    #[serde(rename = "hashedRekordV002")]
    inner: HashedRekord2Inner,
}

#[derive(Deserialize)]
struct HashedRekord2Inner {
    data: ProtoDigest,
    signature: Signature2,
}

/// A signature the way Rekor v2 writes it.
#[derive(Deserialize)]
struct Signature2 {
    content: Bytes,
    verifier: Verifier2,
}

#[derive(Deserialize)]
struct Verifier2 {
    #[serde(rename = "x509Certificate")]
    certificate: Option<Raw>,
    #[serde(rename = "publicKey")]
    public_key: Option<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "rawBytes")]
    raw_bytes: Bytes,
}

impl Verifier2 {
    fn read(self) -> Result<BodyVerifier> {
        match (self.certificate, self.public_key) {
            (Some(certificate), None) => Ok(BodyVerifier::Certificate(certificate.raw_bytes.0)),
            (None, Some(key)) => Ok(BodyVerifier::Key(key.raw_bytes.0)),
            _ => Err(malformed("its verifier is not one certificate or one key")),
        }
    }
}

impl HashedRekord2 {
    fn read(self) -> Result<Body> {
        Ok(Body {
            data: vec![self.inner.data.read()?],
            over: Over::Signed,
            signature: self.inner.signature.content.0,
            verifier: self.inner.signature.verifier.read()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse1 {
    payload_hash: HexDigest,
    signatures: Vec<Dsse1Signature>,
}

#[derive(Deserialize)]
struct Dsse1Signature {
    signature: Bytes,
    verifier: Bytes,
}

impl Dsse1 {
    fn read(self) -> Result<Body> {
        let signature = only(self.signatures)?;
        Ok(Body {
            data: vec![self.payload_hash.read()?],
            over: Over::Payload,
            signature: signature.signature.0,
            verifier: BodyVerifier::Pem(signature.verifier.0),
        })
    }
}

#[derive(Deserialize)]
struct Dsse2 {
    #[serde(rename = "dsseV002")]
    inner: Dsse2Inner,
}

#[derive(Deserialize)]
struct Dsse2Inner {
    #[serde(rename = "payloadHash")]
    payload_hash: ProtoDigest,
    signatures: Vec<Signature2>,
}

impl Dsse2 {
    fn read(self) -> Result<Body> {
        let signature = only(self.inner.signatures)?;
        Ok(Body {
            data: vec![self.inner.payload_hash.read()?],
            over: Over::Payload,
            signature: signature.content.0,
            verifier: signature.verifier.read()?,
        })
    }
}

#[derive(Deserialize)]
struct Intoto2 {
    content: Intoto2Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto2Content {
    envelope: Intoto2Envelope,
    payload_hash: HexDigest,
}

#[derive(Deserialize)]
struct Intoto2Envelope {
    signatures: Vec<Intoto2Signature>,
}

#[derive(Deserialize)]
struct Intoto2Signature {
    /// Base64 of the base64 that stood in the envelope.
    sig: Bytes,
    #[serde(rename = "publicKey")]
    public_key: Bytes,
}

impl Intoto2 {
    fn read(self) -> Result<Body> {
        let signature = only(self.content.envelope.signatures)?;
        let inner = std::str::from_utf8(&signature.sig.0).ok().and_then(base64_decode);
        Ok(Body {
            data: vec![self.content.payload_hash.read()?],
            over: Over::Payload,
            signature: inner.ok_or_else(|| malformed("its signature is not base64 of base64"))?,
            verifier: BodyVerifier::Pem(signature.public_key.0),
        })
    }
}

fn only<T>(list: Vec<T>) -> Result<T> {
    let mut list = list.into_iter();
    match (list.next(), list.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(malformed("it does not have exactly one signature")),
    }
}
