//! What a monitor reports.

use crate::error::Fault;
use crate::leaf::{EventLeaf, KeyChange};
use crate::purl::Package;
use crate::tree::Hash;

/// One thing seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// An event of a watched package.
    Event {
        /// The entry.
        index: u64,
        /// What it says.
        leaf: EventLeaf,
    },
    /// A key took another's place, as the old one wished.
    KeyChanged {
        /// The entry.
        index: u64,
        /// What it says.
        change: KeyChange,
    },
    /// What an entry names was deleted, openly: it can not be compared any more.
    Redacted {
        /// The entry.
        index: u64,
        /// The SHA-256 of what was deleted.
        digest: Hash,
    },
    /// The log, or the registry behind it, does not keep its word.
    Misbehaviour(Misbehaviour),
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misbehaviour {
    /// Of what kind.
    pub kind: Kind,
    /// At which entry.
    pub index: Option<u64>,
    /// To which package.
    pub package: Option<Package>,
    /// The facts.
    pub fault: Fault,
    /// The signed notes that contradict each other, where there are any.
    pub evidence: Vec<String>,
}

/// What can be wrong with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A package's entries have a gap.
    HiddenEvent,
    /// Two entries follow one.
    ForkedChain,
    /// A checkpoint older than one handed out before.
    RolledBackCheckpoint,
    /// Two checkpoints that cannot both be true, or that the log cannot prove to be.
    SplitView,
    /// A leaf says something else than the statement it names.
    LeafAtOdds,
    /// An entry that is no leaf.
    MalformedLeaf,
    /// A statement that no key of the registry signed, or that is none.
    BadStatement,
    /// A heads map other than the one replayed.
    WrongHeadsMap,
    /// An envelope, or a bundle that one links, is not handed out.
    Withheld,
    /// A key change that the old key did not make.
    BadKeyChange,
}

/// All of them.
pub const KINDS: &[Kind] = &[
    Kind::HiddenEvent,
    Kind::ForkedChain,
    Kind::RolledBackCheckpoint,
    Kind::SplitView,
    Kind::LeafAtOdds,
    Kind::MalformedLeaf,
    Kind::BadStatement,
    Kind::WrongHeadsMap,
    Kind::Withheld,
    Kind::BadKeyChange,
];

impl Kind {
    /// Its name as it crosses to other languages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HiddenEvent => "hidden_event",
            Self::ForkedChain => "forked_chain",
            Self::RolledBackCheckpoint => "rolled_back_checkpoint",
            Self::SplitView => "split_view",
            Self::LeafAtOdds => "leaf_at_odds",
            Self::MalformedLeaf => "malformed_leaf",
            Self::BadStatement => "bad_statement",
            Self::WrongHeadsMap => "wrong_heads_map",
            Self::Withheld => "withheld",
            Self::BadKeyChange => "bad_key_change",
        }
    }
}

impl Finding {
    /// The entry it is about.
    #[must_use]
    pub fn index(&self) -> Option<u64> {
        match self {
            Self::Event { index, .. } | Self::KeyChanged { index, .. } | Self::Redacted { index, .. } => Some(*index),
            Self::Misbehaviour(misbehaviour) => misbehaviour.index,
        }
    }
}

impl Misbehaviour {
    pub(super) fn at(kind: Kind, index: u64, package: Option<Package>, fault: Fault) -> Finding {
        Finding::Misbehaviour(Self { kind, index: Some(index), package, fault, evidence: Vec::new() })
    }
}
