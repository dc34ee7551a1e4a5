//! Bytes of requests and answers.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

use std::io::Write;

use alloy_primitives::B256;
use bytes::Bytes;

use crate::{chain::Chain, fork::Version, message::MAX_MESSAGE};

/// Bytes of a request: the block number. What follows them is ignored, as op-node does.
pub const REQUEST: usize = 8;
/// Bytes of an answer on the wire at most, and of the payload in it (op-node: `maxGossipSize` for both).
pub const MAX_ANSWER: usize = MAX_MESSAGE;

/// The protocol's names, the one that op-node speaks first: without the slash at the end. The specification has one there.
pub fn protocols(chain: &Chain) -> [String; 2] {
    let name = format!("/opstack/req/payload_by_number/{}/0", chain.id);
    [name.clone(), name + "/"]
}

/// Why there is no payload; the whole answer is this one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// We do not have this block.
    NotFound,
    /// No block can have this number: it is before genesis, or its time has not come.
    Invalid,
    /// Anything else: the request is malformed, or could not be answered in time.
    Unknown,
}

impl Refusal {
    /// The result byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::NotFound => 1,
            Self::Invalid => 2,
            Self::Unknown => 3,
        }
    }
}

/// A payload as it is kept, to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// The encoding.
    pub version: Version,
    /// Its hash.
    pub hash: B256,
    /// `[parent beacon root ‖] ssz`: what the sequencer's signature covered.
    pub body: Bytes,
}

/// What a peer is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The payload.
    Block(StoredBlock),
    /// None, and why.
    Refused(Refusal),
}

impl Reply {
    /// Bytes of a payload that are compressed at once: one frame.
    const PIECE: usize = 1 << 16;

    /// The answer in pieces, each made when it is asked for: whoever writes them holds one at a time.
    pub fn pieces(&self) -> impl Iterator<Item = Vec<u8>> + Send + '_ {
        let (head, body) = match self {
            Self::Refused(refusal) => (vec![refusal.byte()], &[][..]),
            // Version 0 carries V1 and V2, version 1 all that has a beacon root (op-node; the specification's version 2
            // is made by nobody).
            Self::Block(block) => (vec![0, u8::from(block.version.has_beacon_root()), 0, 0, 0], &*block.body),
        };
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        let frames = body.chunks(Self::PIECE).map(move |piece| {
            // Writing to memory does not fail.
            let _ = encoder.write_all(piece).and_then(|()| encoder.flush());
            std::mem::take(encoder.get_mut())
        });
        std::iter::once(head).chain(frames)
    }
}
