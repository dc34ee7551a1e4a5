//! Makes valid signed blocks; a test changes one thing to make them invalid.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256};
use petrel_core::{
    block::ExecutionPayload,
    chain::Chain,
    config::Config,
    fault::Fault,
    fork::{Fork, Forks, Version},
    message::{Form, Message},
    primitives::Primitives,
    schedule::ChainSchedule,
    sign::{Key, seal_body},
    time::Now,
    validation::{Signers, ValidationOutcome, ValidationTask},
};

/// The time at which blocks are made and validated, Unix seconds.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A block to sign, and how it is signed.
#[derive(Clone)]
pub(crate) struct Forge {
    pub(crate) version: Version,
    pub(crate) fork: Fork,
    pub(crate) payload: ExecutionPayload,
    /// Whether the block hash is computed from the payload; otherwise the one in `payload` is used.
    pub(crate) own_hash: bool,
    pub(crate) key: u8,
    pub(crate) chain_id: u64,
}

/// A test key.
pub(crate) fn key(seed: u8) -> Key {
    Key::from_bytes(&[seed; 32]).unwrap()
}

/// The signer that test nodes accept.
pub(crate) fn signer() -> Address {
    key(1).address()
}

/// A valid block of the version's last fork, made at [`NOW`].
pub(crate) fn forge(version: Version) -> Forge {
    let fork = match version {
        Version::V1 => Fork::Regolith,
        Version::V2 => Fork::Delta,
        Version::V3 => Fork::Holocene,
        Version::V4 => Fork::Jovian,
    };
    let payload = ExecutionPayload {
        block_number: 1000,
        timestamp: NOW,
        gas_limit: 30_000_000,
        gas_used: 21_000,
        base_fee_per_gas: U256::from(252),
        transactions: vec![Bytes::from_static(b"\x7ea deposit"), Bytes::from(vec![2; 300])],
        withdrawals_root: B256::repeat_byte(0x77),
        parent_beacon_block_root: B256::repeat_byte(0x55),
        ..ExecutionPayload::default()
    };
    Forge { version, fork, payload, own_hash: true, key: 1, chain_id: 10 }
}

impl Forge {
    /// The same with one thing changed.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut ExecutionPayload)) -> Self {
        change(&mut self.payload);
        self
    }

    /// States another block hash than the computed one.
    pub(crate) fn with_block_hash(mut self, hash: B256) -> Self {
        self.payload.block_hash = hash;
        self.own_hash = false;
        self
    }

    /// Signed by another key.
    pub(crate) fn signed_by(mut self, key: u8) -> Self {
        self.key = key;
        self
    }

    /// The bytes that the signature covers.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut payload = self.payload.clone();
        if self.own_hash { payload.finish(self.version).unwrap() } else { payload.encode(self.version).unwrap() }
    }

    pub(crate) fn hash(&self) -> B256 {
        self.payload.compute_hash(self.version).unwrap()
    }

    /// The signature and the body, uncompressed.
    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        seal_body(&key(self.key), self.chain_id, &self.body())
    }

    pub(crate) fn message(&self) -> Message {
        message_of(self.signed_bytes())
    }

    /// The validation at [`NOW`] on the topic of its version.
    pub(crate) fn validate(&self) -> ValidationOutcome {
        self.validate_on(self.version)
    }

    pub(crate) fn validate_on(&self, topic: Version) -> ValidationOutcome {
        task(topic, self.fork, self.message()).run(Primitives::PORTABLE)
    }

    /// The fault that the validation finds.
    pub(crate) fn fault(&self) -> Fault {
        self.validate().result.expect_err("it was accepted")
    }
}

/// A message that was decompressed to these bytes.
pub(crate) fn message_of(data: Vec<u8>) -> Message {
    Message { form: Form::Snappy, wire: data.len(), data: data.into() }
}

/// A validation task at [`NOW`] on a chain where every fork up to `fork` is active.
pub(crate) fn task(version: Version, fork: Fork, message: Message) -> ValidationTask {
    ValidationTask {
        chain_id: 10,
        schedule: schedule(fork),
        version,
        message,
        signers: Signers::new(Some(signer())),
        at: NOW,
        past: 60,
    }
}

/// A schedule in which every fork up to `fork` is active.
pub(crate) fn schedule(fork: Fork) -> Arc<ChainSchedule> {
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.forks = Forks::all_until(fork);
    Arc::new(ChainSchedule::new(&chain))
}

/// OP Mainnet with every fork up to Jovian active and the test signer.
pub(crate) fn config() -> Config {
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.forks = Forks::all_until(Fork::Jovian);
    chain.signer = Some(signer());
    Config::new(chain)
}

/// `millis` milliseconds after [`NOW`].
pub(crate) fn after(millis: u64) -> Now {
    let since = core::time::Duration::from_millis(millis);
    Now { mono: since, unix: core::time::Duration::from_secs(NOW) + since }
}
