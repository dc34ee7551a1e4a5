//! Each validation rule, broken by a block that is otherwise valid; and real messages.

use alloy_primitives::{Address, B256};
use petrel_core::{
    block::{DecodeError, InvalidPayload, Withdrawal},
    chain::Chain,
    fault::{BlockFault, EnvelopeFault, Fault, MessageFault, NodeFault, Verdict},
    fork::{Fork, Version},
    message::{Form, Message},
    primitives::Primitives,
    schedule::ChainSchedule,
    sign,
    sign::{SignatureError, seal_body},
    validation::{Signers, ValidationTask},
};

use crate::{
    forge::{NOW, forge, key, message_of, signer, task},
    vectors,
};

#[test]
fn a_valid_block_of_each_version_is_accepted() {
    for version in Version::ALL {
        let forge = forge(version);
        let checked = forge.validate();
        assert_eq!(checked.signer, Some(signer()));
        let block = checked.result.unwrap();
        assert_eq!((block.hash, block.signer, block.bytes), (forge.hash(), Some(signer()), forge.signed_bytes().len()));
    }
}

#[test]
fn a_message_that_does_not_decompress_has_the_fault_of_its_form() {
    let broken = |form| {
        let message = Message { form, ..forge(Version::V4).message() };
        task(Version::V4, Fork::Jovian, message).run(Primitives::PORTABLE).result.unwrap_err()
    };
    assert_eq!(broken(Form::BadHeader), MessageFault::SnappyHeader.into());
    assert_eq!(broken(Form::TooLarge), MessageFault::TooLarge.into());
    assert_eq!(broken(Form::TooShort), MessageFault::TooShort.into());
    assert_eq!(broken(Form::Corrupt), MessageFault::SnappyBody.into());
    assert_eq!(broken(Form::Surplus), NodeFault::Surplus.into());
    assert_eq!(broken(Form::Authored), MessageFault::Authored.into());
}

#[test]
fn an_unknown_signer_is_reported() {
    let found = key(2).address();
    assert_eq!(forge(Version::V3).signed_by(2).fault(), MessageFault::WrongSigner { found }.into());
    let mut other_chain = forge(Version::V3);
    other_chain.chain_id = 8453;
    assert!(matches!(other_chain.fault(), Fault::Message(MessageFault::WrongSigner { .. })));
}

#[test]
fn a_signature_that_recovers_to_no_key_is_refused() {
    let with_v = |v| {
        let mut message = forge(Version::V2).signed_by(2).signed_bytes();
        message[64] = v;
        task(Version::V2, Fork::Delta, message_of(message)).run(Primitives::PORTABLE).result.unwrap_err()
    };
    for v in [4, 26, 27, 28, 29, 34, 35, 37, 255] {
        assert_eq!(with_v(v), MessageFault::Signature(SignatureError::RecoveryId(v)).into());
    }
    let mut zero = forge(Version::V2).signed_bytes();
    zero[..65].fill(0);
    let fault = task(Version::V2, Fork::Delta, message_of(zero)).run(Primitives::PORTABLE).result.unwrap_err();
    assert_eq!(fault, MessageFault::Signature(SignatureError::NoKey).into());
}

#[test]
fn without_a_signer_everything_well_formed_is_ignored() {
    for none in [None, Some(Address::ZERO)] {
        let validate = |message| {
            ValidationTask { signers: Signers::new(none), ..task(Version::V4, Fork::Jovian, message) }
                .run(Primitives::PORTABLE)
        };
        let fault = validate(forge(Version::V4).message()).result.unwrap_err();
        assert_eq!((fault, fault.verdict()), (NodeFault::NoSigner.into(), Verdict::Ignore));
        assert_eq!(validate(message_of(vec![0; 100])).result.unwrap_err(), NodeFault::NoSigner.into());
        let broken = Message { form: Form::Corrupt, ..message_of(vec![0; 100]) };
        assert_eq!(validate(broken).result.unwrap_err().verdict(), Verdict::Reject);
    }
}

