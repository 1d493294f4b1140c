//! Tiles and entry bundles (<https://c2sp.org/tlog-tiles>): the tree as immutable files.

use std::collections::BTreeMap;
use std::fmt;

use crate::encoding::decimal;
use crate::error::{Fault, Result};
use crate::limits::{self, within};
use crate::tree::{Hash, TileRow};

/// Hashes in a full tile, entries in a full bundle.
pub const FULL: u16 = 256;

/// What a file of the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Hashes of a level, 0 to 7.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// One tile or entry bundle: its kind, its index, and how wide it is (1 to 256).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    kind: Kind,
    index: u64,
    width: u16,
}

/// Where tiles and entry bundles come from.
pub trait TileReader {
    /// The bytes of `tile`. A tile may be answered with a wider one of the same kind and index (what a store that
    /// appends to its tiles has, or a full tile in place of a partial one that was deleted); a bundle as well.
    ///
    /// # Errors
    /// Whatever keeps the reader from answering, `storage_failed` as a rule.
    fn read(&mut self, tile: Tile) -> Result<Vec<u8>>;
}

impl<R: TileReader + ?Sized> TileReader for &mut R {
    fn read(&mut self, tile: Tile) -> Result<Vec<u8>> {
        (**self).read(tile)
    }
}

impl Tile {
    /// The tile of that kind, index and width; `None` when there is no such tile.
    #[must_use]
    pub fn new(kind: Kind, index: u64, width: u16) -> Option<Self> {
        let top = matches!(kind, Kind::Hashes(level) if level > 7);
        let valid = !top && (1..=FULL).contains(&width) && index <= limits::TREE_SIZE >> 8;
        valid.then_some(Self { kind, index, width })
    }

    /// The tile `index` of `kind` as it is in a tree of `size` leaves; `None` when it is empty there.
    #[must_use]
    pub fn in_tree(kind: Kind, index: u64, size: u64) -> Option<Self> {
        let in_level = size >> kind.height();
        let width = in_level.checked_sub(index.checked_mul(u64::from(FULL))?)?.min(u64::from(FULL));
        Self::new(kind, index, u16::try_from(width).ok()?)
    }

    /// The partial tiles and the bundle of a tree of `size`, and with `since` all that a tree of that size lacked.
    /// Every one of them must be there before a checkpoint of `size` is.
    pub fn of_growth(since: u64, size: u64) -> impl Iterator<Item = Self> {
        let levels = (0..8).map(Kind::Hashes).chain([Kind::Entries]);
        levels.flat_map(move |kind| {
            let (from, to) = (since >> kind.height(), size >> kind.height());
            let indices = if from < to { (from >> 8)..to.div_ceil(u64::from(FULL)) } else { 0..0 };
            indices.filter_map(move |index| Self::in_tree(kind, index, size))
        })
    }

    /// What it holds.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its index within its level.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it holds.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Reads the path that [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes(u8::try_from(decimal(level)?).ok()?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, u16::try_from(decimal(width)?).ok().filter(|w| *w < FULL)?),
            None => (rest, FULL),
        };
        Self::new(kind, parse_index(index)?, width)
    }
}

impl Kind {
    /// The height in the tree of what a tile of this kind lists.
    pub(crate) fn height(self) -> u32 {
        match self {
            Self::Entries => 0,
            Self::Hashes(level) => u32::from(level.min(7)).saturating_mul(8),
        }
    }
}

