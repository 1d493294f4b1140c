//! What is signed: a payload as far as the key, the logs and whoever verifies care.

use std::sync::Arc;

use super::holder::Holder;
use super::plan::Plan;
use super::{Options, Payload, Request, internal, option_invalid, write};
use crate::artifact::{Artifact, HashAlgorithm};
use crate::encoding::hex_decode;
use crate::error::{Fault, Result};
use crate::key::{KeyAlgorithm, PublicKey};
use crate::net::blocking;
use crate::statement::Statement;

/// What will be signed, and how to ask for it.
pub(super) async fn prepare(
    payload: Payload,
    holder: &Holder<'_>,
    plan: &Plan,
    options: &Options,
) -> Result<(SignedContent, Request)> {
    let algorithm = holder.public.algorithm();
    if algorithm == KeyAlgorithm::Rsa {
        return Err(Fault::AlgorithmUnsupported { what: "signing", algorithm: algorithm.name().to_owned() }.into());
    }
    match payload {
        Payload::Statement(_) if algorithm == KeyAlgorithm::Ed25519 && plan.is_logged_in(2) => {
            Err(option_invalid("log", "version 1, or none: Rekor 2 takes no Ed25519 signature of a statement"))
        }
        // It verifies envelopes with SHA-256, which is not the registry's for other curves.
        Payload::Statement(_) if usual_hash(algorithm) != HashAlgorithm::Sha256 && plan.is_hashed_by_log(algorithm) => {
            Err(option_invalid("log", "version 2, or none: Rekor 1 takes a statement only signed by P-256 or Ed25519"))
        }
        Payload::Statement(payload) => prepare_statement(payload, algorithm, options),
        artifact if algorithm == KeyAlgorithm::Ed25519 && plan.log.is_none() => whole(artifact, options).await,
        _ if algorithm == KeyAlgorithm::Ed25519 && holder.is_elsewhere() => {
            Err(option_invalid("log", "none: an external Ed25519 key cannot sign the digest that logs take"))
        }
        artifact => {
            let hash = usual_hash(algorithm);
            let digest = digest(artifact, hash).await?;
            let request = match algorithm {
                KeyAlgorithm::Ed25519 => Request::Prehashed(digest.clone()),
                _ => Request::Digest(hash, digest.clone()),
            };
            Ok((SignedContent::Message { algorithm: hash, digest, whole: None }, request))
        }
    }
}

fn usual_hash(algorithm: KeyAlgorithm) -> HashAlgorithm {
    algorithm.artifact_hashes().first().copied().unwrap_or(HashAlgorithm::Sha512)
}

/// An artifact for pure Ed25519, which signs the message itself.
async fn whole(artifact: Payload, options: &Options) -> Result<(SignedContent, Request)> {
    let limit = options.limits.message_bytes;
    let bytes = blocking(move || {
        let artifact = borrowed(&artifact)?;
        let bytes = artifact.bytes(limit)?.map(std::borrow::Cow::into_owned);
        bytes.ok_or_else(|| {
            let needed = "own bytes (Ed25519 does not hash first)".to_owned();
            Fault::DigestUnavailable { needed, given: artifact.describe() }.into()
        })
    })
    .await?;
    let algorithm = HashAlgorithm::Sha256;
    let digest = algorithm.digest(&bytes);
    Ok((SignedContent::Message { algorithm, digest, whole: Some(bytes.clone()) }, Request::Message(bytes)))
}

async fn digest(artifact: Payload, algorithm: HashAlgorithm) -> Result<Vec<u8>> {
    blocking(move || {
        let digests = borrowed(&artifact)?.digests(&[algorithm])?;
        match digests.get(algorithm) {
            Some(digest) => Ok(digest.to_vec()),
            None => Err(crate::entry::unavailable(algorithm.name(), &digests).into()),
        }
    })
    .await
}

fn borrowed(payload: &Payload) -> Result<Artifact<'_>> {
    match payload {
        Payload::Bytes(bytes) => Ok(Artifact::Bytes(bytes)),
        Payload::File(path) => Ok(Artifact::File(path.clone())),
        Payload::Digest(algorithm, digest) => Artifact::from_digest(*algorithm, digest.clone()),
        Payload::Statement(_) => Err(internal("a statement is no artifact")),
    }
}

fn prepare_statement(payload: Vec<u8>, algorithm: KeyAlgorithm, options: &Options) -> Result<(SignedContent, Request)> {
    let about = subject(&Statement::parse(&payload, &options.limits)?)?;
    let pae = write::envelope(payload.clone(), Vec::new()).pae();
    let hash = usual_hash(algorithm);
    let digest = hash.digest(&pae);
    let request = match algorithm {
        KeyAlgorithm::Ed25519 => Request::Message(pae),
        _ => Request::Digest(hash, digest.clone()),
    };
    Ok((SignedContent::Statement { payload, algorithm: hash, digest, about }, request))
}

/// The first digest by which anybody could find that the statement is about something.
fn subject(statement: &Statement) -> Result<(HashAlgorithm, Vec<u8>)> {
    let digests = statement.subjects.iter().flat_map(|subject| &subject.digests);
    let usable = |(name, value): &(String, String)| {
        let algorithm = HashAlgorithm::from_name(name)?;
        let digest = hex_decode(value).filter(|digest| digest.len() == algorithm.length())?;
        Some((algorithm, digest))
    };
    digests.filter_map(usable).next().ok_or_else(|| {
        let reason = "no subject has a sha256, sha384 or sha512 digest: nobody could verify it".to_owned();
        Fault::StatementInvalid { field: "subject".to_owned(), reason }.into()
    })
}

/// A signature with what it is over and by.
pub(super) struct Signature {
    pub(super) key: Arc<PublicKey>,
    pub(super) certificate: Option<Vec<u8>>,
    pub(super) hint: Option<String>,
    pub(super) content: SignedContent,
    pub(super) bytes: Vec<u8>,
}

/// What a signature is over.
pub(super) enum SignedContent {
    /// An artifact of that digest.
    Message { algorithm: HashAlgorithm, digest: Vec<u8>, whole: Option<Vec<u8>> },
    /// A statement, in an envelope whose pre-authentication encoding has that digest.
    Statement { payload: Vec<u8>, algorithm: HashAlgorithm, digest: Vec<u8>, about: (HashAlgorithm, Vec<u8>) },
}

impl Signature {
    pub(super) fn digest(&self) -> (HashAlgorithm, &[u8]) {
        match &self.content {
            SignedContent::Message { algorithm, digest, .. } | SignedContent::Statement { algorithm, digest, .. } => {
                (*algorithm, digest)
            }
        }
    }

    /// What to verify the bundle for.
    pub(super) fn artifact(&self) -> Artifact<'_> {
        match &self.content {
            SignedContent::Message { whole: Some(whole), .. } => Artifact::Bytes(whole),
            SignedContent::Message { algorithm, digest, whole: None } => Artifact::Digest(*algorithm, digest.clone()),
            SignedContent::Statement { about: (algorithm, digest), .. } => Artifact::Digest(*algorithm, digest.clone()),
        }
    }
}
