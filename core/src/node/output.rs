//! What comes out of the [`Node`](crate::Node): wishes, in the imperative, plain data without handles.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    block::Block,
    event::Event,
    fork::Version,
    gossip::{Acceptance, Check, MessageId, Verified},
    head::Link,
    peer::PeerId,
    peers::{Ban, Record, Subject},
    request::{AskId, Reading, Reply},
    sync::{FetchId, Wish},
};

/// Names one running check; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckId(pub u64);

/// Names one thing that is to be kept; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeepId(pub u64);

/// Something to keep over a restart.
#[derive(Clone, Debug)]
pub enum Keep {
    /// A verified block.
    Block(Arc<Verified<Block>>),
    /// The head moved here; every block of its chain that was seen has been asked for before.
    Head(Link),
    /// What is known of a peer; it replaces what was kept of it. `None`: it is forgotten.
    Peer(PeerId, Option<Record>),
    /// A ban; it replaces the one before it. `None`: it has ended.
    Ban(Subject, Option<Ban>),
}

/// What an earlier run kept.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The latest links of its leading chain, rising, the head last.
    pub chain: Vec<Link>,
    /// The peers that it knew.
    pub peers: Vec<(PeerId, Record)>,
    /// Its bans.
    pub bans: Vec<(Subject, Ban)>,
}

impl From<Vec<Link>> for Memory {
    fn from(chain: Vec<Link>) -> Self {
        Self { chain, ..Self::default() }
    }
}

/// What became of something that was to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is on disk and is there after any crash.
    OnDisk,
    /// This body does not keep such things, or not for sure.
    NotForSure,
    /// It could not be kept; why, in words.
    Failed(String),
}

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Run this check wherever it does not stall the loop, and answer with [`Input::Checked`](crate::Input::Checked).
    Check {
        /// Repeated by the answer.
        id: CheckId,
        /// The work.
        check: Check,
    },
    /// Tell gossipsub what becomes of a message.
    Judge {
        /// The message.
        id: MessageId,
        /// Who delivered it.
        peer: PeerId,
        /// What gossipsub is told: what the sender must pay for, not always what the rules said.
        acceptance: Acceptance,
    },
    /// Gossip this message of our own, which passed our own rules.
    Publish {
        /// The topic.
        version: Version,
        /// Uncompressed.
        data: Bytes,
    },
    /// Ask a peer for a block, and answer with [`Input::Fetched`](crate::Input::Fetched).
    Fetch(Wish),
    /// Judge this answer wherever it does not stall the loop, and answer with [`Input::Read`](crate::Input::Read).
    Read {
        /// Repeated by the answer.
        id: FetchId,
        /// The work.
        reading: Reading,
    },
    /// Look for a block that was kept, and answer with [`Input::Loaded`](crate::Input::Loaded).
    Load {
        /// Repeated by the answer.
        id: AskId,
        /// Which block.
        number: u64,
    },
    /// Answer a peer's request, and say by [`Input::Answered`](crate::Input::Answered) when it is sent.
    Answer {
        /// The request.
        id: AskId,
        /// The answer.
        reply: Reply,
    },
    /// Keep this over a restart, and answer with [`Input::Kept`](crate::Input::Kept). Things are kept in the order in
    /// which they were asked for.
    Keep {
        /// Repeated by the answer.
        id: KeepId,
        /// What.
        keep: Keep,
    },
    /// Dial a peer that is to be kept.
    Dial {
        /// Who is expected there.
        peer: PeerId,
        /// Its multiaddrs, as configured; names in them are resolved anew at each dial.
        addresses: Vec<String>,
    },
    /// Close every connection of this peer.
    Drop {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: DropReason,
    },
    /// Refuse whoever this is, dialled or coming in, until it is opened. Connections that there are get a `Drop` of their
    /// own. Static peers are let through.
    Shut(Subject),
    /// Refuse it no more.
    Open(Subject),
    /// Tell gossipsub this peer's application score.
    Score {
        /// Who.
        peer: PeerId,
        /// The score.
        score: f64,
    },
    /// Leave the topic of this version: its time is over.
    Leave {
        /// The topic.
        version: Version,
    },
    /// Tell the outside.
    Tell(Event),
}

/// Why a peer loses its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// It sent faster than it may wait: see [`crate::gossip::Waiting`].
    Flooding,
    /// It did not take what was sent to it, several times.
    Slow,
    /// It joined a topic a second time: it has forgotten what we told it, and sends us nothing any more.
    Muted,
    /// Nobody has sent anything for long, and it is worth a new connection.
    Silent,
    /// It answered a request with what cannot come from an honest program.
    Lied,
    /// gossipsub's score of it has fallen below the threshold at which nothing of it is heard any more.
    Graylisted,
    /// It is banned.
    Banned,
    /// There are more peers than the high tide, and others are more useful.
    Ebb,
    /// There is room for nobody.
    Full,
    /// There is room for no more leaves.
    FullOfLeaves,
    /// There are too many from where it is.
    Crowded,
}

impl DropReason {
    /// In words, as [`crate::event::Disconnected`] tells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flooding => "flooding: more messages than may wait for their judgement",
            Self::Slow => "slow: it does not take what is sent to it",
            Self::Muted => "muted: it has begun anew on this connection and forgotten our subscriptions",
            Self::Lied => "lied: it answered a request with what is provably false",
            Self::Graylisted => "graylisted: nothing of what it sends is of use",
            Self::Banned => "banned: see the event that says until when and why",
            Self::Ebb => "too many peers: others are more useful, see the event that says how",
            Self::Full => "full: twice as many peers as the high tide are here",
            Self::FullOfLeaves => "full: as many browsers as may be are here",
            Self::Crowded => "crowded: too many peers come from its address or network",
            Self::Silent => "silent: nothing came from anybody, a new connection may help",
        }
    }
}
