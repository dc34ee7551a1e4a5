//! What comes out of the [`Node`](crate::Node): wishes, in the imperative, plain data without handles.

use bytes::Bytes;

use crate::{
    event::Event,
    fork::Version,
    gossip::{Acceptance, Check, MessageId},
    peer::PeerId,
};

/// Names one running check; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckId(pub u64);

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
    /// Close every connection of this peer and accept none, until gossipsub's score of it is back above its threshold.
    Bar {
        /// Who.
        peer: PeerId,
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
}

impl DropReason {
    /// In words, for the event.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flooding => "flooding: more messages than may wait for their judgement",
            Self::Slow => "slow: it does not take what is sent to it",
            Self::Muted => "muted: it has begun anew on this connection and forgotten our subscriptions",
            Self::Silent => "silent: nothing came from anybody, a new connection may help",
        }
    }
}
