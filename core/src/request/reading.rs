//! The judgement of an answer: is it the block that was asked for, whole and with the hash that it claims?

use std::{
    io::{Cursor, ErrorKind, Read},
    sync::Arc,
};

use alloy_primitives::B256;
use bytes::Bytes;

use super::MAX_ANSWER;
use crate::{
    block::{DecodeError, InvalidPayload, Payload, ValidPayload},
    fork::Version,
    gossip::{ChainSchedule, OffSchedule},
    peers::Deed,
    primitives::Primitives,
};

/// An answer as it came, to be judged: heavy (decompression, keccak over the whole payload), so it runs on a worker thread
/// or in the browser's worker.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The number that was asked for.
    pub number: u64,
    /// The answer on the wire, at most [`MAX_ANSWER`] bytes, or one more that says it was longer.
    pub bytes: Bytes,
    /// The chain's schedule.
    pub schedule: Arc<ChainSchedule>,
}

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

    /// What the peer has done with it, where that counts for or against it.
    pub const fn deed(&self) -> Option<Deed> {
        match self {
            // Self-contradictory, whatever the version.
            Self::Number(_) | Self::Invalid(InvalidPayload::BlockHash { .. }) => Some(Deed::Lied),
            _ => match self.blame() {
                Blame::None => None,
                Blame::Slow => Some(Deed::Failed),
                Blame::Lied => Some(Deed::Rejected),
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

impl Reading {
    /// Judges the answer.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn run(self, primitives: Primitives) -> Result<ValidPayload, AnswerFault> {
        if self.bytes.len() > MAX_ANSWER {
            return Err(AnswerFault::TooLarge);
        }
        let (version, frames) = header(&self.bytes)?;
        let body = decompress(frames)?;
        // Between two frames the end of a stream is no fault of snappy's.
        let whole_frames = body.len() % FRAME == 0;
        let payload = decode(version, body).map_err(|fault| match fault {
            AnswerFault::Undecodable(error) if whole_frames && error.lacks_bytes() => AnswerFault::Cut,
            fault => fault,
        })?;
        if payload.number() != self.number {
            return Err(AnswerFault::Number(payload.number()));
        }
        let valid = validate(payload, primitives)?;
        self.schedule.check_time(&valid)?;
        Ok(valid)
    }
}

/// An answer in V3's layout may be an Isthmus payload.
fn validate(payload: Payload, primitives: Primitives) -> Result<ValidPayload, InvalidPayload> {
    let validated = payload.clone().validate(primitives.keccak_many);
    let Err(fault @ InvalidPayload::BlockHash { .. }) = validated else { return validated };
    let isthmus = payload.with_empty_withdrawals_root().ok_or(fault)?;
    isthmus.validate(primitives.keccak_many).map_err(|_| fault)
}

/// The version, and what follows it.
fn header(bytes: &[u8]) -> Result<(u32, &[u8]), AnswerFault> {
    match bytes.split_first() {
        None => Err(AnswerFault::Short(0)),
        Some((0, rest)) => {
            let (version, frames) = rest.split_first_chunk().ok_or(AnswerFault::Short(bytes.len()))?;
            Ok((u32::from_le_bytes(*version), frames))
        }
        Some((1, _)) => Err(AnswerFault::NotFound),
        Some((2, _)) => Err(AnswerFault::Refused),
        Some((3, _)) => Err(AnswerFault::Failed),
        Some((result, _)) => Err(AnswerFault::Result(*result)),
    }
}

/// Bytes of every frame but the last (snappy framing format §4.2).
const FRAME: usize = 1 << 16;
/// How every framed snappy stream begins; op-node's reader demands it, `snap`'s does not.
const STREAM: &[u8] = b"\xff\x06\0\0sNaPpY";

/// At most [`MAX_ANSWER`] bytes are ever decompressed, and one more.
fn decompress(frames: &[u8]) -> Result<Bytes, AnswerFault> {
    // op-node appends a result to the header of success when it fails behind it.
    if let [1..=3] = frames {
        return Err(AnswerFault::Failed);
    }
    if !frames.starts_with(STREAM) {
        return Err(if STREAM.starts_with(frames) { AnswerFault::Cut } else { AnswerFault::Snappy });
    }
    let mut out = Vec::with_capacity(frames.len().saturating_mul(2).min(MAX_ANSWER));
    let limit = MAX_ANSWER as u64 + 1;
    snap::read::FrameDecoder::new(Cursor::new(frames)).take(limit).read_to_end(&mut out).map_err(|error| {
        if error.kind() == ErrorKind::UnexpectedEof { AnswerFault::Cut } else { AnswerFault::Snappy }
    })?;
    if out.len() > MAX_ANSWER { Err(AnswerFault::TooLarge) } else { Ok(out.into()) }
}

/// Each of the two versions carries two encodings, which differ in the first offset. op-node's reader chooses by the time
/// that a block of this number should have; the encoding itself says it as well, and the hash proves it.
fn decode(version: u32, body: Bytes) -> Result<Payload, AnswerFault> {
    let (newer, older) = match version {
        0 => (Version::V2, Version::V1),
        1 => (Version::V4, Version::V3),
        other => return Err(AnswerFault::Version(other)),
    };
    match Payload::decode(newer, body.clone()) {
        Err(DecodeError::FirstOffset { .. } | DecodeError::TooShort { .. }) => Ok(Payload::decode(older, body)?),
        decoded => Ok(decoded?),
    }
}
