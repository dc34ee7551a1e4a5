//! The outputs of the [`Node`](crate::Node): what the host should do, in the imperative, as plain data without handles.

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
    /// Run this task where it does not block the event loop, and answer with
    /// [`Input::Validated`](crate::Input::Validated).
    Validate {
        /// The answer repeats this id.
        id: ValidationId,
        /// The task to run.
        task: ValidationTask,
    },
    /// Report a message's validation result to gossipsub.
    Report {
        /// The message id.
        id: MessageId,
        /// The peer that delivered it.
        peer: PeerId,
        /// Forward, penalise or ignore. It may differ from the rules' verdict: see
        /// [`Fault::acceptance`](crate::fault::Fault::acceptance).
        acceptance: Acceptance,
    },
    /// Gossip our own message, which passed our own validation.
    Publish {
        /// The topic, by its payload version.
        version: Version,
        /// The uncompressed message.
        data: Bytes,
    },
    /// Request a block from a peer, and answer with [`Input::Fetched`](crate::Input::Fetched).
    Fetch(BlockRequest),
    /// Run this task where it does not block the event loop, and answer with [`Input::Decoded`](crate::Input::Decoded).
    Decode {
        /// The answer repeats this id.
        id: FetchId,
        /// The task to run.
        task: ResponseTask,
    },
    /// Look up a persisted block, and answer with [`Input::Loaded`](crate::Input::Loaded).
    Load {
        /// The answer repeats this id.
        id: RequestId,
        /// The block number.
        number: u64,
    },
    /// Answer a peer's request, and give [`Input::Answered`](crate::Input::Answered) when the answer is sent.
    Answer {
        /// The request.
        id: RequestId,
        /// The answer.
        reply: Reply,
    },
    /// Persist this item, and answer with [`Input::Persisted`](crate::Input::Persisted). Items are persisted in the
    /// order of these outputs.
    Persist {
        /// The answer repeats this id.
        id: PersistId,
        /// The item.
        item: Persist,
    },
    /// Dial a peer.
    Dial {
        /// The expected peer id.
        peer: PeerId,
        /// Its multiaddrs, as configured; host names in them are resolved at each dial.
        addresses: Vec<String>,
    },
    /// Close every connection of this peer.
    Disconnect {
        /// The peer.
        peer: PeerId,
        /// The reason.
        reason: DisconnectReason,
    },
    /// Block this target in the connection gater, inbound and outbound, until `Unblock`. Open connections are closed by
    /// separate `Disconnect` outputs. Static peers are not blocked.
    Block(BanTarget),
    /// Unblock this target in the connection gater.
    Unblock(BanTarget),
    /// Set this peer's application score in gossipsub (P5).
    Score {
        /// The peer.
        peer: PeerId,
        /// The score.
        score: f64,
    },
    /// Leave the topic of this version: the chain's schedule no longer uses it.
    Unsubscribe {
        /// The topic, by its payload version.
        version: Version,
    },
    /// Emit an event.
    Emit(Event),
}
