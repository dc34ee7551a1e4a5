//! The usual way, with the libraries that Rust nodes of the OP Stack use: the id function decompresses the message, then
//! op-alloy's `decode_v4` decompresses, hashes and decodes, `try_into_block` decodes every transaction and builds the trie,
//! and alloy recovers the signer. No step is repeated except by the libraries themselves; the copy of the payload that nodes make
//! before `try_into_block` is left out.

use alloy_consensus::Block;
use alloy_primitives::{Address, B256};
use alloy_rpc_types_engine::{CancunPayloadFields, PraguePayloadFields};
use op_alloy_consensus::OpTxEnvelope;
use op_alloy_rpc_types_engine::{OpExecutionPayloadSidecar, OpNetworkPayloadEnvelope};
use sha2::{Digest, Sha256};

use crate::sample::Sample;

/// The results; the block is returned so that dropping it is not measured.
pub(crate) struct Validated {
    pub(crate) id: [u8; 20],
    pub(crate) signer: Address,
    pub(crate) hash: B256,
    _block: Block<OpTxEnvelope>,
}

/// Validates one message.
pub(crate) fn validate(sample: &Sample) -> Validated {
    let id = message_id(&sample.topic, &sample.wire);
    let envelope = OpNetworkPayloadEnvelope::decode_v4(&sample.wire).expect("it decodes");
    let prehash = envelope.payload_hash.signature_message(sample.chain.id);
    let signer = envelope.signature.recover_address_from_prehash(&prehash).expect("it is signed");
    assert_eq!(Some(signer), sample.chain.signer);
    let claimed = envelope.payload.block_hash();
    let root = envelope.parent_beacon_block_root.expect("V4 has one");
    let sidecar =
        OpExecutionPayloadSidecar::v4(CancunPayloadFields::new(root, Vec::new()), PraguePayloadFields::default());
    let block: Block<OpTxEnvelope> = envelope.payload.try_into_block_with_sidecar(&sidecar).expect("it is a block");
    let hash = block.header.hash_slow();
    assert_eq!(hash, claimed);
    Validated { id, signer, hash, _block: block }
}

fn message_id(topic: &str, wire: &[u8]) -> [u8; 20] {
    let data = snap::raw::Decoder::new().decompress_vec(wire).expect("it is snappy");
    let mut hash = Sha256::new();
    hash.update([1, 0, 0, 0]);
    hash.update((topic.len() as u64).to_le_bytes());
    hash.update(topic);
    hash.update(&data);
    let mut id = [0; 20];
    id.copy_from_slice(&hash.finalize()[..20]);
    id
}
