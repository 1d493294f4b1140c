//! The in-toto statement, v0.1 and v1
//! (<https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>).

use serde_json::Value;

use crate::error::{Error, Fault, Result, quote};
use crate::fields::{Fields, Object, put, put_text};
use crate::json;
use crate::limits::{Limits, within};
use crate::resource::{DigestSet, ResourceDescriptor, digits, is_hex};

/// The payload type of an in-toto statement in a DSSE envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A version of the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `https://in-toto.io/Statement/v0.1`
    V0_1,
    /// `https://in-toto.io/Statement/v1`
    V1,
}

impl Version {
    /// The value of `_type`.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::V0_1 => "https://in-toto.io/Statement/v0.1",
            Self::V1 => "https://in-toto.io/Statement/v1",
        }
    }
}

/// A statement: a predicate about subjects.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Its version.
    pub version: Version,
    /// What it is about; never empty, each with at least one digest.
    pub subjects: Vec<ResourceDescriptor>,
    /// What kind of claim it makes.
    pub predicate_type: String,
    /// The claim, as written.
    pub predicate: Object,
}

impl Statement {
    /// Reads a statement. Unknown fields are ignored; a key that stands twice in one object, anywhere, is refused.
    ///
    /// # Errors
    /// `input_too_large`, `malformed`, `statement_invalid`.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        Self::read(json::parse(bytes, limits)?, limits)
    }

    /// A statement that is judged and then thrown away.
    pub(crate) fn parse_to_judge(bytes: &[u8], limits: &Limits) -> Result<Self> {
        Self::read(json::parse_to_judge(bytes, limits)?, limits)
    }

    /// Reads a document that was parsed elsewhere, by a parser that refuses keys that stand twice.
    ///
    /// # Errors
    /// `input_too_large`, `statement_invalid`.
    pub fn from_value(document: &Value, limits: &Limits) -> Result<Self> {
        Self::read(json::checked(document, limits)?, limits)
    }

    /// Writes the statement, canonically: equal statements give equal bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        json::write(&self.to_value()).into_bytes()
    }

    /// The statement as a document.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Object::new();
        put_text(&mut object, "_type", Some(self.version.uri()));
        let subjects = self.subjects.iter().map(ResourceDescriptor::to_value).collect();
        put(&mut object, "subject", Value::Array(subjects));
        put_text(&mut object, "predicateType", Some(&self.predicate_type));
        put(&mut object, "predicate", Value::Object(self.predicate.clone()));
        Value::Object(object)
    }

    /// The index of the subject that has all those digests which it and `digests` both name, and at least one by a
    /// strong algorithm.
    ///
    /// # Errors
    /// `subject_absent`.
    pub fn find(&self, digests: &DigestSet) -> Result<usize> {
        self.subjects.iter().position(|subject| same(&subject.digest, digests)).ok_or_else(|| {
            let digest: Vec<_> = digests.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            Fault::SubjectAbsent {
                digest: quote(&digest.join(", ")),
                subjects: u64::try_from(self.subjects.len()).unwrap_or(u64::MAX),
            }
            .into()
        })
    }

    fn read(document: Value, limits: &Limits) -> Result<Self> {
        let Value::Object(mut object) = document else { return Err(invalid("statement", "not an object")) };
        // The predicate is most of it: moved, not copied.
        let predicate = object.remove("predicate");
        let fault = |field, reason| Fault::StatementInvalid { field, reason };
        let fields = Fields { object: &object, at: "", limits, fault };
        let version = read_version(fields.required("_type")?)?;
        Ok(Self {
            version,
            subjects: read_subjects(fields, version)?,
            predicate_type: fields.required("predicateType")?.to_owned(),
            predicate: match predicate {
                None | Some(Value::Null) => Object::new(),
                Some(Value::Object(predicate)) => predicate,
                Some(_) => return Err(invalid("predicate", "not an object")),
            },
        })
    }
}

fn read_version(text: &str) -> Result<Version> {
    [Version::V0_1, Version::V1]
        .into_iter()
        .find(|v| v.uri() == text)
        .ok_or_else(|| invalid("_type", &format!("\"{}\" is not a known statement type", quote(text))))
}

fn read_subjects(fields: Fields<'_>, version: Version) -> Result<Vec<ResourceDescriptor>> {
    let list = fields.list("subject")?;
    if list.is_empty() {
        return Err(invalid("subject", "not a list of at least one subject"));
    }
    within("statement subjects", fields.limits.subjects, list.len())?;
    list.iter().enumerate().map(|(i, value)| read_subject(fields, version, i, value)).collect()
}

