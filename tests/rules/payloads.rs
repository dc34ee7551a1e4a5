//! Payloads and hashes compared with op-alloy, and decoding of arbitrary bytes.

use alloy_consensus::Block;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rpc_types_engine::{CancunPayloadFields, PraguePayloadFields};
use op_alloy_consensus::OpTxEnvelope;
use op_alloy_rpc_types_engine::{OpExecutionPayloadSidecar, OpNetworkPayloadEnvelope};
use petrel_core::{
    block::{ExecutionPayload, Payload, Withdrawal},
    chain::Chain,
    fork::{Fork, Forks, Version},
    hash::keccak_many,
    message::Message,
    sign,
    sign::{Key, Signature, seal_body, signing_hash},
};
use petrel_node::command::devnet::BlockBuilder;
use proptest::{collection::vec, prelude::*};

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(Version::ALL.to_vec())
}

fn word() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::from)
}

fn withdrawal() -> impl Strategy<Value = Withdrawal> {
    any::<(u64, u64, [u8; 20], u64)>().prop_map(|(index, validator_index, address, amount)| Withdrawal {
        index,
        validator_index,
        address: Address::from(address),
        amount,
    })
}

/// Any payload that a version can encode; transactions are opaque bytes.
fn payload(version: Version) -> impl Strategy<Value = ExecutionPayload> {
    let has_withdrawals = version != Version::V1;
    let has_blob_gas = version >= Version::V3;
    let words = (word(), word(), word(), word(), word(), word(), word());
    let numbers = any::<(u64, u64, u64, u64, u64, u64)>();
    let lists = (
        vec(any::<u8>(), 0..=32),
        vec(vec(any::<u8>(), 0..300).prop_map(Bytes::from), 0..20),
        vec(withdrawal(), 0..=if has_withdrawals { 16 } else { 0 }),
    );
    (words, numbers, lists, any::<[u8; 20]>(), any::<[u8; 32]>()).prop_map(
        move |(words, numbers, (extra_data, transactions, withdrawals), recipient, base_fee)| ExecutionPayload {
            parent_hash: words.0,
            fee_recipient: Address::from(recipient),
            state_root: words.1,
            receipts_root: words.2,
            prev_randao: words.3,
            block_hash: words.4,
            block_number: numbers.0,
            gas_limit: numbers.1,
            gas_used: numbers.2,
            timestamp: numbers.3,
            extra_data: extra_data.into(),
            base_fee_per_gas: U256::from_le_bytes(base_fee),
            transactions,
            withdrawals,
            blob_gas_used: if has_blob_gas { numbers.4 } else { 0 },
            excess_blob_gas: if has_blob_gas { numbers.5 } else { 0 },
            withdrawals_root: if version == Version::V4 { words.5 } else { B256::ZERO },
            parent_beacon_block_root: if version.has_beacon_root() { words.6 } else { B256::ZERO },
            ..ExecutionPayload::default()
        },
    )
}

fn any_payload() -> impl Strategy<Value = (Version, ExecutionPayload)> {
    version().prop_flat_map(|version| payload(version).prop_map(move |payload| (version, payload)))
}

fn wire(data: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(data).expect("it compresses")
}

fn theirs(version: Version, wire: &[u8]) -> Option<OpNetworkPayloadEnvelope> {
    match version {
        Version::V1 => OpNetworkPayloadEnvelope::decode_v1(wire),
        Version::V2 => OpNetworkPayloadEnvelope::decode_v2(wire),
        Version::V3 => OpNetworkPayloadEnvelope::decode_v3(wire),
        Version::V4 => OpNetworkPayloadEnvelope::decode_v4(wire),
    }
    .ok()
}

/// The hash of the header that op-alloy builds; it decodes every transaction.
fn their_hash(version: Version, envelope: OpNetworkPayloadEnvelope) -> B256 {
    let cancun = envelope.parent_beacon_block_root.map(|root| CancunPayloadFields::new(root, Vec::new()));
    let sidecar = match (version, cancun) {
        (Version::V4, Some(cancun)) => OpExecutionPayloadSidecar::v4(cancun, PraguePayloadFields::default()),
        (_, Some(cancun)) => OpExecutionPayloadSidecar::v3(cancun),
        (_, None) => OpExecutionPayloadSidecar::default(),
    };
    let block: Block<OpTxEnvelope> = envelope.payload.try_into_block_with_sidecar(&sidecar).expect("it is a block");
    block.header.hash_slow()
}

