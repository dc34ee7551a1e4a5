//! Validation of a response: is it the requested block, complete, and does it have the hash that it states?

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

use std::{
    io::{Cursor, ErrorKind, Read},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    block::{DecodeError, InvalidPayload, Payload, ValidPayload},
    fault::AnswerFault,
    fork::Version,
    payload_by_number::MAX_ANSWER,
    primitives::Primitives,
    schedule::ChainSchedule,
};

/// A response to validate. Heavy (decompression, keccak over the whole payload), so it runs on a worker thread or in
/// the browser's worker, never in the event loop of a daemon.
#[derive(Clone, Debug)]
pub struct ResponseTask {
    /// The requested block number.
    pub number: u64,
    /// The response on the wire, at most [`MAX_ANSWER`] bytes; one byte more means that it was longer.
    pub bytes: Bytes,
    /// The chain's schedule.
    pub schedule: Arc<ChainSchedule>,
}

impl ResponseTask {
    /// Validates the response.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn run(self, primitives: Primitives) -> Result<ValidPayload, AnswerFault> {
        if self.bytes.len() > MAX_ANSWER {
            return Err(AnswerFault::TooLarge);
        }
        let (version, frames) = header(&self.bytes)?;
        let body = decompress(frames)?;
        // A stream that ends between two frames is valid snappy, so missing bytes mean that it was cut off.
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

/// Validates a payload. A response in V3's layout may be an Isthmus payload without its withdrawals root.
fn validate(payload: Payload, primitives: Primitives) -> Result<ValidPayload, InvalidPayload> {
    let validated = payload.clone().validate(primitives.keccak_many);
    let Err(fault @ InvalidPayload::BlockHash { .. }) = validated else { return validated };
    let isthmus = payload.with_empty_withdrawals_root().ok_or(fault)?;
    isthmus.validate(primitives.keccak_many).map_err(|_| fault)
}

/// The version, and the bytes after it. Layout: 1 byte result, 4 bytes version (little endian), framed snappy.
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

/// Uncompressed bytes of every frame but the last (snappy framing format §4.2).
const FRAME: usize = 1 << 16;
/// The first bytes of every framed snappy stream; op-node's reader requires them, `snap`'s does not.
const STREAM: &[u8] = b"\xff\x06\0\0sNaPpY";

/// Decompresses at most [`MAX_ANSWER`] bytes, and one more to notice that there are more.
fn decompress(frames: &[u8]) -> Result<Bytes, AnswerFault> {
    // op-node appends a result byte to a header of success when it fails after writing that header.
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
    // A stream may consist of padding: what is kept of a response is counted by its length, so it may hold no more.
    out.shrink_to_fit();
    if out.len() > MAX_ANSWER { Err(AnswerFault::TooLarge) } else { Ok(out.into()) }
}

/// Decodes the payload. Each of the two response versions is used for two encodings, which differ in the first offset.
/// op-node's reader chooses by the timestamp that a block of this number should have; here the first offset decides,
/// and the hash proves the choice.
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
