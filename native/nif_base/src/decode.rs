//! Terms read: what does not fit is a [`BadOption`], for the catalogue of each door's library to name.

use std::path::PathBuf;

use provenance_base::{BadOption, quote};
use rustler::types::tuple::get_tuple;
use rustler::{Atom, Binary, ListIterator, MapIterator, Term};

/// What is read, or what is wrong with it.
pub type Result<T> = std::result::Result<T, BadOption>;

/// Bytes.
///
/// # Errors
/// What was expected.
pub fn binary<'a>(option: &str, term: Term<'a>) -> Result<Binary<'a>> {
    Binary::from_term(term).map_err(|_| invalid(option, "a binary"))
}

/// Text.
///
/// # Errors
/// What was expected.
pub fn utf8(option: &str, term: Term<'_>, expected: &'static str) -> Result<String> {
    let bytes = Binary::from_term(term).map_err(|_| invalid(option, expected))?;
    String::from_utf8(bytes.to_vec()).map_err(|_| invalid(option, expected))
}

/// A file's name as Erlang has it: a binary as it is, a list of characters as UTF-8.
///
/// # Errors
/// What was expected.
pub fn file_name(option: &str, term: Term<'_>) -> Result<PathBuf> {
    const EXPECTED: &str = "a file name: a binary or a list of characters";
    if let Ok(bytes) = Binary::from_term(term) {
        return path(&bytes).ok_or_else(|| invalid(option, EXPECTED));
    }
    let character = |term: Term<'_>| term.decode().ok().and_then(char::from_u32);
    let name: Option<String> = items(option, term)?.map(character).collect();
    name.filter(|name| !name.is_empty()).map(PathBuf::from).ok_or_else(|| invalid(option, EXPECTED))
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    (!bytes.is_empty()).then(|| std::ffi::OsStr::from_bytes(bytes).into())
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().filter(|name| !name.is_empty()).map(PathBuf::from)
}

/// What a map holds.
///
/// # Errors
/// What was expected.
pub fn members<'a>(option: &str, term: Term<'a>) -> Result<MapIterator<'a>> {
    MapIterator::new(term).ok_or_else(|| invalid(option, "a map"))
}

/// What a proper list holds.
///
/// # Errors
/// What was expected.
pub fn items<'a>(option: &str, term: Term<'a>) -> Result<ListIterator<'a>> {
    let proper = term.list_length().is_ok();
    term.decode().ok().filter(|_| proper).ok_or_else(|| invalid(option, "a list"))
}

/// A tuple of an atom and something.
#[must_use]
pub fn tagged(term: Term<'_>) -> Option<(Atom, Term<'_>)> {
    match get_tuple(term).ok()?.as_slice() {
        [tag, value] => Some((tag.decode().ok()?, *value)),
        _ => None,
    }
}

/// An option that is not as it should be.
#[must_use]
pub fn invalid(option: &str, expected: &'static str) -> BadOption {
    BadOption { option: option.to_owned(), expected }
}

/// An option that does not exist.
#[must_use]
pub fn unknown(prefix: &str, name: Term<'_>, expected: &'static str) -> BadOption {
    let name = name.atom_to_string().unwrap_or_else(|_| "(not an atom)".to_owned());
    invalid(&quote(&format!("{prefix}{name}")), expected)
}
