//! Receipts, compared with the receipts roots of real blocks.

use alloy_primitives::{Address, B256, Bloom, Bytes, hex};
use petrel_core::{
    block::{DEPOSIT, DepositReceipt, Payload, Receipt, ReceiptLog, ordered_root, transaction_type},
    fork::Version,
    hash::keccak_many,
    message::Message,
    sign::Signature,
};

use crate::vectors;

const DEVNET: &str = "gossip/op-node-devnet";

/// The receipt of the only transaction of a block, which emitted no log.
fn only_receipt(payload: &Payload, deposit: Option<DepositReceipt>) -> Receipt {
    let transaction_type = transaction_type(payload.transactions().next().unwrap());
    Receipt { transaction_type, succeeded: true, cumulative_gas_used: payload.gas_used(), logs: Vec::new(), deposit }
}

fn root(receipt: &Receipt) -> B256 {
    let encoded = receipt.encode(&receipt.logs_bloom());
    ordered_root([encoded.as_slice()].into_iter(), keccak_many)
}

/// The recorded blocks with one transaction: the deposit of the L1 attributes, which emits no log.
fn deposits_alone() -> Vec<Payload> {
    let messages = vectors::list(&format!("{DEVNET}/index.json"), "messages");
    let alone = messages.iter().filter(|message| message["txCount"] == 1).map(|message| {
        let wire = vectors::bytes(&format!("{DEVNET}/{}", vectors::text(message, "file")));
        let version = Version::ALL.into_iter().find(|it| it.to_string() == vectors::text(message, "version")).unwrap();
        Payload::decode(version, Message::decompress(wire).data.slice(Signature::LEN..)).unwrap()
    });
    alone.collect()
}

#[test]
fn before_canyon_the_root_does_not_commit_to_a_deposit_s_nonce_and_later_it_does() {
    let mut versions = std::collections::BTreeSet::new();
    for payload in deposits_alone() {
        assert_eq!(payload.logs_bloom(), Bloom::ZERO.as_slice());
        let deposit = (payload.version() != Version::V1).then(|| stated_deposit(&payload));
        assert_eq!(root(&only_receipt(&payload, deposit)), payload.receipts_root(), "{payload:?}");
        versions.insert(payload.version().topic());
    }
    // Of V4 no block with one transaction is recorded.
    assert_eq!(versions.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

/// The depositor of the L1 attributes sends one deposit in each block, and two more in Ecotone's first block (V3).
fn stated_deposit(payload: &Payload) -> DepositReceipt {
    let is_after = payload.version() >= Version::V3;
    DepositReceipt { nonce: if is_after { payload.number() + 1 } else { payload.number() - 1 }, version: 1 }
}

#[test]
fn the_root_commits_to_every_field() {
    let payload = deposits_alone().pop().unwrap();
    let deposit = stated_deposit(&payload);
    let right = only_receipt(&payload, Some(deposit));
    let wrong = [
        Receipt { succeeded: false, ..right.clone() },
        Receipt { cumulative_gas_used: right.cumulative_gas_used + 1, ..right.clone() },
        Receipt { transaction_type: 2, ..right.clone() },
        Receipt { deposit: None, ..right.clone() },
        Receipt { deposit: Some(DepositReceipt { nonce: deposit.nonce + 1, ..deposit }), ..right.clone() },
        Receipt { deposit: Some(DepositReceipt { version: 2, ..deposit }), ..right.clone() },
        Receipt { logs: vec![log(0, 0)], ..right.clone() },
    ];
    assert_eq!(root(&right), payload.receipts_root());
    for receipt in wrong {
        assert_ne!(root(&receipt), payload.receipts_root(), "{receipt:?}");
    }
}

fn log(topics: u8, data: usize) -> ReceiptLog {
    let topics = (1..=topics).map(B256::repeat_byte).collect();
    ReceiptLog { address: Address::repeat_byte(0xaa), topics, data: Bytes::from(vec![0x77; data]) }
}

/// The encoding of a receipt with a log, written out.
#[test]
fn logs_are_lists_of_address_topics_and_data() {
    let logs = vec![log(1, 2)];
    let mut receipt =
        Receipt { transaction_type: 0, succeeded: false, cumulative_gas_used: 0x1234, logs, deposit: None };
    let bloom = receipt.logs_bloom();
    let log = format!("f83a94{}e1a0{}827777", "aa".repeat(20), "01".repeat(32));
    // The status, the gas and the bloom take 1, 3 and 259 bytes; the log takes 60.
    let expected = format!("f9014580821234b90100{}f83c{log}", hex::encode(bloom));
    assert_eq!(hex::encode(receipt.encode(&bloom)), expected);
    receipt.transaction_type = 2;
    assert_eq!(hex::encode(receipt.encode(&bloom)), format!("02{expected}"));
    // What is no deposit has none of its fields.
    receipt.deposit = Some(DepositReceipt { nonce: 1, version: 1 });
    assert_eq!(hex::encode(receipt.encode(&bloom)), format!("02{expected}"));
}

#[test]
fn each_address_and_topic_sets_bits_of_the_bloom() {
    let receipt =
        |logs| Receipt { transaction_type: DEPOSIT, succeeded: true, cumulative_gas_used: 0, logs, deposit: None };
    assert_eq!(receipt(Vec::new()).logs_bloom(), Bloom::ZERO);
    let bits =
        |topics| -> u32 { receipt(vec![log(topics, 9)]).logs_bloom().iter().map(|byte| byte.count_ones()).sum() };
    let counts = [bits(0), bits(1), bits(2), bits(4)];
    assert!((1..=3).contains(&counts[0]) && counts.is_sorted_by(|a, b| a < b), "{counts:?}");
}

#[test]
fn the_type_of_a_transaction_is_its_first_byte_unless_it_is_a_list() {
    for (raw, expected) in [(&[0x7e, 1][..], 0x7e), (&[2], 2), (&[0xf8, 1], 0), (&[0xc0], 0), (&[0xbf], 0xbf), (&[], 0)]
    {
        assert_eq!(transaction_type(raw), expected, "{raw:?}");
    }
}