#[test]
fn a_payload_on_another_topic_does_not_decode() {
    for version in Version::ALL {
        for topic in Version::ALL.into_iter().filter(|topic| *topic != version) {
            let fault = forge(version).validate_on(topic).result.unwrap_err();
            assert!(matches!(fault, Fault::Block(BlockFault::Undecodable(_))), "{version} on {topic}: {fault}");
        }
    }
}

#[test]
fn a_signed_body_that_is_not_a_payload_does_not_decode() {
    let message = message_of(seal_body(&key(1), 10, &[0; 100]));
    let checked = task(Version::V1, Fork::Regolith, message).run(Primitives::PORTABLE);
    assert_eq!(checked.signer, Some(signer()), "the signature is valid");
    assert!(matches!(checked.result, Err(Fault::Block(BlockFault::Undecodable(DecodeError::TooShort { .. })))));
}

#[test]
fn timestamps_are_bounded_by_the_second() {
    let at = |offset: i64| {
        forge(Version::V4).with(|payload| payload.timestamp = NOW.wrapping_add_signed(offset)).validate().result
    };
    for fine in [-60, -59, 0, 4, 5] {
        assert!(at(fine).is_ok(), "{fine}");
    }
    assert_eq!(at(-61).unwrap_err(), BlockFault::TooOld { timestamp: NOW - 61, by: 1 }.into());
    assert_eq!(at(6).unwrap_err(), BlockFault::TooNew { timestamp: NOW + 6, by: 1 }.into());
    for timestamp in [0, u64::MAX] {
        assert!(forge(Version::V4).with(|payload| payload.timestamp = timestamp).validate().result.is_err());
    }
}

#[test]
fn the_threshold_is_a_parameter_and_may_exceed_the_clock() {
    let validate = |past, at| {
        let message = forge(Version::V1).message();
        ValidationTask { past, at, ..task(Version::V1, Fork::Regolith, message) }.run(Primitives::PORTABLE).result
    };
    assert!(validate(0, NOW).is_ok());
    assert!(validate(0, NOW + 1).is_err());
    assert!(validate(100, NOW + 100).is_ok());
    assert!(validate(u64::MAX, NOW + 1_000_000).is_ok());
    // A clock that was never set.
    assert!(matches!(validate(60, 0), Err(Fault::Block(BlockFault::TooNew { .. }))));
}

#[test]
fn the_stated_hash_must_be_the_computed_one() {
    let wrong = forge(Version::V3).with_block_hash(B256::repeat_byte(1));
    assert_eq!(wrong.fault(), invalid(InvalidPayload::BlockHash { computed: wrong.hash() }));
}

#[test]
fn withdrawals_are_refused() {
    for version in [Version::V2, Version::V3, Version::V4] {
        let fault = forge(version).with(|payload| payload.withdrawals.push(Withdrawal::default())).fault();
        assert_eq!(fault, invalid(InvalidPayload::Withdrawals(1)));
    }
}

#[test]
fn empty_transactions_are_refused() {
    for version in Version::ALL {
        let empty = forge(version).with(|payload| payload.transactions.insert(1, alloy_primitives::Bytes::new()));
        assert_eq!(empty.fault(), invalid(InvalidPayload::EmptyTransaction { index: 1 }));
    }
}

#[test]
fn blob_gas_used_is_not_checked_in_blocks_of_isthmus_and_later() {
    // Before Jovian it says that the schedule is out of date, not that the block is wrong.
    for fork in [Fork::Isthmus, Fork::Jovian] {
        let mut used = forge(Version::V4).with(|payload| payload.blob_gas_used = 7);
        used.fork = fork;
        assert!(used.validate().result.is_ok(), "{fork}");
    }
    let mut ecotone = forge(Version::V3).with(|payload| payload.blob_gas_used = 7);
    ecotone.fork = Fork::Ecotone;
    assert_eq!(ecotone.fault(), invalid(InvalidPayload::BlobGasUsed(7)));
}

/// The fault of a block whose contents break a rule.
fn invalid(fault: InvalidPayload) -> Fault {
    Fault::Block(BlockFault::Invalid(fault))
}

