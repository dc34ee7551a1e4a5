//! What comes out of the [`Node`](crate::Node): wishes, in the imperative, plain data without handles.

use bytes::Bytes;

use crate::{
    ban::BanTarget,
    event::{DisconnectReason, Event},
    fault::Acceptance,
    fork::Version,
    message::MessageId,
    payload_by_number::Reply,
    peer::PeerId,
    persistence::{Persist, PersistId},
    range_sync::{BlockRequest, FetchId, ResponseTask},
    serving::RequestId,
    validation::{ValidationId, ValidationTask},
};

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Run this check wherever it does not stall the loop, and answer with [`Input::Validated`](crate::Input::Validated).
    Validate {
        /// Repeated by the answer.
        id: ValidationId,
        /// The work.
        task: ValidationTask,
    },
    /// Tell gossipsub what becomes of a message.
    Report {
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
    Fetch(BlockRequest),
    /// Judge this answer wherever it does not stall the loop, and answer with [`Input::Decoded`](crate::Input::Decoded).
    Decode {
        /// Repeated by the answer.
        id: FetchId,
        /// The work.
        task: ResponseTask,
    },
    /// Look for a block that was kept, and answer with [`Input::Loaded`](crate::Input::Loaded).
    Load {
        /// Repeated by the answer.
        id: RequestId,
        /// Which block.
        number: u64,
    },
    /// Answer a peer's request, and say by [`Input::Answered`](crate::Input::Answered) when it is sent.
    Answer {
        /// The request.
        id: RequestId,
        /// The answer.
        reply: Reply,
    },
    /// Persist this over a restart, and answer with [`Input::Persisted`](crate::Input::Persisted). Things are kept in the order in
    /// which they were asked for.
    Persist {
        /// Repeated by the answer.
        id: PersistId,
        /// What.
        item: Persist,
    },
    /// Dial a peer that is to be kept.
    Dial {
        /// Who is expected there.
        peer: PeerId,
        /// Its multiaddrs, as configured; names in them are resolved anew at each dial.
        addresses: Vec<String>,
    },
    /// Close every connection of this peer.
    Disconnect {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: DisconnectReason,
    },
    /// Refuse whoever this is, dialled or coming in, until it is opened. Connections that there are get a `Drop` of their
    /// own. Static peers are let through.
    Block(BanTarget),
    /// Refuse it no more.
    Unblock(BanTarget),
    /// Tell gossipsub this peer's application score.
    Score {
        /// Who.
        peer: PeerId,
        /// The score.
        score: f64,
    },
    /// Leave the topic of this version: its time is over.
    Unsubscribe {
        /// The topic.
        version: Version,
    },
    /// Tell the outside.
    Emit(Event),
}
