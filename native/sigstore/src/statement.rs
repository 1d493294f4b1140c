//! The in-toto statement, v0.1 and v1 (<https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>):
//! as much of it as binds it to an artifact. What its predicate means is for others to say.

use serde_json::Value;

use crate::artifact::{Digests, HashAlgorithm};
use crate::encoding::{hex_decode, parse_strict};
use crate::entry::unavailable;
use crate::error::{Error, Fault, Result, quote};
use crate::limits::{Limits, within};

/// The payload type of an in-toto statement in a DSSE envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The whole document, decoded. No object in it has a key twice.
    pub document: Value,
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// What kind of claim it makes.
    pub predicate_type: String,
}

/// One subject of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its digests: algorithm and hexadecimal value, as written.
    pub digests: Vec<(String, String)>,
}

impl Statement {
    /// Reads a statement.
    ///
    /// # Errors
    /// `malformed`, `statement_invalid`, `input_too_large`.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let document = parse_strict("in-toto statement", bytes, limits)?;
        let kind = text_field(&document, "_type")?;
        if !TYPES.contains(&kind) {
            return Err(invalid("_type", format!("\"{}\" is not a known statement type", quote(kind))));
        }
        let subjects = subjects(&document, limits)?;
        let predicate_type = text_field(&document, "predicateType")?.to_owned();
        Ok(Self { document, subjects, predicate_type })
    }

    /// The digest algorithms by which its subjects can be compared with an artifact.
    pub(crate) fn algorithms(&self) -> Vec<HashAlgorithm> {
        let named = |a: &HashAlgorithm| self.subjects.iter().any(|s| s.digests.iter().any(|(n, _)| n == a.name()));
        HashAlgorithm::ALL.into_iter().filter(named).collect()
    }

    /// The index of the subject that is the artifact of those digests.
    pub(crate) fn find(&self, artifact: &Digests) -> Result<usize> {
        let algorithms = self.algorithms();
        if !algorithms.iter().any(|a| artifact.get(*a).is_some()) && !algorithms.is_empty() {
            let names: Vec<_> = algorithms.iter().map(|a| a.name()).collect();
            return Err(unavailable(&names.join(" or "), artifact).into());
        }
        self.subjects.iter().position(|subject| subject.is(artifact)).ok_or_else(|| {
            Fault::SubjectAbsent {
                digest: quote(&artifact.describe()),
                subjects: u64::try_from(self.subjects.len()).unwrap_or(u64::MAX),
            }
            .into()
        })
    }
}

impl Subject {
    /// At least one digest by an accepted algorithm equals the artifact's, and none differs.
    fn is(&self, artifact: &Digests) -> bool {
        let mut equal = false;
        for (name, value) in &self.digests {
            let Some(actual) = HashAlgorithm::from_name(name).and_then(|a| artifact.get(a)) else { continue };
            if hex_decode(value).as_deref() != Some(actual) {
                return false;
            }
            equal = true;
        }
        equal
    }
}

fn subjects(document: &Value, limits: &Limits) -> Result<Vec<Subject>> {
    let list = match document.get("subject") {
        Some(Value::Array(list)) if !list.is_empty() => list,
        _ => return Err(invalid("subject", "not a list of at least one subject".to_owned())),
    };
    within("statement subjects", limits.subjects, list.len())?;
    list.iter().enumerate().map(|(i, subject)| read_subject(i, subject)).collect()
}

fn read_subject(index: usize, subject: &Value) -> Result<Subject> {
    let at = |field: &str| format!("subject[{index}].{field}");
    let name = match subject.get("name") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(_) => return Err(invalid(&at("name"), "not a text".to_owned())),
    };
    let digests = match subject.get("digest") {
        Some(Value::Object(digests)) if !digests.is_empty() => digests,
        _ => return Err(invalid(&at("digest"), "not an object of at least one digest".to_owned())),
    };
    let digests = digests
        .iter()
        .map(|(name, value)| match value {
            Value::String(value) => Ok((name.clone(), value.clone())),
            _ => Err(invalid(&at("digest"), format!("the value of \"{}\" is not a text", quote(name)))),
        })
        .collect::<Result<_>>()?;
    Ok(Subject { name, digests })
}

fn text_field<'a>(document: &'a Value, field: &'static str) -> Result<&'a str> {
    match document.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        _ => Err(invalid(field, "not a text".to_owned())),
    }
}

fn invalid(field: &str, reason: String) -> Error {
    Fault::StatementInvalid { field: field.to_owned(), reason }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    fn statement(subject: &str) -> Result<Statement> {
        let json = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":{subject},"predicateType":"t","predicate":{{}}}}"#
        );
        Statement::parse(json.as_bytes(), &Limits::default())
    }

    fn zero() -> Digests {
        Digests(vec![(HashAlgorithm::Sha256, vec![0; 32])])
    }

    #[test]
    fn a_subject_is_found_by_digest() {
        let s =
            statement(&format!(r#"[{{"name":"a","digest":{{"sha256":"11"}}}},{{"digest":{{"sha256":"{ZERO}"}}}}]"#));
        assert_eq!(s.and_then(|s| s.find(&zero())), Ok(1));
    }

    #[test]
    fn weak_digests_never_satisfy() {
        let s = statement(r#"[{"name":"a","digest":{"sha1":"00","md5":"00","gitCommit":"00"}}]"#);
        assert_eq!(s.and_then(|s| s.find(&zero())).map_err(|e| e.code()), Err("subject_absent"));
    }

    #[test]
    fn a_differing_digest_refuses_a_subject() {
        let both = Digests(vec![(HashAlgorithm::Sha256, vec![0; 32]), (HashAlgorithm::Sha512, vec![0; 64])]);
        let s = statement(&format!(r#"[{{"digest":{{"sha256":"{ZERO}","sha512":"11"}}}}]"#));
        assert!(s.and_then(|s| s.find(&both)).is_err());
    }

    #[test]
    fn what_a_statement_must_have() {
        for bad in [
            "[]",
            "{}",
            "[{}]",
            r#"[{"digest":{}}]"#,
            r#"[{"digest":{"sha256":1}}]"#,
            r#"[{"name":1,"digest":{"a":"b"}}]"#,
        ] {
            assert_eq!(statement(bad).map_err(|e| e.code()).err(), Some("statement_invalid"), "{bad}");
        }
    }

    #[test]
    fn duplicate_keys_are_malformed() {
        let e = parse_strict("in-toto statement", br#"{"a":{"b":1,"b":2}}"#, &Limits::default());
        assert_eq!(e.map_err(|e| e.code()), Err("malformed"));
    }
}