#[test]
fn excess_blob_gas_is_refused() {
    for version in [Version::V3, Version::V4] {
        assert_eq!(
            forge(version).with(|payload| payload.excess_blob_gas = 1).fault(),
            invalid(InvalidPayload::ExcessBlobGas(1))
        );
    }
}

#[test]
fn a_number_beyond_63_bits_is_refused() {
    let with = |number| forge(Version::V4).with(|payload| payload.block_number = number).validate().result;
    assert!(with((1 << 63) - 1).is_ok());
    assert_eq!(with(1 << 63).unwrap_err(), invalid(InvalidPayload::Number(1 << 63)));
    assert_eq!(with(u64::MAX).unwrap_err(), invalid(InvalidPayload::Number(u64::MAX)));
}

#[test]
fn zero_roots_are_accepted_as_by_op_node() {
    let zero = forge(Version::V4).with(|payload| {
        payload.parent_beacon_block_root = B256::ZERO;
        payload.withdrawals_root = B256::ZERO;
    });
    assert!(zero.validate().result.is_ok());
}

#[test]
fn the_fault_is_the_first_broken_rule() {
    let all_wrong = forge(Version::V4).with(|payload| {
        payload.timestamp = NOW - 100;
        payload.excess_blob_gas = 1;
        payload.withdrawals.push(Withdrawal::default());
    });
    assert!(matches!(all_wrong.clone().signed_by(2).fault(), Fault::Message(MessageFault::WrongSigner { .. })));
    assert!(matches!(all_wrong.clone().with_block_hash(B256::ZERO).fault(), Fault::Block(BlockFault::TooOld { .. })));
    let in_time = all_wrong.with(|payload| payload.timestamp = NOW);
    let hash = in_time.clone().with_block_hash(B256::ZERO).fault();
    assert!(matches!(hash, Fault::Block(BlockFault::Invalid(InvalidPayload::BlockHash { .. }))), "{hash}");
    assert_eq!(in_time.fault(), invalid(InvalidPayload::Withdrawals(1)));
}

#[test]
fn a_rewritten_envelope_of_a_valid_block_is_recognised() {
    let validate = |message| task(Version::V4, Fork::Jovian, message).run(Primitives::PORTABLE);
    for v in [27, 28, 35, 36, 37, 255] {
        let mut sealed = forge(Version::V4).signed_bytes();
        let parity = sealed[64];
        sealed[64] = v;
        let fits = (if v < 35 { v - 27 } else { (v - 35) % 2 }) == parity;
        let checked = validate(message_of(sealed));
        let rewritten: Fault = EnvelopeFault::RecoveryId(v).into();
        let expected = if fits { rewritten } else { MessageFault::Signature(SignatureError::RecoveryId(v)).into() };
        assert_eq!((checked.result.unwrap_err(), checked.signer), (expected, fits.then(signer)));
    }
    let authored = |sealed: Vec<u8>| {
        let wire = snap::raw::Encoder::new().compress_vec(&sealed).unwrap();
        validate(Message::unread(Form::Authored, &wire.into())).result.unwrap_err()
    };
    assert_eq!(authored(forge(Version::V4).signed_bytes()), EnvelopeFault::Authored.into());
    assert_eq!(authored(forge(Version::V4).signed_by(2).signed_bytes()), MessageFault::Authored.into());
}

/// Validates a real message at its block's timestamp.
fn validate(
    chain: &Chain,
    signer: Address,
    version: Version,
    message: Message,
    at: u64,
) -> petrel_core::validation::ValidationOutcome {
    let task = ValidationTask {
        chain_id: chain.id,
        schedule: ChainSchedule::new(chain).into(),
        version,
        message,
        signers: Signers::new(Some(signer)),
        at,
        past: 60,
    };
    task.run(Primitives::PORTABLE)
}

