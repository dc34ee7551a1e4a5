//! Each rule, broken by the least wrong block; and real messages.

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
    forge::{NOW, check, forge, key, plain, signer},
    vectors,
};

#[test]
fn a_valid_block_of_each_version_is_accepted() {
    for version in Version::ALL {
        let forge = forge(version);
        let checked = forge.judge();
        assert_eq!(checked.signer, Some(signer()));
        let block = checked.result.unwrap();
        assert_eq!((block.hash, block.signer, block.bytes), (forge.hash(), Some(signer()), forge.sealed().len()));
    }
}

#[test]
fn what_came_broken_off_the_wire_is_named_by_its_form() {
    let broken = |form| {
        let message = Message { form, ..forge(Version::V4).message() };
        check(Version::V4, Fork::Jovian, message).run(Primitives::PORTABLE).result.unwrap_err()
    };
    assert_eq!(broken(Form::BadHeader), MessageFault::SnappyHeader.into());
    assert_eq!(broken(Form::TooLarge), MessageFault::TooLarge.into());
    assert_eq!(broken(Form::TooShort), MessageFault::TooShort.into());
    assert_eq!(broken(Form::Corrupt), MessageFault::SnappyBody.into());
    assert_eq!(broken(Form::Surplus), NodeFault::Surplus.into());
    assert_eq!(broken(Form::Authored), MessageFault::Authored.into());
}

#[test]
fn a_stranger_is_named() {
    let found = key(2).address();
    assert_eq!(forge(Version::V3).by(2).fault(), MessageFault::WrongSigner { found }.into());
    let mut other_chain = forge(Version::V3);
    other_chain.chain_id = 8453;
    assert!(matches!(other_chain.fault(), Fault::Message(MessageFault::WrongSigner { .. })));
}

#[test]
fn a_signature_that_recovers_to_nobody_is_refused() {
    let with_v = |v| {
        let mut message = forge(Version::V2).by(2).sealed();
        message[64] = v;
        check(Version::V2, Fork::Delta, plain(message)).run(Primitives::PORTABLE).result.unwrap_err()
    };
    for v in [4, 26, 27, 28, 29, 34, 35, 37, 255] {
        assert_eq!(with_v(v), MessageFault::Signature(SignatureError::RecoveryId(v)).into());
    }
    let mut zero = forge(Version::V2).sealed();
    zero[..65].fill(0);
    let fault = check(Version::V2, Fork::Delta, plain(zero)).run(Primitives::PORTABLE).result.unwrap_err();
    assert_eq!(fault, MessageFault::Signature(SignatureError::NoKey).into());
}

#[test]
fn without_a_signer_everything_well_formed_is_ignored() {
    for none in [None, Some(Address::ZERO)] {
        let judge = |message| {
            ValidationTask { signers: Signers::new(none), ..check(Version::V4, Fork::Jovian, message) }
                .run(Primitives::PORTABLE)
        };
        let fault = judge(forge(Version::V4).message()).result.unwrap_err();
        assert_eq!((fault, fault.verdict()), (NodeFault::NoSigner.into(), Verdict::Ignore));
        assert_eq!(judge(plain(vec![0; 100])).result.unwrap_err(), NodeFault::NoSigner.into());
        let broken = Message { form: Form::Corrupt, ..plain(vec![0; 100]) };
        assert_eq!(judge(broken).result.unwrap_err().verdict(), Verdict::Reject);
    }
}

#[test]
fn a_payload_on_another_topic_does_not_decode() {
    for version in Version::ALL {
        for topic in Version::ALL.into_iter().filter(|topic| *topic != version) {
            let fault = forge(version).judge_on(topic).result.unwrap_err();
            assert!(matches!(fault, Fault::Block(BlockFault::Undecodable(_))), "{version} on {topic}: {fault}");
        }
    }
}

#[test]
fn a_signed_body_that_is_no_payload_does_not_decode() {
    let message = plain(seal_body(&key(1), 10, &[0; 100]));
    let checked = check(Version::V1, Fork::Regolith, message).run(Primitives::PORTABLE);
    assert_eq!(checked.signer, Some(signer()), "the signature was good all the same");
    assert!(matches!(checked.result, Err(Fault::Block(BlockFault::Undecodable(DecodeError::TooShort { .. })))));
}

