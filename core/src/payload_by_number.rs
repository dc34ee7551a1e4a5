//! The `payload_by_number` protocol: the bytes of requests and responses (op-node; specs, rollup-node-p2p).

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

use std::io::Write;

use alloy_primitives::B256;
use bytes::Bytes;

use crate::{chain::Chain, fork::Version, message::MAX_MESSAGE};

/// Length of a request, bytes: the block number. Bytes after it are ignored, as op-node does.
pub const REQUEST: usize = 8;
/// Maximum length of a response on the wire, and of the payload in it, bytes (op-node: `maxGossipSize` for both).
pub const MAX_ANSWER: usize = MAX_MESSAGE;

/// The protocol ids. The first is op-node's, without a slash at the end; the second is the specification's, with a
/// slash.
pub fn protocols(chain: &Chain) -> [String; 2] {
    let name = format!("/opstack/req/payload_by_number/{}/0", chain.id);
    [name.clone(), name + "/"]
}

/// Why there is no payload; the whole response is this one result byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// This node does not have the block.
    NotFound,
    /// No block can have this number: it is before genesis, or its time has not come.
    Invalid,
    /// Any other reason: the request is malformed, could not be answered in time, or the store could not be read.
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

/// A payload as it is stored, to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// The encoding.
    pub version: Version,
    /// Its hash.
    pub hash: B256,
    /// `[parent beacon root ‖] ssz`: what the sequencer's signature covered.
    pub body: Bytes,
}

/// The store could not be read, so it is unknown whether it has the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupFailed;

/// The result of looking up a block by number: the block, or `None` if the store does not have it.
pub type Lookup = Result<Option<StoredBlock>, LookupFailed>;

/// The response to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The payload.
    Block(StoredBlock),
    /// No payload, and the reason.
    Refused(Refusal),
}

impl Reply {
    /// Payload bytes that are compressed at once: one snappy frame.
    const PIECE: usize = 1 << 16;

    /// The response in pieces, each made on demand, so that the writer holds one piece at a time.
    pub fn pieces(&self) -> impl Iterator<Item = Vec<u8>> + Send + '_ {
        let (head, body) = match self {
            Self::Refused(refusal) => (vec![refusal.byte()], &[][..]),
            // Version 0 carries V1 and V2, version 1 every payload with a beacon root (op-node; no implementation uses
            // the specification's version 2).
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
