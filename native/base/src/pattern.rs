//! The anchored pattern language.
//!
//! A [`Matcher`] compares the whole text, always: exactly, or by a small pattern language in which `*` stands for any
//! run of characters without `/` and `@`, `**` for any run without `@`, and `\` takes the next character literally.
//! There are no regular expressions: an unanchored one is how other tools get bypassed.

use std::fmt;

use crate::fault::{Catalogued, Error};

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
    /// [`BadMatcher`] when `text` is empty or too long.
    pub fn exact(text: &str) -> Result<Self, BadMatcher> {
        bounded(text)?;
        Ok(Self { source: text.to_owned(), pieces: None })
    }

    /// Matches what the pattern describes.
    ///
    /// # Errors
    /// [`BadMatcher`] when the pattern is empty, too long, ends in a lone `\`, or has no literal character.
    pub fn pattern(pattern: &str) -> Result<Self, BadMatcher> {
        bounded(pattern)?;
        let mut pieces = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '*' if chars.next_if_eq(&'*').is_some() => {
                    if chars.peek() == Some(&'*') {
                        return Err(BadMatcher { expected: "a pattern with at most two stars in a row" });
                    }
                    Piece::LongRun
                }
                '*' => Piece::Run,
                '\\' => {
                    Piece::Literal(chars.next().ok_or(BadMatcher { expected: "a pattern that does not end in \\" })?)
                }
                c => Piece::Literal(c),
            });
        }
        if pieces.iter().all(|p| p.repeats()) {
            return Err(BadMatcher { expected: "a pattern with at least one literal character" });
        }
        Ok(Self { source: pattern.to_owned(), pieces: Some(pieces) })
    }

    /// The text or pattern as it was given.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is an exact text.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.pieces.is_none()
    }

    /// How many places of the pattern may be held at once for each character of a text: what matching can cost.
    #[must_use]
    pub fn places(&self) -> usize {
        let pieces = self.pieces.as_deref().unwrap_or_default();
        pieces.iter().skip_while(|piece| !piece.repeats()).count()
    }

    /// Whether all of `text` matches. Takes time in proportion to pattern times text, whatever they are.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Some(pieces) = &self.pieces else { return self.source == text };
        // Most texts differ in the part before the first star.
        let mut rest = text.chars();
        let literal = pieces.iter().take_while(|p| !p.repeats()).count();
        for piece in pieces.iter().take(literal) {
            if !rest.next().is_some_and(|c| piece.takes(c)) {
                return false;
            }
        }
        simulate(pieces.get(literal..).unwrap_or_default(), rest.as_str())
    }
}

/// Keeps the places in the pattern that the rest of the text may go on from, as in a Thompson automaton: few at a time for
/// most patterns, never more than the pattern is long.
fn simulate(pieces: &[Piece], text: &str) -> bool {
    let mut places = Places { seen: vec![false; pieces.len().saturating_add(1)], list: Vec::new() };
    let mut next = Places { seen: places.seen.clone(), list: Vec::new() };
    places.reach(pieces, 0);
    for c in text.chars() {
        for i in &places.list {
            if let Some(piece) = pieces.get(*i)
                && piece.takes(c)
            {
                next.reach(pieces, if piece.repeats() { *i } else { i.saturating_add(1) });
            }
        }
        if next.list.is_empty() {
            return false;
        }
        places.clear();
        std::mem::swap(&mut places, &mut next);
    }
    places.list.contains(&pieces.len())
}

struct Places {
    seen: Vec<bool>,
    list: Vec<usize>,
}

impl Places {
    /// Adds place `i` and those reachable from it without taking a character.
    fn reach(&mut self, pieces: &[Piece], i: usize) {
        for (j, seen) in self.seen.iter_mut().enumerate().skip(i) {
            if std::mem::replace(seen, true) {
                break;
            }
            self.list.push(j);
            if !pieces.get(j).is_some_and(|p| p.repeats()) {
                break;
            }
        }
    }

    fn clear(&mut self) {
        for i in self.list.drain(..) {
            if let Some(seen) = self.seen.get_mut(i) {
                *seen = false;
            }
        }
    }
}

fn bounded(text: &str) -> Result<(), BadMatcher> {
    if text.is_empty() || text.len() > MAX_MATCHER {
        return Err(BadMatcher { expected: "a text of 1 to 2048 bytes" });
    }
    Ok(())
}

/// A text or pattern that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadMatcher {
    /// What would be one.
    pub expected: &'static str,
}

impl fmt::Display for BadMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for BadMatcher {}

impl<F: Catalogued + From<BadMatcher>> From<BadMatcher> for Error<F> {
    fn from(bad: BadMatcher) -> Self {
        F::from(bad).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Matcher::pattern(pattern).unwrap_or_else(|e| panic!("{e:?}")).matches(text)
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
    fn places_are_those_from_the_first_star_on() {
        let places = |pattern: &str| Matcher::pattern(pattern).unwrap().places();
        assert_eq!([places("abc"), places("abc*"), places("a*bc**"), places("*a")], [0, 1, 4, 2]);
        assert_eq!(Matcher::exact("a*b").unwrap().places(), 0);
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