#[test]
fn timestamps_are_bounded_by_the_second() {
    let at = |offset: i64| {
        forge(Version::V4).with(|payload| payload.timestamp = NOW.wrapping_add_signed(offset)).judge().result
    };
    for fine in [-60, -59, 0, 4, 5] {
        assert!(at(fine).is_ok(), "{fine}");
    }
    assert_eq!(at(-61).unwrap_err(), BlockFault::TooOld { timestamp: NOW - 61, by: 1 }.into());
    assert_eq!(at(6).unwrap_err(), BlockFault::TooNew { timestamp: NOW + 6, by: 1 }.into());
    for timestamp in [0, u64::MAX] {
        assert!(forge(Version::V4).with(|payload| payload.timestamp = timestamp).judge().result.is_err());
    }
}

#[test]
fn the_threshold_is_a_parameter_and_may_exceed_the_clock() {
    let judge = |past, at| {
        let message = forge(Version::V1).message();
        ValidationTask { past, at, ..check(Version::V1, Fork::Regolith, message) }.run(Primitives::PORTABLE).result
    };
    assert!(judge(0, NOW).is_ok());
    assert!(judge(0, NOW + 1).is_err());
    assert!(judge(100, NOW + 100).is_ok());
    assert!(judge(u64::MAX, NOW + 1_000_000).is_ok());
    // A clock that was never set.
    assert!(matches!(judge(60, 0), Err(Fault::Block(BlockFault::TooNew { .. }))));
}

#[test]
fn the_claimed_hash_is_the_real_one() {
    let wrong = forge(Version::V3).claiming(B256::repeat_byte(1));
    assert_eq!(wrong.fault(), invalid(InvalidPayload::BlockHash { computed: wrong.hash() }));
}

#[test]
fn no_withdrawals() {
    for version in [Version::V2, Version::V3, Version::V4] {
        let fault = forge(version).with(|payload| payload.withdrawals.push(Withdrawal::default())).fault();
        assert_eq!(fault, invalid(InvalidPayload::Withdrawals(1)));
    }
}

#[test]
fn no_empty_transaction() {
    for version in Version::ALL {
        let empty = forge(version).with(|payload| payload.transactions.insert(1, alloy_primitives::Bytes::new()));
        assert_eq!(empty.fault(), invalid(InvalidPayload::EmptyTransaction { index: 1 }));
    }
}