// 256 cases each, or PROPTEST_CASES.
proptest! {
    /// decode(encode(x)) = x, field by field through the encoder and byte by byte.
    #[test]
    fn an_encoded_payload_decodes_to_itself((version, payload) in any_payload()) {
        let body = Bytes::from(payload.encode(version).expect("it encodes"));
        let decoded = Payload::decode(version, body.0.clone()).expect("it decodes");
        prop_assert_eq!(decoded.number(), payload.block_number);
        prop_assert_eq!(decoded.block_hash(), payload.block_hash);
        prop_assert_eq!(decoded.base_fee_per_gas(), payload.base_fee_per_gas);
        prop_assert_eq!(decoded.extra_data(), &payload.extra_data[..]);
        prop_assert!(decoded.transactions().eq(payload.transactions.iter().map(|bytes| &bytes[..])));
        prop_assert_eq!(decoded.withdrawals().count(), payload.withdrawals.len());
        prop_assert_eq!(ExecutionPayload::from(&decoded), payload);
        prop_assert_eq!(decoded.into_body(), body.0);
    }

    /// op-alloy decodes our encoding to the same fields.
    #[test]
    fn op_alloy_reads_the_same_fields((version, payload) in any_payload()) {
        let key = Key::from_bytes(&[1; 32]).expect("a key");
        let data = seal_body(&key, 10, &payload.encode(version).expect("it encodes"));
        let theirs = theirs(version, &wire(&data)).expect("op-alloy decodes it");
        let v1 = theirs.payload.as_v1();
        prop_assert_eq!(v1.block_number, payload.block_number);
        prop_assert_eq!(v1.block_hash, payload.block_hash);
        prop_assert_eq!(v1.base_fee_per_gas, payload.base_fee_per_gas);
        prop_assert_eq!(&v1.transactions, &payload.transactions);
        prop_assert_eq!(&v1.extra_data, &payload.extra_data);
        let root = version.has_beacon_root().then_some(payload.parent_beacon_block_root);
        prop_assert_eq!(theirs.parent_beacon_block_root, root);
        prop_assert_eq!(theirs.payload_hash.signature_message(10), signing_hash(10, &data[65..]));
        let signature = Signature(*data.first_chunk().expect("a signature"));
        let signer = sign::recover(&signing_hash(10, &data[65..]), &signature).expect("signed");
        prop_assert_eq!(theirs.signature.recover_address_from_prehash(&signing_hash(10, &data[65..])).ok(), Some(signer));
    }

    /// Any bytes give a result or an error, never a panic; a decoded payload encodes to the same bytes again.
    #[test]
    fn arbitrary_bytes_never_panic(version in version(), bytes in vec(any::<u8>(), 0..2_000)) {
        if let Ok(payload) = Payload::decode(version, bytes.clone().into()) {
            let _hash = payload.compute_hash(keccak_many);
            prop_assert_eq!(ExecutionPayload::from(&payload).encode(version).ok(), Some(bytes.clone()));
        }
        let message = Message::decompress(&bytes);
        prop_assert!(message.data.len() <= petrel_core::message::MAX_MESSAGE);
        let _id = message.id("topic");
    }

    /// Nearly valid payloads: some bytes of a valid one changed, removed or added. If we accept one, op-alloy must accept it with the same
    /// fields: ours may be stricter, never less strict.
    #[test]
    fn changed_payloads_never_panic(
        (version, payload) in any_payload(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in 0..80_usize,
        more in vec(any::<u8>(), 0..40),
    ) {
        let mut body = payload.encode(version).expect("it encodes");
        // Most changes are in the fixed part, which has the offsets.
        let fixed = body.len().min(700);
        for (at, byte) in changes {
            let at = at.index(fixed);
            body[at] = byte;
        }
        body.truncate(body.len().saturating_sub(cut));
        body.extend(more);
        if let Ok(decoded) = Payload::decode(version, body.clone().into()) {
            let _hash = decoded.compute_hash(keccak_many);
            prop_assert_eq!(ExecutionPayload::from(&decoded).encode(version).ok(), Some(body.clone()));
            let data = [vec![0; 64], vec![0], body].concat();
            prop_assert!(theirs(version, &wire(&data)).is_some(), "op-alloy refuses what we take");
        }
    }
}

#[test]
fn op_alloy_computes_the_same_hashes_at_every_fork() {
    for fork in Fork::TIMED {
        let mut chain = Chain::preset("op-mainnet").expect("a preset");
        chain.forks = Forks::all_until(fork);
        for bytes in [0, 3_000, 60_000, 400_000] {
            let made = BlockBuilder::new(chain.clone(), Key::from_bytes(&[1; 32]).expect("a key"), bytes)
                .build()
                .expect("it encodes");
            let theirs = theirs(made.version, &wire(&made.message)).expect("op-alloy decodes it");
            assert_eq!(their_hash(made.version, theirs), made.payload.block_hash, "{fork:?}, {bytes} bytes");
        }
    }
}
