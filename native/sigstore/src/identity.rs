//! Whom the caller expects to have signed.
//!
//! A [`Matcher`] compares the whole text, always: exactly, or by a small pattern language in which `*` stands for any
//! run of characters without `/` and `@`, `**` for any run without `@`, and `\` takes the next character literally.
//! There are no regular expressions: an unanchored one is how other tools get bypassed.

use crate::certificate::Certificate;
use crate::error::{Fault, Result, quote};

/// The longest pattern or exact text, in bytes.
pub const MAX_MATCHER: usize = 2048;

/// What one text is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    source: String,
    pieces: Option<Vec<Piece>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Literal(char),
    /// `*`: never crosses `/` or `@`.
    Run,
    /// `**`: never crosses `@`.
    LongRun,
}

impl Piece {
    fn takes(self, c: char) -> bool {
        match self {
            Self::Literal(literal) => literal == c,
            Self::Run => c != '/' && c != '@',
            Self::LongRun => c != '@',
        }
    }

    fn repeats(self) -> bool {
        !matches!(self, Self::Literal(_))
    }
}

impl Matcher {
    /// Matches `text` and nothing else.
    ///
    /// # Errors
    /// `option_invalid` when `text` is empty or too long.
    pub fn exact(text: &str) -> Result<Self> {
        bounded(text)?;
        Ok(Self { source: text.to_owned(), pieces: None })
    }

    /// Matches what the pattern describes.
    ///
    /// # Errors
    /// `option_invalid` when the pattern is empty, too long, ends in a lone `\`, or has no literal character.
    pub fn pattern(pattern: &str) -> Result<Self> {
        bounded(pattern)?;
        let mut pieces = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '*' if chars.next_if_eq(&'*').is_some() => {
                    if chars.peek() == Some(&'*') {
                        return Err(invalid("a pattern with at most two stars in a row"));
                    }
                    Piece::LongRun
                }
                '*' => Piece::Run,
                '\\' => Piece::Literal(chars.next().ok_or_else(|| invalid("a pattern that does not end in \\"))?),
                c => Piece::Literal(c),
            });
        }
        if pieces.iter().all(|p| p.repeats()) {
            return Err(invalid(
                "a pattern with at least one literal character (to accept any signer say `unchecked`)",
            ));
        }
        Ok(Self { source: pattern.to_owned(), pieces: Some(pieces) })
    }

    /// The text or pattern as it was given.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether all of `text` matches. Takes time in proportion to pattern times text, whatever they are.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Some(pieces) = &self.pieces else { return self.source == text };
        // The set of pieces that the rest of the text may start at, as in a Thompson automaton.
        let mut at = vec![false; pieces.len().saturating_add(1)];
        reach(pieces, &mut at, 0);
        let mut next = vec![false; at.len()];
        for c in text.chars() {
            next.fill(false);
            for (i, piece) in pieces.iter().enumerate() {
                if at.get(i) == Some(&true) && piece.takes(c) {
                    reach(pieces, &mut next, if piece.repeats() { i } else { i.saturating_add(1) });
                }
            }
            std::mem::swap(&mut at, &mut next);
        }
        at.last() == Some(&true)
    }
}

/// Marks position `i` and those reachable from it without taking a character.
fn reach(pieces: &[Piece], at: &mut [bool], i: usize) {
    for (j, mark) in at.iter_mut().enumerate().skip(i) {
        *mark = true;
        if !pieces.get(j).is_some_and(|p| p.repeats()) {
            break;
        }
    }
}

fn bounded(text: &str) -> Result<()> {
    if text.is_empty() || text.len() > MAX_MATCHER {
        return Err(invalid("a text of 1 to 2048 bytes"));
    }
    Ok(())
}

fn invalid(expected: &'static str) -> crate::Error {
    Fault::OptionInvalid { option: "identity".to_owned(), expected }.into()
}

/// One acceptable signer: everything stated must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// A subject alternative name (any of the certificate's).
    pub san: Option<Matcher>,
    /// The OIDC issuer.
    pub issuer: Option<Matcher>,
    /// Claims by their names in [`crate::claims::CLAIMS`].
    pub claims: Vec<(&'static str, Matcher)>,
}

impl Identity {
    /// Whether nothing is stated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.san.is_none() && self.issuer.is_none() && self.claims.is_empty()
    }

    /// What of the certificate differs from what is stated.
    pub(crate) fn check(&self, certificate: &Certificate) -> Result<(), Fault> {
        if let Some(san) = &self.san
            && !certificate.sans.iter().any(|(_, value)| san.matches(value))
        {
            let sans: Vec<_> = certificate.sans.iter().map(|(_, v)| v.as_str()).collect();
            return Err(refused("identity", san, &sans.join(", ")));
        }
        if let Some(issuer) = &self.issuer {
            check_claim("issuer", issuer, certificate.issuer())?;
        }
        self.claims.iter().try_for_each(|(name, matcher)| check_claim(name, matcher, certificate.claim(name)))
    }
}

fn check_claim(field: &str, matcher: &Matcher, actual: Option<&str>) -> Result<(), Fault> {
    match actual {
        Some(actual) if matcher.matches(actual) => Ok(()),
        actual => Err(refused(field, matcher, actual.unwrap_or("absent"))),
    }
}

fn refused(field: &str, expected: &Matcher, actual: &str) -> Fault {
    Fault::IdentityRefused { field: field.to_owned(), expected: quote(expected.source()), actual: quote(actual) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Matcher::pattern(pattern).unwrap_or_else(|e| panic!("{e}")).matches(text)
    }

    #[test]
    fn patterns_are_anchored() {
        assert!(matches("https://github.com/a/*", "https://github.com/a/b"));
        assert!(!matches("https://github.com/a/*", "https://github.com/a/b/c"));
        assert!(!matches("https://github.com/a/*", "https://evil.com/?https://github.com/a/b"));
        assert!(!matches("a", "ab") && !matches("b", "ab"));
    }

    #[test]
    fn one_star_stays_in_its_segment_and_two_stay_before_the_ref() {
        let repo = "https://github.com/o/r/.github/workflows/x.yml@refs/tags/v1";
        assert!(matches("https://github.com/o/**@refs/tags/*", repo));
        assert!(!matches("https://github.com/o/*@refs/tags/*", repo));
        assert!(!matches("https://github.com/**", repo), "** does not cross @");
        assert!(matches("*@example.com", "dev@example.com"));
        assert!(!matches("*@example.com", "dev@evil.com@example.com"));
    }

    #[test]
    fn stars_can_be_empty_and_escaped() {
        assert!(matches("a*b", "ab") && matches("a**b", "ab"));
        assert!(matches(r"a\*b", "a*b") && !matches(r"a\*b", "axb"));
    }

    #[test]
    fn patterns_that_accept_anything_are_refused() {
        for bad in ["", "*", "**", "***a", "a\\"] {
            assert!(Matcher::pattern(bad).is_err(), "{bad}");
        }
        assert!(Matcher::exact(&"x".repeat(MAX_MATCHER + 1)).is_err());
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "a*".repeat(500) + "b";
        assert!(!matches(&pattern, &"a".repeat(4000)));
    }
}
