//! Errors that carry facts.
//!
//! A library lists everything it can find wrong with [`catalogue!`](crate::catalogue): a closed enum of faults, each
//! with a stable code, the stage of its pipeline, a message and a remedy rendered from its fields. An [`Error`] is the
//! most useful fault plus what else was found wrong with the same input. The same code means the same in every library.

use std::fmt;

/// Where in the pipeline a fault was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Reading what the caller gave.
    Input,
    /// Preparing or choosing trust material.
    Trust,
    /// The signing certificate or key.
    Certificate,
    /// Dating the signature.
    Time,
    /// The transparency log.
    Log,
    /// The signature and what it covers.
    Signature,
    /// The in-toto statement.
    Statement,
    /// What the caller expects.
    Policy,
    /// Talking to a service.
    Service,
    /// Reading or writing files.
    Storage,
    /// The machine or this library.
    System,
}

impl Stage {
    /// The stage's name as it crosses to other languages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Trust => "trust",
            Self::Certificate => "certificate",
            Self::Time => "time",
            Self::Log => "log",
            Self::Signature => "signature",
            Self::Statement => "statement",
            Self::Policy => "policy",
            Self::Service => "service",
            Self::Storage => "storage",
            Self::System => "system",
        }
    }
}

/// One fact of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// Text; always valid UTF-8, at most [`MAX_TEXT`] bytes when it came from outside.
    Text(String),
    /// A count, a size or Unix seconds.
    Number(i64),
}