#[test]
fn all_messages_of_a_real_op_node_are_accepted() {
    let (chain, signer) = vectors::devnet();
    let messages = vectors::list("gossip/op-node-devnet/index.json", "messages");
    assert_eq!(messages.len(), 26);
    for vector in messages {
        let topic = vectors::text(&vector, "topic");
        let version = Version::ALL.into_iter().find(|version| chain.topic(*version) == topic).unwrap();
        let timestamp = vector["timestamp"].as_u64().unwrap();
        assert_eq!(chain.version_at(timestamp), version);
        let message =
            Message::decompress(vectors::bytes(&format!("gossip/op-node-devnet/{}", vectors::text(&vector, "file"))));
        assert_eq!(message.id(topic).to_string(), vectors::text(&vector, "messageId"));
        let block = validate(&chain, signer, version, message, timestamp).result.unwrap();
        assert_eq!(block.hash.to_string(), vectors::text(&vector, "hash"));
        assert_eq!(block.payload.number(), vector["number"].as_u64().unwrap());
        assert_eq!(block.payload.transaction_count() as u64, vector["txCount"].as_u64().unwrap());
    }
}

#[test]
fn the_messages_of_chain_100_have_the_manifests_verdicts() {
    let mut chain = vectors::devnet().0;
    chain.id = 100;
    chain.forks = petrel_core::fork::Forks::all_until(Fork::Isthmus);
    let mut validated = 0;
    for vector in vectors::list("gossip/index.json", "messages") {
        let Some(expected) = vector["expected"].as_str().filter(|_| vector["chainId"] == 100) else { continue };
        let version = Version::from_topic(vector["topicVersion"].as_u64().unwrap() as u8).unwrap();
        let file = vector["files"][0]["file"].as_str().unwrap();
        let message = Message::decompress(vectors::bytes(file));
        assert_eq!(format!("0x{}", message.id(&chain.topic(version))), vectors::text(&vector, "messageId"));
        let signer = "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc".parse().unwrap();
        let checked = validate(&chain, signer, version, message, vector["timestamp"].as_u64().unwrap());
        assert_eq!(checked.result.is_ok(), expected == "accept", "{file}: {:?}", checked.result);
        validated += 1;
    }
    assert_eq!(validated, 9);
}

#[test]
fn real_blocks_are_accepted_and_changed_ones_are_not() {
    let key = key(5);
    for (index, (id, block)) in vectors::blocks().into_iter().enumerate() {
        let mut chain = vectors::devnet().0;
        chain.id = id;
        chain.forks = petrel_core::fork::Forks::all_until(if block.payload.blob_gas_used > 0 {
            Fork::Jovian
        } else {
            Fork::Isthmus
        });
        let message = sign::seal(&key, id, block.version, &block.payload).unwrap();
        let at = block.payload.timestamp;
        let validate = |message| validate(&chain, key.address(), block.version, message_of(message), at);
        let accepted = validate(message.clone()).result.unwrap();
        assert_eq!(accepted.hash, block.payload.block_hash);
        // Every byte of the first block; about forty of each other block, at different positions.
        let stride = if index == 0 { 1 } else { message.len() / 40 + 1 };
        for at in (index % stride..message.len()).step_by(stride) {
            let mut changed = message.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(validate(changed).result.is_err(), "byte {at} of block {}", accepted.payload.number());
        }
    }
}

#[test]
fn a_captured_payload_without_its_signature_is_validated_by_all_other_rules() {
    let chain = Chain::preset("op-mainnet").unwrap();
    let body = vectors::bytes("gossip/captured-unsigned/op-mainnet-129499858-v3.payload.bin");
    let schedule = ChainSchedule::new(&chain).into();
    let task =
        ValidationTask { schedule, at: 1_734_598_493, ..task(Version::V3, Fork::Holocene, message_of(Vec::new())) };
    let valid = task.run_unsigned(body.to_vec().into(), Primitives::PORTABLE).unwrap();
    assert_eq!(valid.number(), 129_499_858);
    assert_eq!(valid.hash().to_string(), "0xaadc2aff85b5f6704b66e56d3d73ae795209ecd601ec7d4cf2a64750c152988c");
}
