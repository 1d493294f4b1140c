//! A large file: made, signed with a managed key, and hashed raw.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

use aws_lc_rs::digest::{Context, Digest, SHA256};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Outcome, during, elapsed};

const BLOCK: usize = 1 << 20;

/// Real bytes on disk, not a hole: a sparse file reads faster than any real one.
pub(crate) fn make(path: &Path, bytes: usize) -> Outcome<String> {
    let mut file = during("create", File::create(path))?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut left = bytes;
    while left > 0 {
        let block: Vec<u8> = (0..BLOCK / 8).flat_map(|_| next(&mut state).to_le_bytes()).collect();
        let part = block.get(..left.min(BLOCK)).unwrap_or(&block);
        during("write", file.write_all(part))?;
        left -= part.len();
    }
    Ok(bytes.to_string())
}

/// Leaves `file.sigstore.json` and `file.pem` in the folder: a message signature under a fresh managed key.
pub(crate) fn sign(path: &Path, folder: &Path) -> Outcome<String> {
    let pair = during("key", EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING))?;
    let digest = hash(path, BLOCK)?;
    let signature = during("sign", pair.sign_digest(&digest))?;
    let key = during("public key", AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key()))?;
    let bundle = serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "bench"}},
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(digest.as_ref())},
            "signature": STANDARD.encode(signature.as_ref()),
        },
    });
    during("bundle", std::fs::write(folder.join("file.sigstore.json"), bundle.to_string()))?;
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(key.as_ref()));
    during("key", std::fs::write(folder.join("file.pem"), pem))?;
    Ok(String::new())
}

pub(crate) fn time_hash(path: &Path, chunk: usize) -> Outcome<String> {
    let start = Instant::now();
    hash(path, chunk)?;
    Ok(elapsed(start).to_string())
}

/// The same number of bytes without any reading: the share that is SHA-256 alone.
pub(crate) fn time_hash_memory(bytes: usize, chunk: usize) -> String {
    let block = vec![0xa5_u8; chunk];
    let start = Instant::now();
    let mut context = Context::new(&SHA256);
    for _ in 0..bytes / chunk {
        context.update(&block);
    }
    std::hint::black_box(context.finish());
    elapsed(start).to_string()
}

fn hash(path: &Path, chunk: usize) -> Outcome<Digest> {
    let mut file = during("open", File::open(path))?;
    let mut buffer = vec![0; chunk];
    let mut context = Context::new(&SHA256);
    loop {
        let read = during("read", file.read(&mut buffer))?;
        match buffer.get(..read) {
            Some([]) | None => return Ok(context.finish()),
            Some(part) => context.update(part),
        }
    }
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
