//! A monitor's state as text, so that it need not follow the log from its beginning again.
//!
//! One fact a line, hashes in hexadecimal, texts in base64, and in the last line the SHA-256 of all before it: a file
//! that was cut short is noticed. It is the monitor's own memory: whoever can write it decides what the monitor believes.

use std::collections::{BTreeMap, VecDeque};

use super::{Monitor, Newest, Options, Undo};
use crate::chain::Head;
use crate::checkpoint::SignedCheckpoint;
use crate::encoding::{base64_decode, base64_encode, decimal, hex_decode, hex_encode};
use crate::error::{Error, Fault, Result};
use crate::keys::Trust;
use crate::leaf::{Leaf, Link};
use crate::limits::{self, within};
use crate::purl::Package;
use crate::tree::{Edge, Hash, sha256};

const FIRST_LINE: &str = "provenance-log monitor v1";

impl Monitor {
    /// The state as text.
    ///
    /// # Errors
    /// `malformed`, never as far as is known.
    pub fn save(&self) -> Result<String> {
        let mut text = format!("{FIRST_LINE}\ntrust {}\n", base64_encode(self.trust.write().as_bytes()));
        for (index, change) in &self.announced {
            let leaf = Leaf::KeyChange(change.clone()).write()?;
            text += &format!("announced {index} {}\n", base64_encode(&leaf));
        }
        let nodes: Vec<_> = self.edge.nodes().iter().map(|n| hex_encode(n)).collect();
        text += &format!("edge {} {}\n", self.edge.size(), nodes.join(" "));
        if let Some(newest) = &self.newest {
            let note = base64_encode(newest.signed.to_string().as_bytes());
            text += &format!("newest {} {note}\n", if newest.witnessed { "witnessed" } else { "unwitnessed" });
        }
        for (package, head) in &self.heads {
            text += &format!("head {package} {}\n", head_text(head));
        }
        for undo in &self.undo {
            let before = undo.before.as_ref().map_or_else(|| "none".to_owned(), head_text);
            text += &format!("undo {} {} {before}\n", undo.index, undo.package);
        }
        let digest = hex_encode(&sha256(text.as_bytes()));
        Ok(text + "sha256 " + &digest + "\n")
    }

    /// The monitor whose state `text` is.
    ///
    /// # Errors
    /// `malformed` when it is not whole, or of another version; `trust_file_invalid`; `input_too_large`.
    pub fn restore(text: &str, options: Options) -> Result<Self> {
        let (body, last) =
            text.strip_suffix('\n').and_then(|t| t.rsplit_once('\n')).ok_or_else(|| malformed("text"))?;
        let (body, digest) = (text.get(..body.len().saturating_add(1)), last.strip_prefix("sha256 "));
        let body = body.filter(|b| digest.and_then(hex_decode) == Some(sha256(b.as_bytes())));
        let mut lines = body.ok_or_else(|| malformed("sha256"))?.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(malformed("first line"));
        }
        let trust =
            lines.next().and_then(|l| base64_decode(l.strip_prefix("trust ")?)).ok_or_else(|| malformed("trust"))?;
        let mut monitor = Self::new(Trust::parse(&trust)?, options);
        for line in lines {
            let (word, rest) = line.split_once(' ').ok_or_else(|| malformed(line))?;
            monitor.take(word, rest)?.ok_or_else(|| malformed(line))?;
        }
        Ok(monitor)
    }

    /// Takes one line; `None` when it is not one.
    fn take(&mut self, word: &str, rest: &str) -> Result<Option<()>> {
        match word {
            "announced" => take_announced(rest, &mut self.announced),
            "edge" => take_edge(rest, &mut self.edge),
            "newest" => take_newest(rest, &mut self.newest),
            "head" => {
                within("packages", limits::PACKAGES, self.heads.len())?;
                Ok(take_head(rest, &mut self.heads))
            }
            "undo" => {
                within("undo lines", limits::PACKAGES, self.undo.len())?;
                Ok(take_undo(rest, &mut self.undo))
            }
            _ => Ok(None),
        }
    }
}

fn take_announced(rest: &str, to: &mut BTreeMap<u64, crate::leaf::KeyChange>) -> Result<Option<()>> {
    let parsed = rest.split_once(' ').and_then(|(index, leaf)| Some((decimal(index)?, base64_decode(leaf)?)));
    let Some((index, leaf)) = parsed else { return Ok(None) };
    let Leaf::KeyChange(change) = Leaf::parse(&leaf)? else { return Ok(None) };
    to.insert(index, change);
    Ok(Some(()))
}

fn take_edge(rest: &str, to: &mut Edge) -> Result<Option<()>> {
    let mut words = rest.split(' ').filter(|w| !w.is_empty());
    let Some(size) = words.next().and_then(decimal) else { return Ok(None) };
    let Some(nodes) = words.map(hex_decode).collect::<Option<Vec<Hash>>>() else { return Ok(None) };
    *to = Edge::from_parts(size, nodes)?;
    Ok(Some(()))
}

fn take_newest(rest: &str, to: &mut Option<Newest>) -> Result<Option<()>> {
    let parsed = rest.split_once(' ').and_then(|(word, note)| Some((word, base64_decode(note)?)));
    let Some((word @ ("witnessed" | "unwitnessed"), note)) = parsed else { return Ok(None) };
    *to = Some(Newest { signed: SignedCheckpoint::parse(&note)?, witnessed: word == "witnessed" });
    Ok(Some(()))
}

fn take_head(rest: &str, to: &mut BTreeMap<Package, Head>) -> Option<()> {
    let (package, head) = rest.split_once(' ')?;
    to.insert(Package::parse(package).ok()?, head_of(head)?);
    Some(())
}

fn take_undo(rest: &str, to: &mut VecDeque<Undo>) -> Option<()> {
    let (index, rest) = rest.split_once(' ')?;
    let (package, before) = rest.split_once(' ')?;
    let before = if before == "none" { None } else { Some(head_of(before)?) };
    to.push_back(Undo { index: decimal(index)?, package: Package::parse(package).ok()?, before });
    Some(())
}

fn head_text(head: &Head) -> String {
    format!("{} {} {}", head.seq, head.link.index, hex_encode(&head.link.leaf))
}

fn head_of(text: &str) -> Option<Head> {
    let mut words = text.split(' ');
    let (seq, index, leaf) = (words.next()?, words.next()?, words.next()?);
    let link = Link { index: decimal(index)?, leaf: hex_decode(leaf)? };
    words.next().is_none().then_some(Head { seq: decimal(seq)?, link })
}

fn malformed(at: &str) -> Error {
    Fault::malformed("monitor state", at, "it is not as a monitor writes it")
}
