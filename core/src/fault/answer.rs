//! Everything that can be wrong with the response to a request of ours, and what that says of the peer: total tables.

use alloy_primitives::B256;

use super::Offence;
use crate::{
    block::{DecodeError, InvalidPayload},
    schedule::OffSchedule,
};

/// Everything that a peer can do wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// It does not have the block.
    #[error("it does not have the block")]
    NotFound,
    /// It says that no block can have this number.
    #[error("it says that there can be no such block")]
    Refused,
    /// It could not answer.
    #[error("it could not answer")]
    Failed,
    /// A result byte that means nothing.
    #[error("result {0} means nothing")]
    Result(u8),
    /// It ended before its payload began.
    #[error("{0} bytes are no answer")]
    Short(usize),
    /// A version that nobody makes.
    #[error("version {0} is unknown")]
    Version(u32),
    /// More than 10 MiB, on the wire or decompressed.
    #[error("more than 10 MiB")]
    TooLarge,
    /// It ended in the middle: a deadline of the other side, or a stream that was reset, looks the same as an end.
    #[error("it was cut off")]
    Cut,
    /// The framed snappy stream is corrupt.
    #[error("the snappy stream is corrupt")]
    Snappy,
    /// The payload does not decode.
    #[error("payload does not decode: {0}")]
    Undecodable(#[from] DecodeError),
    /// Another block than the one that was asked for.
    #[error("it is block {0}")]
    Number(u64),
    /// Its contents break a rule that a gossiped block must keep too.
    #[error(transparent)]
    Invalid(#[from] InvalidPayload),
    /// Base's rule on a block's time.
    #[error(transparent)]
    OffSchedule(#[from] OffSchedule),
    /// A block, but not the one that its verified child names.
    #[error("block {found} is not the chain's")]
    Unlinked {
        /// Its hash.
        found: B256,
    },
    /// No answer, or not all of it, in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection or the stream ended.
    #[error("the connection ended")]
    Closed,
    /// The peer does not answer requests at all.
    #[error("it serves no blocks")]
    Unsupported,
    /// The judgement panicked: a defect of this program.
    #[error("the judgement panicked")]
    Panicked,
}

/// What a fault says of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Nothing: an honest peer may not have a block, be on another branch, or leave.
    None,
    /// It is of no use for a while.
    Slow,
    /// It lied: what it sent cannot come from an honest program.
    Lied,
}

impl AnswerFault {
    /// What it says of the peer.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::NotFound
            | Self::Refused
            | Self::Closed
            | Self::Unsupported
            | Self::Unlinked { .. }
            | Self::OffSchedule(_)
            | Self::Panicked => Blame::None,
            // A server passes on what the sequencer made.
            Self::Invalid(fault) if fault.is_its_makers() => Blame::None,
            Self::Failed | Self::Timeout | Self::Short(_) | Self::Cut => Blame::Slow,
            Self::Result(_)
            | Self::Version(_)
            | Self::TooLarge
            | Self::Snappy
            | Self::Undecodable(_)
            | Self::Number(_)
            | Self::Invalid(_) => Blame::Lied,
        }
    }

    /// What the peer has done wrong with it, where that counts against it.
    pub const fn offence(&self) -> Option<Offence> {
        match self {
            // Self-contradictory, whatever the version.
            Self::Number(_) | Self::Invalid(InvalidPayload::BlockHash { .. }) => Some(Offence::FalseResponse),
            _ => match self.blame() {
                Blame::None => None,
                Blame::Slow => Some(Offence::RequestFailed),
                Blame::Lied => Some(Offence::InvalidResponse),
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
