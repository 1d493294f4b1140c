//! How much of anything is accepted. Every input is hostile; every list and every length has an end.

use crate::error::{Fault, Result};

/// Bytes of a statement: with its signature it still fits into the log's envelope.
pub const STATEMENT_BYTES: usize = 512 << 10;
/// Bytes of a request with several events.
pub const REQUEST_BYTES: usize = 4 << 20;
/// Events of one request.
pub const REQUEST_EVENTS: usize = 100;
/// Nesting of JSON arrays and objects.
pub const JSON_DEPTH: u64 = 16;
/// Values in a JSON document: what the log accepts, too.
pub const JSON_VALUES: u64 = 1 << 16;
/// Releases that one event is about.
pub const RELEASES: usize = 1024;
/// Bundles that one event links.
pub const LINKS: usize = 64;
/// Owners, and trusted publishers, of a package.
pub const MEMBERS: usize = 1024;
/// Claims of a trusted publisher.
pub const CLAIMS: usize = 32;
/// Other ids of an advisory.
pub const ALIASES: usize = 64;
/// Vulnerabilities that one VEX document speaks about.
pub const STATEMENTS: usize = 1024;
/// Bytes of a text that identifies something.
pub const TEXT_BYTES: usize = 1024;
/// Bytes of a text for people.
pub const MESSAGE_BYTES: usize = 4096;
/// Bytes of a name: of a person, a claim, a vulnerability.
pub const NAME_BYTES: usize = 128;
/// Bytes of what predicate types begin with.
pub const PREFIX_BYTES: usize = 256;

/// Refuses `actual` over `limit`.
pub(crate) fn within(what: &'static str, limit: usize, actual: usize) -> Result<()> {
    if actual > limit {
        return Err(Fault::InputTooLarge { what, limit: wide(limit), actual: wide(actual) }.into());
    }
    Ok(())
}

/// A length as a number that crosses to other languages.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
