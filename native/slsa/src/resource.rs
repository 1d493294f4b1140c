//! Resource descriptors and digest sets of the in-toto attestation framework
//! (<https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md>).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::Result;
use crate::fields::{Fields, Object, put, put_text};

/// Digests of one thing: algorithm and value, as written.
pub type DigestSet = BTreeMap<String, String>;

/// An artifact, a dependency, a policy: whatever a statement points at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceDescriptor {
    /// Its name.
    pub name: Option<String>,
    /// Its URI.
    pub uri: Option<String>,
    /// Its digests.
    pub digest: DigestSet,
    /// Its content, base64 as written.
    pub content: Option<String>,
    /// Where to get it.
    pub download_location: Option<String>,
    /// Its media type.
    pub media_type: Option<String>,
    /// More about it.
    pub annotations: Object,
}

impl ResourceDescriptor {
    pub(crate) fn read(fields: Fields<'_>) -> Result<Self> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Self {
            name: owned(fields.text("name")?),
            uri: owned(fields.text("uri")?),
            digest: read_digests(fields)?,
            content: owned(fields.free_text("content")?),
            download_location: owned(fields.text("downloadLocation")?),
            media_type: owned(fields.text("mediaType")?),
            annotations: fields.object("annotations")?.clone(),
        })
    }

    pub(crate) fn to_value(&self) -> Value {
        let mut object = Object::new();
        put_text(&mut object, "name", self.name.as_deref());
        put_text(&mut object, "uri", self.uri.as_deref());
        let digest: Object = self.digest.iter().map(|(a, v)| (a.clone(), Value::from(v.as_str()))).collect();
        put(&mut object, "digest", Value::Object(digest));
        put_text(&mut object, "content", self.content.as_deref());
        put_text(&mut object, "downloadLocation", self.download_location.as_deref());
        put_text(&mut object, "mediaType", self.media_type.as_deref());
        put(&mut object, "annotations", Value::Object(self.annotations.clone()));
        Value::Object(object)
    }

    /// The git commits it says it is at, as written: `gitCommit`, the older `sha1`, and forty digits under `sha256`, which is
    /// how GitLab's runner writes them.
    pub fn commits(&self) -> impl Iterator<Item = &str> {
        commits(&self.digest)
    }
}

pub(crate) fn commits(digest: &DigestSet) -> impl Iterator<Item = &str> {
    let misnamed = digest.get("sha256").filter(|value| value.len() == 40);
    ["gitCommit", "sha1"].into_iter().filter_map(|name| digest.get(name)).chain(misnamed).map(String::as_str)
}

/// Digests; their values are texts that are not empty.
pub(crate) fn read_digests(fields: Fields<'_>) -> Result<DigestSet> {
    let set: DigestSet = fields.texts("digest")?.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    for (name, value) in &set {
        let length = name.len().max(value.len());
        crate::limits::within("bytes of an identifying text", fields.limits.text_bytes, length)?;
    }
    Ok(set)
}

/// Whether `text` is a whole git object id: SHA-1, or SHA-256 in newer repositories.
pub(crate) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && is_hex(text)
}

pub(crate) fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// How many hexadecimal digits a digest of that algorithm has, where it is known.
pub(crate) fn digits(algorithm: &str) -> Option<usize> {
    Some(match algorithm {
        "md5" => 32,
        "sha1" | "ripemd160" => 40,
        "sha224" | "sha512_224" | "sha3_224" => 56,
        "sha256" | "sha512_256" | "sha3_256" => 64,
        "sha384" | "sha3_384" => 96,
        "sha512" | "sha3_512" => 128,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn read(value: &Value) -> Result<ResourceDescriptor> {
        let limits = Limits::default();
        ResourceDescriptor::read(Fields::predicate(value.as_object().unwrap(), "r", &limits))
    }

    #[test]
    fn written_as_read() {
        let value = serde_json::json!({
            "name": "n", "uri": "u", "digest": {"sha256": "00"}, "content": "AA==", "downloadLocation": "d",
            "mediaType": "m", "annotations": {"k": [1]}
        });
        assert_eq!(read(&value).unwrap().to_value(), value);
        let with_unknown = serde_json::json!({"uri": "u", "colour": "red"});
        assert_eq!(read(&with_unknown).unwrap().to_value(), serde_json::json!({"uri": "u"}));
    }

    #[test]
    fn commits_are_found_under_every_name_in_use() {
        let sha = "a".repeat(40);
        for name in ["gitCommit", "sha1", "sha256"] {
            let value = serde_json::json!({"digest": {name: sha}});
            assert_eq!(read(&value).unwrap().commits().collect::<Vec<_>>(), [sha.as_str()], "{name}");
        }
        let artifact = serde_json::json!({"digest": {"sha256": "a".repeat(64)}});
        assert_eq!(read(&artifact).unwrap().commits().next(), None, "the digest of a file is no commit");
    }

    #[test]
    fn digests_are_texts() {
        assert!(read(&serde_json::json!({"digest": {"sha256": 1}})).is_err());
        assert!(read(&serde_json::json!({"digest": "sha256"})).is_err());
    }
}
