//! The artifact that a bundle is about, and its digests.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use aws_lc_rs::digest;

use crate::encoding::hex_encode;
use crate::error::{Fault, Result, quote};
use crate::limits::within;

/// The digest algorithms that may identify an artifact. SHA-1 and MD5 are not among them, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name used by in-toto, such as `sha256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }

    /// The algorithm of that protobuf name, such as `SHA2_256`.
    #[must_use]
    pub fn from_protobuf(name: &str) -> Option<Self> {
        match name {
            "SHA2_256" => Some(Self::Sha256),
            "SHA2_384" => Some(Self::Sha384),
            "SHA2_512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Its protobuf name.
    #[cfg(feature = "sign")]
    pub(crate) const fn protobuf(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA2_256",
            Self::Sha384 => "SHA2_384",
            Self::Sha512 => "SHA2_512",
        }
    }

    /// Bytes in a digest.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(crate) fn engine(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// The digest of `bytes`.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        digest::digest(self.engine(), bytes).as_ref().to_vec()
    }
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    out
}

/// What the caller wants verified.
#[derive(Debug, Clone)]
pub enum Artifact<'a> {
    /// The artifact itself.
    Bytes(&'a [u8]),
    /// A file, read in chunks.
    File(PathBuf),
    /// Its digest only. The length fits the algorithm: see [`Artifact::from_digest`].
    Digest(HashAlgorithm, Vec<u8>),
}

/// Enough to keep the disk and the hash busy, little enough to stay in the second-level cache.
const CHUNK: usize = 256 << 10;

impl Artifact<'_> {
    /// An artifact known by digest; the digest's length must fit.
    ///
    /// # Errors
    /// `option_invalid`.
    pub fn from_digest(algorithm: HashAlgorithm, digest: Vec<u8>) -> Result<Self> {
        if digest.len() == algorithm.length() {
            Ok(Self::Digest(algorithm, digest))
        } else {
            Err(Fault::OptionInvalid {
                option: "digest".to_owned(),
                expected: "as many bytes as its algorithm gives: 32 (sha256), 48 (sha384) or 64 (sha512)",
            }
            .into())
        }
    }

    /// Its digests by those of `algorithms` that can be had: all of them unless only one digest was given.
    pub(crate) fn digests(&self, algorithms: &[HashAlgorithm]) -> Result<Digests> {
        let found = match self {
            Self::Bytes(bytes) => algorithms.iter().map(|a| (*a, a.digest(bytes))).collect(),
            Self::File(path) => hash_file(path, algorithms)?,
            Self::Digest(algorithm, digest) => vec![(*algorithm, digest.clone())],
        };
        Ok(Digests(found))
    }

    /// All of its bytes, at most `limit`; `None` when only a digest was given.
    pub(crate) fn bytes(&self, limit: u64) -> Result<Option<std::borrow::Cow<'_, [u8]>>> {
        match self {
            Self::Bytes(bytes) => {
                within("message", limit, bytes.len())?;
                Ok(Some((*bytes).into()))
            }
            Self::File(path) => {
                let mut bytes = Vec::new();
                let file = File::open(path).map_err(|e| storage(path, &e))?;
                file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| storage(path, &e))?;
                within("message", limit, bytes.len())?;
                Ok(Some(bytes.into()))
            }
            Self::Digest(..) => Ok(None),
        }
    }

    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Bytes(_) | Self::File(_) => "the artifact".to_owned(),
            Self::Digest(algorithm, _) => format!("its {}", algorithm.name()),
        }
    }
}

fn hash_file(path: &std::path::Path, algorithms: &[HashAlgorithm]) -> Result<Vec<(HashAlgorithm, Vec<u8>)>> {
    let mut file = File::open(path).map_err(|e| storage(path, &e))?;
    let mut contexts: Vec<_> = algorithms.iter().map(|a| (*a, digest::Context::new(a.engine()))).collect();
    let mut chunk = vec![0; CHUNK];
    loop {
        let n = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(storage(path, &e).into()),
        };
        let read = chunk.get(..n).unwrap_or_default();
        contexts.iter_mut().for_each(|(_, context)| context.update(read));
    }
    Ok(contexts.into_iter().map(|(a, c)| (a, c.finish().as_ref().to_vec())).collect())
}

fn storage(path: &std::path::Path, e: &std::io::Error) -> Fault {
    Fault::StorageFailed { path: quote(&path.to_string_lossy()), reason: e.to_string() }
}

/// The digests of one artifact.
#[derive(Debug, Clone)]
pub(crate) struct Digests(pub(crate) Vec<(HashAlgorithm, Vec<u8>)>);

impl Digests {
    pub(crate) fn get(&self, algorithm: HashAlgorithm) -> Option<&[u8]> {
        self.0.iter().find(|(a, _)| *a == algorithm).map(|(_, d)| d.as_slice())
    }

    pub(crate) fn describe(&self) -> String {
        let each: Vec<_> = self.0.iter().map(|(a, d)| format!("{}:{}", a.name(), hex_encode(d))).collect();
        each.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_its_bytes_have_the_same_digests() {
        let path = std::env::temp_dir().join(format!("artifact-{}", std::process::id()));
        let content = vec![7u8; CHUNK + 1];
        std::fs::write(&path, &content).unwrap_or_else(|e| panic!("{e}"));
        let from_file = Artifact::File(path.clone()).digests(&HashAlgorithm::ALL).map(|d| d.0);
        let from_bytes = Artifact::Bytes(&content).digests(&HashAlgorithm::ALL).map(|d| d.0);
        std::fs::remove_file(&path).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(from_file, from_bytes);
    }

    #[test]
    fn a_missing_file_is_told() {
        let error = Artifact::File("/nonexistent/x".into()).digests(&HashAlgorithm::ALL).map(|_| ());
        assert_eq!(error.map_err(|e| e.code()), Err("storage_failed"));
    }

    #[test]
    fn digest_lengths_must_fit() {
        assert!(Artifact::from_digest(HashAlgorithm::Sha256, vec![0; 32]).is_ok());
        assert!(Artifact::from_digest(HashAlgorithm::Sha256, vec![0; 31]).is_err());
        assert!(Artifact::from_digest(HashAlgorithm::Sha512, vec![0; 32]).is_err());
    }
}
