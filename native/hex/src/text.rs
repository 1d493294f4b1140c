//! What the texts of an event may be.

use std::net::IpAddr;

use crate::limits;

/// Why a text cannot be what it should be.
pub(crate) type Reason = &'static str;

/// Identifies something: one line without spaces at its ends.
pub(crate) fn identifying(text: &str) -> Result<(), Reason> {
    let plain = !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
    check(plain && text.len() <= limits::TEXT_BYTES, "it is not one line of 1 to 1024 bytes")
}

/// Something for people to read.
pub(crate) fn message(text: &str) -> Result<(), Reason> {
    let plain = !text.is_empty() && !text.chars().any(|c| c.is_control() && c != '\n');
    check(plain && text.len() <= limits::MESSAGE_BYTES, "it is not a text of 1 to 4096 bytes")
}

/// The event's id: as the log takes it.
pub(crate) fn event_id(text: &str) -> Result<(), Reason> {
    let plain = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    check(plain, "it is not 1 to 64 printable ASCII characters")
}

/// The name of a vulnerability or of a document.
pub(crate) fn name(text: &str) -> Result<(), Reason> {
    let plain = (1..=limits::NAME_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    check(plain, "it is not 1 to 128 printable ASCII characters")
}

/// Who somebody is to the public: a handle or an opaque id. The characters alone let no e-mail address pass.
pub(crate) fn public_id(text: &str) -> Result<(), Reason> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.:/+=~".contains(&b);
    let short = (1..=limits::NAME_BYTES).contains(&text.len());
    check(short && text.bytes().all(plain) && !is_address(text), "it is not a public handle or an opaque id")
}

/// The name of a claim in an identity token. None is an address of a person.
pub(crate) fn claim_name(text: &str) -> Result<(), Reason> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let short = (1..=limits::NAME_BYTES).contains(&text.len());
    check(short && text.bytes().all(plain) && !text.contains("email"), "it is not the name of a public claim")
}

/// The value of a claim that may be published.
pub(crate) fn claim(text: &str) -> Result<(), Reason> {
    identifying(text)?;
    check(!is_address(text), "it is an address of a person or a machine")
}

/// `https://HOST[:PORT][/PATH]`, nothing in it that a reader could take for something else.
pub(crate) fn url(text: &str) -> Result<(), Reason> {
    let rest = text.strip_prefix("https://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':');
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    let good = !host.is_empty() && host.bytes().all(host_plain) && plain && text.len() <= limits::TEXT_BYTES;
    check(good, "it is not an https URL with a lowercase host")
}

/// A URL that others are made from: without a slash at its end.
pub(crate) fn base_url(text: &str) -> Result<(), Reason> {
    url(text)?;
    check(!text.ends_with('/') && !text.contains(['?', '#']), "it ends with a slash, or has a query or fragment")
}

/// An e-mail address or a machine's. Workflows are written as `o/r/.github/workflows/w.yml@ref`: no address has a slash.
fn is_address(text: &str) -> bool {
    let mail = text.split_once('@').is_some_and(|(who, at)| {
        !who.is_empty() && at.contains('.') && !text.contains(['/', ' ']) && !at.contains('@')
    });
    mail || text.parse::<IpAddr>().is_ok()
}

fn check(good: bool, reason: Reason) -> Result<(), Reason> {
    if good { Ok(()) } else { Err(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_known_by_an_address() {
        for good in ["ericmj", "user:42", "urn:uuid:8e9f", "a.b-c_d", "YWJj=="] {
            assert_eq!(public_id(good), Ok(()), "{good}");
        }
        for bad in ["", "a@b.example", "a%40b", "a b", "127.0.0.1", "::1", "é", &"a".repeat(129)] {
            assert!(public_id(bad).is_err(), "{bad}");
        }
        for good in ["octo/app", "octo/app/.github/workflows/w.yml@refs/heads/main", "release.yml@v1", "1.2.3"] {
            assert_eq!(claim(good), Ok(()), "{good}");
        }
        for bad in ["me@example.com", "10.0.0.1", " a", "a\n", ""] {
            assert!(claim(bad).is_err(), "{bad:?}");
        }
        assert!(claim_name("email").is_err() && claim_name("user_email").is_err() && claim_name("Ref").is_err());
        assert_eq!(claim_name("job_workflow_ref"), Ok(()));
    }

    #[test]
    fn urls() {
        for good in ["https://hex.pm", "https://a.example:8443/b?c#d"] {
            assert_eq!(url(good), Ok(()), "{good}");
        }
        for bad in ["http://a", "https://", "https://A", "https://u@a", "https://a b", "https:///a", "https://a\"", "x"]
        {
            assert!(url(bad).is_err(), "{bad}");
        }
        assert!(base_url("https://a/").is_err() && base_url("https://a?b").is_err());
    }

    #[test]
    fn texts_for_people() {
        assert_eq!(message("two\nlines"), Ok(()));
        assert!(message("\u{1b}[2J").is_err() && message("").is_err() && message(&"a".repeat(4097)).is_err());
        assert!(identifying("a\nb").is_err() && event_id("a b").is_err() && event_id(&"a".repeat(65)).is_err());
        assert!(name("").is_err());
    }
}