impl From<&str> for Detail {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Detail {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<i64> for Detail {
    fn from(value: i64) -> Self {
        Self::Number(value)
    }
}
impl From<u64> for Detail {
    fn from(value: u64) -> Self {
        Self::Number(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// How much of a hostile text an error repeats, in bytes.
pub const MAX_TEXT: usize = 256;

/// `text` cut to [`MAX_TEXT`] bytes at a character boundary, with characters replaced that would not be shown as they
/// are.
#[must_use]
pub fn quote(text: &str) -> String {
    if text.len() <= MAX_TEXT && text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len().min(MAX_TEXT));
    for c in text.chars() {
        let c = if c.is_control() || is_direction(c) { '\u{fffd}' } else { c };
        if out.len().saturating_add(c.len_utf8()) > MAX_TEXT {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

/// Characters that make a terminal show a text in another order than it is written in.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One row of a library's catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The stable code.
    pub code: &'static str,
    /// Where such a fault is found.
    pub stage: Stage,
    /// What to do about it.
    pub remedy: &'static str,
    /// The names of its details.
    pub details: &'static [&'static str],
}

impl Entry {
    /// Whether its code is plain and its remedy a sentence.
    fn is_sound(&self) -> bool {
        self.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && self.remedy.ends_with('.')
    }
}

/// Whether each row is sound and no code stands twice: for the libraries' tests.
#[must_use]
pub fn is_sound(catalogue: &[Entry]) -> bool {
    let mut codes: Vec<_> = catalogue.iter().map(|entry| entry.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes.len() == catalogue.len() && catalogue.iter().all(Entry::is_sound)
}

/// A fault out of a catalogue; `Display` is its message.
pub trait Catalogued: fmt::Debug + fmt::Display + Clone + PartialEq {
    /// The stable code, the same in every language.
    fn code(&self) -> &'static str;
    /// Where it was found.
    fn stage(&self) -> Stage;
    /// What to do about it.
    fn remedy(&self) -> &'static str;
    /// The facts, by name, in the order in which the catalogue lists them.
    fn details(&self) -> Vec<(&'static str, Detail)>;
}

/// An option that is not as it should be: what the door to another language finds, for a catalogue to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOption {
    /// Which one.
    pub option: String,
    /// What it should have been.
    pub expected: &'static str,
}

/// A catalogue with what the door to another language answers by itself.
pub trait AtDoor: Catalogued {
    /// The fault of an option that is not as it should be.
    fn option_invalid(bad: BadOption) -> Self;
    /// The fault of a defect in the library.
    fn internal(at: String) -> Self;
}

/// Writes a library's enum `Fault` and its table `CATALOGUE`. The library depends on `thiserror`.
#[macro_export]
macro_rules! catalogue {
    ($( $(#[$doc:meta])* $name:ident { $($field:ident : $type:ty),* $(,)? }
        = $code:literal, $stage:ident, $message:literal, $remedy:literal; )*) => {
        /// One thing found wrong. The variants are the catalogue; there is no "other".
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum Fault {
            $(
                $(#[$doc])*
                #[error($message)]
                $name {
                    $(
                        #[doc = concat!("The fact `", stringify!($field), "`.")]
                        $field: $type,
                    )*
                },
            )*
        }

        impl Fault {
            /// The stable code, the same in every language.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self { $( Self::$name { .. } => $code, )* }
            }

            /// Where it was found.
            #[must_use]
            pub const fn stage(&self) -> $crate::fault::Stage {
                match self { $( Self::$name { .. } => $crate::fault::Stage::$stage, )* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(&self) -> &'static str {
                match self { $( Self::$name { .. } => $remedy, )* }
            }

            /// The facts, by name, in the order in which the catalogue lists them.
            #[must_use]
            pub fn details(&self) -> Vec<(&'static str, $crate::fault::Detail)> {
                match self {
                    $( Self::$name { $($field),* } => vec![
                        $( (stringify!($field), $crate::fault::Detail::from($field.clone())) ),*
                    ], )*
                }
            }
        }

        impl $crate::fault::Catalogued for Fault {
            fn code(&self) -> &'static str {
                Self::code(self)
            }

            fn stage(&self) -> $crate::fault::Stage {
                Self::stage(self)
            }

            fn remedy(&self) -> &'static str {
                Self::remedy(self)
            }

            fn details(&self) -> Vec<(&'static str, $crate::fault::Detail)> {
                Self::details(self)
            }
        }

        /// Every code with its stage, remedy and detail names: what other languages check themselves against.
        pub const CATALOGUE: &[$crate::fault::Entry] = &[
            $( $crate::fault::Entry {
                code: $code,
                stage: $crate::fault::Stage::$stage,
                remedy: $remedy,
                details: &[ $( stringify!($field) ),* ],
            }, )*
        ];
    };
}

/// The most useful fault, and the others found in the same input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error<F>(Box<Inner<F>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner<F> {
    fault: F,
    also: Vec<F>,
}

impl<F: Catalogued> Error<F> {
    /// The fault to act on.
    #[must_use]
    pub fn fault(&self) -> &F {
        &self.0.fault
    }

    /// What else is wrong.
    #[must_use]
    pub fn also(&self) -> &[F] {
        &self.0.also
    }

    /// The stable code of the fault to act on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.fault.code()
    }

    /// All `faults` as one error, the first of them leading; `None` when there are none.
    #[must_use]
    pub fn from_faults(faults: Vec<F>) -> Option<Self> {
        let mut faults = faults.into_iter();
        let fault = faults.next()?;
        Some(Self(Box::new(Inner { fault, also: faults.collect() })))
    }

    /// The fault to act on and the others, in order.
    #[must_use]
    pub fn into_faults(self) -> Vec<F> {
        let mut faults = vec![self.0.fault];
        faults.extend(self.0.also);
        faults
    }

    /// This error leading, with what else was found beside it.
    #[must_use]
    pub fn and(mut self, also: Self) -> Self {
        self.0.also.extend(also.into_faults());
        self
    }
}

impl<F: Catalogued> From<F> for Error<F> {
    fn from(fault: F) -> Self {
        Self(Box::new(Inner { fault, also: Vec::new() }))
    }
}

impl<F: AtDoor> From<BadOption> for Error<F> {
    fn from(bad: BadOption) -> Self {
        F::option_invalid(bad).into()
    }
}

impl<F: Catalogued> fmt::Display for Error<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.fault, f)
    }
}

impl<F: Catalogued> std::error::Error for Error<F> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_cuts_and_cleans() {
        assert_eq!(quote("a\nb\u{202e}c"), "a\u{fffd}b\u{fffd}c");
        assert!(quote(&"é".repeat(1000)).len() <= MAX_TEXT + '…'.len_utf8());
    }
}
