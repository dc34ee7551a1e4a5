//! Faults of responses: everything that can be wrong with the response to one of our requests, and what it says about
//! the peer, in total tables. Result bytes and versions: op-node's `payload_by_number` protocol.

use alloy_primitives::B256;

use super::Offence;
use crate::{
    block::{DecodeError, InvalidPayload},
    schedule::OffSchedule,
};

/// Everything that can be wrong with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// It does not have the block.
    #[error("it does not have the block")]
    NotFound,
    /// It says that no block can have this number.
    #[error("it says that no block can have this number")]
    Refused,
    /// The peer reports an internal failure.
    #[error("it reports an internal failure")]
    Failed,
    /// An unknown result byte.
    #[error("unknown result byte {0}")]
    Result(u8),
    /// It ended before the payload.
    #[error("the response ended after {0} bytes")]
    Short(usize),
    /// An unknown response version.
    #[error("unknown response version {0}")]
    Version(u32),
    /// More than 10 MiB, on the wire or decompressed.
    #[error("more than 10 MiB")]
    TooLarge,
    /// It ended early. A deadline of the peer and a stream reset look the same as an end.
    #[error("the response was cut off")]
    Cut,
    /// The framed snappy stream is corrupt.
    #[error("the snappy stream is corrupt")]
    Snappy,
    /// The payload does not decode.
    #[error("payload does not decode: {0}")]
    Undecodable(#[from] DecodeError),
    /// Another block number than the requested one.
    #[error("the response is block {0}")]
    Number(u64),
    /// Its contents break a rule that applies to gossiped blocks as well.
    #[error(transparent)]
    Invalid(#[from] InvalidPayload),
    /// Base's rule on a block's time.
    #[error(transparent)]
    OffSchedule(#[from] OffSchedule),
    /// A block that is not the expected one: its hash is not the one that its verified child names as its parent.
    #[error("block {found} is not the expected one")]
    Unlinked {
        /// Its hash.
        found: B256,
    },
    /// No complete response within the timeout.
    #[error("no response in time")]
    Timeout,
    /// The connection or the stream ended.
    #[error("the connection ended")]
    Closed,
    /// The peer does not support the request protocol.
    #[error("it does not serve blocks")]
    Unsupported,
    /// The validation of the response panicked: a defect of this program.
    #[error("the validation of the response panicked")]
    Panicked,
}

/// What a fault says about the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Nothing: a correct peer may not have the block, may follow another branch, or may disconnect.
    None,
    /// The peer is not useful for a while.
    Slow,
    /// The response is invalid: a correct implementation cannot send it.
    Invalid,
}

impl AnswerFault {
    /// What the fault says about the peer.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::NotFound
            | Self::Refused
            | Self::Closed
            | Self::Unsupported
            | Self::Unlinked { .. }
            | Self::OffSchedule(_)
            | Self::Panicked => Blame::None,
            // The sequencer made the invalid block, and the server only relays it.
            Self::Invalid(fault) if fault.is_its_makers() => Blame::None,
            Self::Failed | Self::Timeout | Self::Short(_) | Self::Cut => Blame::Slow,
            Self::Result(_)
            | Self::Version(_)
            | Self::TooLarge
            | Self::Snappy
            | Self::Undecodable(_)
            | Self::Number(_)
            | Self::Invalid(_) => Blame::Invalid,
        }
    }

    /// The offence that counts against the peer's score, if there is one.
    pub const fn offence(&self) -> Option<Offence> {
        match self {
            // The response contradicts itself, whatever its version is.
            Self::Number(_) | Self::Invalid(InvalidPayload::BlockHash { .. }) => Some(Offence::ResponseMismatch),
            _ => match self.blame() {
                Blame::None => None,
                Blame::Slow => Some(Offence::RequestFailed),
                Blame::Invalid => Some(Offence::InvalidResponse),
            },
        }
    }

    /// A stable name, for events and counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Result(_) => "result",
            Self::Short(_) => "short",
            Self::Version(_) => "version",
            Self::TooLarge => "too_large",
            Self::Cut => "cut",
            Self::Snappy => "snappy",
            Self::Undecodable(_) => "undecodable",
            Self::Number(_) => "number",
            Self::Invalid(fault) => fault.name(),
            Self::OffSchedule(_) => "off_schedule",
            Self::Unlinked { .. } => "unlinked",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Unsupported => "unsupported",
            Self::Panicked => "panicked",
        }
    }
}