#[test]
fn blob_gas_used_is_free_in_blocks_of_isthmus_and_later() {
    // Before Jovian it says that the schedule is out of date, not that the block is wrong.
    for fork in [Fork::Isthmus, Fork::Jovian] {
        let mut used = forge(Version::V4).with(|payload| payload.blob_gas_used = 7);
        used.fork = fork;
        assert!(used.judge().result.is_ok(), "{fork}");
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
fn no_excess_blob_gas() {
    for version in [Version::V3, Version::V4] {
        assert_eq!(
            forge(version).with(|payload| payload.excess_blob_gas = 1).fault(),
            invalid(InvalidPayload::ExcessBlobGas(1))
        );
    }
}

#[test]
fn a_number_beyond_63_bits_is_refused() {
    let with = |number| forge(Version::V4).with(|payload| payload.block_number = number).judge().result;
    assert!(with((1 << 63) - 1).is_ok());
    assert_eq!(with(1 << 63).unwrap_err(), invalid(InvalidPayload::Number(1 << 63)));
    assert_eq!(with(u64::MAX).unwrap_err(), invalid(InvalidPayload::Number(u64::MAX)));
}

#[test]
fn zero_roots_pass_as_they_do_at_op_node() {
    let zero = forge(Version::V4).with(|payload| {
        payload.parent_beacon_block_root = B256::ZERO;
        payload.withdrawals_root = B256::ZERO;
    });
    assert!(zero.judge().result.is_ok());
}

#[test]
fn the_first_broken_rule_names_the_fault() {
    let all_wrong = forge(Version::V4).with(|payload| {
        payload.timestamp = NOW - 100;
        payload.excess_blob_gas = 1;
        payload.withdrawals.push(Withdrawal::default());
    });
    assert!(matches!(all_wrong.clone().by(2).fault(), Fault::Message(MessageFault::WrongSigner { .. })));
    assert!(matches!(all_wrong.clone().claiming(B256::ZERO).fault(), Fault::Block(BlockFault::TooOld { .. })));
    let in_time = all_wrong.with(|payload| payload.timestamp = NOW);
    let hash = in_time.clone().claiming(B256::ZERO).fault();
    assert!(matches!(hash, Fault::Block(BlockFault::Invalid(InvalidPayload::BlockHash { .. }))), "{hash}");
    assert_eq!(in_time.fault(), invalid(InvalidPayload::Withdrawals(1)));
}

#[test]
fn our_signers_bytes_in_another_envelope_are_known_for_what_they_are() {
    let judge = |message| check(Version::V4, Fork::Jovian, message).run(Primitives::PORTABLE);
    for v in [27, 28, 35, 36, 37, 255] {
        let mut sealed = forge(Version::V4).sealed();
        let parity = sealed[64];
        sealed[64] = v;
        let fits = (if v < 35 { v - 27 } else { (v - 35) % 2 }) == parity;
        let checked = judge(plain(sealed));
        let rewritten: Fault = EnvelopeFault::RecoveryId(v).into();
        let expected = if fits { rewritten } else { MessageFault::Signature(SignatureError::RecoveryId(v)).into() };
        assert_eq!((checked.result.unwrap_err(), checked.signer), (expected, fits.then(signer)));
    }
    let authored = |sealed: Vec<u8>| {
        let wire = snap::raw::Encoder::new().compress_vec(&sealed).unwrap();
        judge(Message::unread(Form::Authored, &wire.into())).result.unwrap_err()
    };
    assert_eq!(authored(forge(Version::V4).sealed()), EnvelopeFault::Authored.into());
    assert_eq!(authored(forge(Version::V4).by(2).sealed()), MessageFault::Authored.into());
}

/// Judges a real message at its block's own time.
fn judge(
    chain: &Chain,
    signer: Address,
    version: Version,
    message: Message,
    at: u64,
) -> petrel_core::validation::ValidationOutcome {
    let check = ValidationTask {
        chain_id: chain.id,
        schedule: ChainSchedule::new(chain).into(),
        version,
        message,
        signers: Signers::new(Some(signer)),
        at,
        past: 60,
    };
    check.run(Primitives::PORTABLE)
}

#[test]
fn everything_that_a_real_op_node_signed_is_accepted() {
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
        let block = judge(&chain, signer, version, message, timestamp).result.unwrap();
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
    let mut judged = 0;
    for vector in vectors::list("gossip/index.json", "messages") {
        let Some(expected) = vector["expected"].as_str().filter(|_| vector["chainId"] == 100) else { continue };
        let version = Version::from_topic(vector["topicVersion"].as_u64().unwrap() as u8).unwrap();
        let file = vector["files"][0]["file"].as_str().unwrap();
        let message = Message::decompress(vectors::bytes(file));
        assert_eq!(format!("0x{}", message.id(&chain.topic(version))), vectors::text(&vector, "messageId"));
        let signer = "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc".parse().unwrap();
        let checked = judge(&chain, signer, version, message, vector["timestamp"].as_u64().unwrap());
        assert_eq!(checked.result.is_ok(), expected == "accept", "{file}: {:?}", checked.result);
        judged += 1;
    }
    assert_eq!(judged, 9);
}

#[test]
fn every_real_block_is_accepted_and_no_changed_one_is() {
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
        let judge = |message| judge(&chain, key.address(), block.version, plain(message), at);
        let accepted = judge(message.clone()).result.unwrap();
        assert_eq!(accepted.hash, block.payload.block_hash);
        // Every byte of one block; of the others some forty, at other places each.
        let stride = if index == 0 { 1 } else { message.len() / 40 + 1 };
        for at in (index % stride..message.len()).step_by(stride) {
            let mut changed = message.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(judge(changed).result.is_err(), "byte {at} of block {}", accepted.payload.number());
        }
    }
}

#[test]
fn a_captured_payload_without_its_signature_is_judged_for_all_else() {
    let chain = Chain::preset("op-mainnet").unwrap();
    let body = vectors::bytes("gossip/captured-unsigned/op-mainnet-129499858-v3.payload.bin");
    let schedule = ChainSchedule::new(&chain).into();
    let check = ValidationTask { schedule, at: 1_734_598_493, ..check(Version::V3, Fork::Holocene, plain(Vec::new())) };
    let valid = check.run_unsigned(body.to_vec().into(), Primitives::PORTABLE).unwrap();
    assert_eq!(valid.number(), 129_499_858);
    assert_eq!(valid.hash().to_string(), "0xaadc2aff85b5f6704b66e56d3d73ae795209ecd601ec7d4cf2a64750c152988c");
}