fn read_subject(fields: Fields<'_>, version: Version, index: usize, value: &Value) -> Result<ResourceDescriptor> {
    let at = format!("subject[{index}]");
    let object = value.as_object().ok_or_else(|| invalid(&at, "not an object"))?;
    let subject = ResourceDescriptor::read(fields.within(object, &at))?;
    if version == Version::V0_1 && subject.name.is_none() {
        return Err(invalid(&format!("{at}.name"), "not a text, which v0.1 needs"));
    }
    if subject.digest.is_empty() {
        return Err(invalid(&format!("{at}.digest"), "not an object of at least one digest"));
    }
    for (algorithm, digest) in &subject.digest {
        if digits(algorithm).is_some_and(|n| n != digest.len() || !is_hex(digest)) {
            let reason = format!("\"{}\" is not a digest by {algorithm}", quote(digest));
            return Err(invalid(&format!("{at}.digest"), &reason));
        }
    }
    Ok(subject)
}

/// Weak algorithms never make two things the same, but they can make them differ. A commit is what a revision of source
/// is known by, in whichever hash its repository uses.
fn same(subject: &DigestSet, artifact: &DigestSet) -> bool {
    let mut equal = false;
    for (name, value) in subject {
        let Some(actual) = artifact.get(name) else { continue };
        if !actual.eq_ignore_ascii_case(value) {
            return false;
        }
        equal |= name == "gitCommit" || digits(name).is_some_and(|n| n >= 64);
    }
    equal
}

fn invalid(field: &str, reason: &str) -> Error {
    Fault::StatementInvalid { field: field.to_owned(), reason: reason.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(subject: &str) -> Result<Statement> {
        let json = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":{subject},"predicateType":"t","predicate":{{}}}}"#
        );
        Statement::parse(json.as_bytes(), &Limits::default())
    }

    fn digests(pairs: &[(&str, String)]) -> DigestSet {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), b.clone())).collect()
    }

    #[test]
    fn a_subject_is_found_by_digest() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let s = statement(&format!(r#"[{{"digest":{{"sha256":"{a}"}}}},{{"digest":{{"sha256":"{b}"}}}}]"#)).unwrap();
        assert_eq!(s.find(&digests(&[("sha256", "B".repeat(64))])), Ok(1));
        assert_eq!(s.find(&digests(&[("sha256", "c".repeat(64))])).unwrap_err().code(), "subject_absent");
    }

    #[test]
    fn weak_digests_never_satisfy_but_refuse() {
        let weak = statement(&format!(r#"[{{"digest":{{"sha1":"{}"}}}}]"#, "a".repeat(40))).unwrap();
        assert!(weak.find(&digests(&[("sha1", "a".repeat(40))])).is_err());
        let (a, b) = ("a".repeat(64), "b".repeat(40));
        let both = statement(&format!(r#"[{{"digest":{{"sha256":"{a}","sha1":"{b}"}}}}]"#)).unwrap();
        assert!(both.find(&digests(&[("sha256", a), ("sha1", "c".repeat(40))])).is_err());
    }

    #[test]
    fn what_a_statement_must_have() {
        for bad in [
            "[]",
            "{}",
            "null",
            "[{}]",
            "[1]",
            r#"[{"digest":{}}]"#,
            r#"[{"digest":{"sha256":1}}]"#,
            r#"[{"digest":{"sha256":"00"}}]"#,
            r#"[{"name":1,"digest":{"a":"b"}}]"#,
        ] {
            assert_eq!(statement(bad).map_err(|e| e.code()).err(), Some("statement_invalid"), "{bad}");
        }
        assert!(statement(r#"[{"digest":{"futureHash":"anything"}}]"#).is_ok());
        let old =
            br#"{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"digest":{"a":"b"}}],"predicateType":"t"}"#;
        assert_eq!(Statement::parse(old, &Limits::default()).unwrap_err().code(), "statement_invalid");
        let unknown =
            br#"{"_type":"https://in-toto.io/Statement/v2","subject":[{"digest":{"a":"b"}}],"predicateType":"t"}"#;
        assert_eq!(Statement::parse(unknown, &Limits::default()).unwrap_err().code(), "statement_invalid");
    }
}