/// The path below the log's prefix, such as `tile/0/x001/x234/067.p/8`.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Entries => f.write_str("tile/entries/")?,
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        while let Some(group) = groups.pop() {
            if groups.is_empty() { write!(f, "{group:03}")? } else { write!(f, "x{group:03}/")? }
        }
        if self.width == FULL { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Groups of three digits, all but the last behind an `x`, and no group of zeroes in front.
fn parse_index(text: &str) -> Option<u64> {
    let (front, last) = text.rsplit_once('/').map_or((None, text), |(front, last)| (Some(front), last));
    let mut index = 0u64;
    for (i, group) in front.into_iter().flat_map(|f| f.split('/')).enumerate() {
        let group = three_digits(group.strip_prefix('x')?)?;
        if i == 0 && group == 0 {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(group)?;
    }
    index.checked_mul(1000)?.checked_add(three_digits(last)?)
}

fn three_digits(text: &str) -> Option<u64> {
    (text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The hashes of `tile`, from the bytes a reader gave for it.
///
/// # Errors
/// `malformed` when there are too few bytes, or no whole number of hashes, or more than a full tile.
pub fn parse_hashes(tile: Tile, bytes: &[u8]) -> Result<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    let wanted = usize::from(tile.width);
    if !rest.is_empty() || hashes.len() < wanted || hashes.len() > usize::from(FULL) {
        return Err(Fault::malformed("tile", &tile.to_string(), "not as many hashes as its path says"));
    }
    Ok(hashes.iter().take(wanted).copied().collect())
}

/// Entries as a bundle: each behind its length in two bytes.
///
/// # Errors
/// `input_too_large` for more entries than a bundle holds, or an entry over the limit.
pub fn write_entries<T: AsRef<[u8]>>(entries: &[T]) -> Result<Vec<u8>> {
    within("entries of a bundle", usize::from(FULL), entries.len())?;
    let mut out = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        within("log entry", limits::LEAF_BYTES, entry.len())?;
        let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(entry);
    }
    Ok(out)
}

/// The entries of the bundle `tile`, from the bytes a reader gave for it.
///
/// # Errors
/// `malformed` when the bytes are not whole entries, or too few; `input_too_large` for an entry over the limit.
pub fn parse_entries(tile: Tile, bytes: &[u8]) -> Result<Vec<&[u8]>> {
    let malformed = |reason| Fault::malformed("entry bundle", &tile.to_string(), reason);
    let (mut entries, mut rest) = (Vec::with_capacity(usize::from(tile.width)), bytes);
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        if entries.len() == usize::from(FULL) {
            return Err(malformed("more entries than a bundle holds"));
        }
        let length = usize::from(u16::from_be_bytes(*length));
        within("log entry", limits::LEAF_BYTES, length)?;
        let (entry, tail) = tail.split_at_checked(length).ok_or_else(|| malformed("an entry ends too early"))?;
        entries.push(entry);
        rest = tail;
    }
    if !rest.is_empty() || entries.len() < usize::from(tile.width) {
        return Err(malformed("not as many entries as its path says"));
    }
    entries.truncate(usize::from(tile.width));
    Ok(entries)
}

/// The exact bytes of `tile` out of those a reader gave for it: what to serve under its path, which is immutable.
///
/// # Errors
/// As [`parse_hashes`] and [`parse_entries`].
pub fn cut(tile: Tile, bytes: &[u8]) -> Result<Vec<u8>> {
    match tile.kind {
        Kind::Hashes(_) => Ok(parse_hashes(tile, bytes)?.as_flattened().to_vec()),
        Kind::Entries => write_entries(&parse_entries(tile, bytes)?),
    }
}

/// Tiles held in memory: for tests, small logs, and callers that fetch tiles first and compute afterwards.
#[derive(Debug, Clone, Default)]
pub struct MemoryTiles(BTreeMap<(Kind, u64), Vec<u8>>);

impl MemoryTiles {
    /// Keeps the bytes of `tile`, in place of narrower ones.
    pub fn insert(&mut self, tile: Tile, bytes: Vec<u8>) {
        self.0.insert((tile.kind, tile.index), bytes);
    }

    /// Appends what a tree gained.
    ///
    /// # Errors
    /// `consistency_broken` when a row does not begin where its tile ends.
    pub fn apply(&mut self, rows: &[TileRow]) -> Result<()> {
        for row in rows {
            let tile = self.0.entry((Kind::Hashes(row.level), row.index)).or_default();
            let (old, new) = (limits::wide(tile.len() / 32), u64::from(row.offset));
            if old != new {
                return Err(Fault::ConsistencyBroken { old, new, reason: "a tile has another width".to_owned() }.into());
            }
            tile.extend(row.hashes.as_flattened());
        }
        Ok(())
    }
}

impl TileReader for MemoryTiles {
    fn read(&mut self, tile: Tile) -> Result<Vec<u8>> {
        let bytes = self.0.get(&(tile.kind, tile.index));
        bytes.cloned().ok_or_else(|| {
            Fault::StorageFailed { path: tile.to_string(), reason: "there is no such tile".to_owned() }.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(kind: Kind, index: u64, width: u16) -> String {
        Tile::new(kind, index, width).unwrap().to_string()
    }

    #[test]
    fn paths_as_specified() {
        assert_eq!(path(Kind::Hashes(0), 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(path(Kind::Hashes(0), 273, 112), "tile/0/273.p/112");
        assert_eq!(path(Kind::Hashes(2), 0, 1), "tile/2/000.p/1");
        assert_eq!(path(Kind::Entries, 1000, 256), "tile/entries/x001/000");
    }

    #[test]
    fn other_paths_are_none() {
        for bad in [
            "tile/0/1",
            "tile/0/0001",
            "tile/0/x000/001",
            "tile/0/001/001",
            "tile/0/x001",
            "tile/8/001",
            "tile/00/001",
            "tile/-1/001",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/01",
            "tile/0/001.p/",
            "tile/0/001/",
            "/tile/0/001",
            "tile/entries",
            "tile/entries/x1/001",
            "tile/0/+01",
            "tile/data/001",
            "tile/0/001.p/1.p/1",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/0/x01\u{e9}/001",
        ] {
            assert_eq!(Tile::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn growth_of_the_specified_tree() {
        let all: Vec<_> = Tile::of_growth(0, 70_000).collect();
        let hashes = all.iter().filter(|t| t.kind() != Kind::Entries);
        assert_eq!((hashes.count(), all.len()), (277, 277 + 274));
        let step: Vec<_> = Tile::of_growth(70_000, 70_001).map(|t| t.to_string()).collect();
        assert_eq!(step, ["tile/0/273.p/113", "tile/entries/273.p/113"]);
        let step: Vec<_> = Tile::of_growth(255, 256).map(|t| t.to_string()).collect();
        assert_eq!(step, ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]);
        assert_eq!(Tile::of_growth(256, 256).count(), 0);
        assert_eq!(Tile::of_growth(5, 3).count(), 0);
    }

    #[test]
    fn widths_are_checked() {
        let tile = Tile::new(Kind::Hashes(0), 0, 2).unwrap();
        assert_eq!(parse_hashes(tile, &[7; 64]).unwrap(), [[7; 32]; 2]);
        assert_eq!(parse_hashes(tile, &[7; 96]).unwrap().len(), 2);
        assert_eq!(cut(tile, &[7; 96]).unwrap(), [7; 64]);
        for length in [0, 32, 63, 65, 257 * 32] {
            assert!(parse_hashes(tile, &vec![7; length]).is_err(), "{length}");
        }
    }

    #[test]
    fn bundles_are_whole() {
        let two = Tile::new(Kind::Entries, 0, 2).unwrap();
        let bytes = write_entries(&[&b"a"[..], b"", b"ccc"]).unwrap();
        assert_eq!(parse_entries(two, &bytes).unwrap(), [&b"a"[..], b""]);
        assert_eq!(cut(two, &bytes).unwrap(), bytes[..5]);
        for cut in [0, 1, 2, 3, 4, 6, 7, 8, 9] {
            assert!(parse_entries(two, &bytes[..cut]).is_err(), "{cut}");
        }
        assert!(parse_entries(two, &[0; 2 * 257]).is_err());
        assert!(write_entries(&[vec![0; 4097]]).is_err());
        assert!(write_entries(&vec![vec![]; 257]).is_err());
        assert!(parse_entries(two, &[&[0x10, 1][..], &[0; 4097], &[0, 0]].concat()).is_err());
    }
}
