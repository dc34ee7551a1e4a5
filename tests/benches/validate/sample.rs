//! A message of the devnet's sequencer: typed transactions of mixed sizes, correct roots, a valid signature.

use std::sync::Arc;

use petrel_core::{
    chain::Chain,
    fork::{Fork, Forks, Version},
    primitives::Primitives,
    schedule::ChainSchedule,
    sign::Key,
};
use petrel_node::command::devnet::BlockBuilder;

use crate::{field, ours};

/// See the module.
pub(crate) struct Sample {
    /// The message as on the wire.
    pub(crate) wire: bytes::Bytes,
    /// Bytes of the raw payload, which follows the signature and the parent beacon root.
    pub(crate) payload: usize,
    pub(crate) topic: String,
    pub(crate) chain: Chain,
    pub(crate) schedule: Arc<ChainSchedule>,
    pub(crate) timestamp: u64,
}

impl Sample {
    /// A message with about this many bytes of payload.
    pub(crate) fn new(bytes: usize) -> Self {
        let key = Key::from_bytes(&[1; 32]).expect("a key");
        let mut chain = Chain::preset("op-mainnet").expect("a preset");
        chain.forks = Forks::all_until(Fork::Jovian);
        chain.signer = Some(key.address());
        let made = BlockBuilder::new(chain.clone(), key, bytes + 97).build().expect("it encodes");
        let wire = snap::raw::Encoder::new().compress_vec(&made.message).expect("it compresses");
        let topic = chain.topic(Version::V4);
        let schedule = Arc::new(ChainSchedule::new(&chain));
        Self {
            wire: wire.into(),
            payload: made.message.len() - 97,
            topic,
            chain,
            schedule,
            timestamp: made.payload.timestamp,
        }
    }

    /// Checks that all ways have the same results.
    ///
    /// # Panics
    /// The results are different.
    pub(crate) fn assert_agreed(&self) {
        let (id, checked) = ours::validate(self, petrel_node::primitives::FASTEST);
        let block = checked.result.expect("it is valid");
        let (portable_id, portable) = ours::validate(self, Primitives::PORTABLE);
        let portable = portable.result.expect("it is valid");
        let field = field::validate(self);
        assert_eq!((id.0, block.signer, block.hash), (field.id, Some(field.signer), field.hash));
        assert_eq!((portable_id.0, portable.signer, portable.hash), (field.id, Some(field.signer), field.hash));
    }
}
