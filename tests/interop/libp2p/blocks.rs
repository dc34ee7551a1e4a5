//! The blocks of one row: a chain of valid blocks, signed by `forge::key(1)`.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy_primitives::B256;
use petrel_core::{
    chain::Chain,
    fork::{Fork, Version},
    payload_by_number::{Reply, StoredBlock},
    primitives::Primitives,
    range_sync::ResponseTask,
};
use petrel_tests::forge::{Forge, compress, schedule};
use sha2::{Digest, Sha256};

/// The names of the sizes, and the bytes of the transaction in a block. The last one gives a gossipsub RPC that is, with its frame,
/// nearly as long as op-node allows: 10 MiB.
pub(crate) const SIZES: [(&str, usize); 4] =
    [("1 KB", 1_000), ("100 KB", 100_000), ("1 MB", 1_000_000), ("10 MiB", 10_483_500)];

/// The fork of these chains, and its encoding.
pub(crate) const FORK: Fork = Fork::Jovian;
pub(crate) const VERSION: Version = FORK.version();

/// A block.
pub(crate) struct Made {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    /// Signature and payload, uncompressed.
    pub(crate) message: Vec<u8>,
}

impl Made {
    /// The message as on the wire, and its SHA-256 in hex.
    pub(crate) fn wire(&self) -> (Vec<u8>, String) {
        let wire = compress(&self.message);
        let digest = alloy_primitives::hex::encode(Sha256::digest(&wire));
        (wire, digest)
    }

    /// The response to a request for its number.
    pub(crate) fn answer(&self) -> Vec<u8> {
        let body = self.message[65..].to_vec().into();
        Reply::Block(StoredBlock { version: VERSION, hash: self.hash, body }).pieces().flatten().collect()
    }

    /// Checks that these bytes are a valid response with this block.
    pub(crate) fn is_answered_by(&self, bytes: Vec<u8>) -> Result<(), String> {
        let reading = ResponseTask { number: self.number, bytes: bytes.into(), schedule: schedule() };
        let fetched = reading.run(Primitives::PORTABLE).map_err(|fault| fault.to_string())?;
        if fetched.hash() == self.hash { Ok(()) } else { Err(format!("the response has block {}", fetched.hash())) }
    }

    /// Whether an event is of this block.
    pub(crate) fn is(&self, event: &serde_json::Value) -> bool {
        event["event"] == "block" && event["hash"] == self.hash.to_string().as_str()
    }
}

/// See the module.
pub(crate) struct Blocks {
    chain: Chain,
    number: u64,
    tip: B256,
}

impl Blocks {
    pub(crate) fn new(chain: &Chain) -> Self {
        Self { chain: chain.clone(), number: 0, tip: B256::ZERO }
    }

    /// Builds the next block, with the present time.
    pub(crate) fn make(&self, bytes: usize) -> Made {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let forge = Forge::new(self.chain.id, FORK, self.number + 1, now, bytes);
        let (message, hash) = forge.with(|payload| payload.parent_hash = self.tip).sealed();
        Made { number: self.number + 1, hash, message }
    }

    /// Adds a block to the chain.
    pub(crate) fn take(&mut self, made: &Made) {
        (self.number, self.tip) = (made.number, made.hash);
    }
}
