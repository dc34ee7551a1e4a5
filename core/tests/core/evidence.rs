//! Evidence of an equivocation: made, noticed, judged. The documents in `tests/vectors/evidence` are judged to the same reports here, by
//! `petrel check` (`tests/programs/check.rs`) and by the npm package (`www/package/test/verify.test.js`).

use std::sync::Arc;

use alloy_primitives::{Address, hex};
use petrel_core::{
    block::{Block, Verified},
    chain::Chain,
    evidence::{self, Evidence, EvidenceFault, MAX_BYTES, SignedBlocks},
    fault::{MessageFault, NodeFault, Verdict},
    fork::Version,
    message::MAX_MESSAGE,
    offline::MessageJudge,
    primitives::Primitives,
};
use serde_json::{Value, json};

use crate::{
    forge::{Forge, forge, key, signer},
    vectors,
};

const CHAIN: &str = "op-mainnet";

/// The expected verdict and fault of each document.
const EXPECTED: [(&str, &str, Option<&str>); 12] = [
    ("good.json", "accept", None),
    ("other-chain.json", "reject", Some("other_chain")),
    ("relabelled-chain.json", "reject", Some("wrong_signer")),
    ("same-hash.json", "reject", Some("same_block")),
    ("flipped-byte.json", "reject", Some("wrong_signer")),
    ("other-signer.json", "reject", Some("wrong_signer")),
    ("other-heights.json", "reject", Some("other_height")),
    ("misstated-number.json", "reject", Some("misstated")),
    ("misstated-signer.json", "reject", Some("misstated")),
    ("wrong-hash.json", "reject", Some("block_hash")),
    ("next-version.json", "reject", Some("bad_evidence")),
    ("short-message.json", "reject", Some("too_short")),
];

fn first() -> Forge {
    forge(Version::V4)
}

/// A sibling of the first block.
fn second() -> Forge {
    first().with(|payload| payload.gas_used += 1)
}

fn verified(forge: &Forge) -> Arc<Verified<Block>> {
    Arc::new(forge.validate().result.unwrap())
}

fn good() -> Evidence {
    Evidence::new(10, [&verified(&first()), &verified(&second())]).unwrap()
}

/// A document of two blocks, that states `chain` and `signer`, and the number of the first one.
fn document(chain: u64, signer: Address, blocks: [&Forge; 2]) -> Value {
    let block = |forge: &Forge| {
        let message = hex::encode_prefixed(forge.signed_bytes());
        json!({ "version": forge.version.to_string(), "hash": forge.hash(), "message": message })
    };
    json!({
        "kind": "petrel-equivocation", "v": 1, "chain": chain, "signer": signer,
        "number": blocks[0].payload.block_number, "blocks": blocks.map(block),
    })
}

/// The good document with one thing changed.
fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = serde_json::from_str(&good().to_json()).unwrap();
    change(&mut document);
    document
}

fn made(file: &str) -> Value {
    let (one, two) = (first(), second());
    let on = |chain_id, forge: &Forge| Forge { chain_id, ..forge.clone() };
    match file {
        "good.json" => changed(|_| {}),
        "other-chain.json" => document(8453, signer(), [&on(8453, &one), &on(8453, &two)]),
        "relabelled-chain.json" => document(10, signer(), [&on(8453, &one), &on(8453, &two)]),
        "same-hash.json" => document(10, signer(), [&one, &one]),
        "flipped-byte.json" => changed(|document| {
            let mut message = hex::decode(document["blocks"][1]["message"].as_str().unwrap()).unwrap();
            message[400] ^= 1;
            document["blocks"][1]["message"] = hex::encode_prefixed(message).into();
        }),
        "other-signer.json" => document(10, key(2).address(), [&one.signed_by(2), &two.signed_by(2)]),
        "other-heights.json" => {
            let above = two.with(|payload| payload.block_number += 1);
            document(10, signer(), [&one, &above])
        }
        "misstated-number.json" => changed(|document| document["number"] = 7.into()),
        "misstated-signer.json" => changed(|document| document["signer"] = key(2).address().to_string().into()),
        "wrong-hash.json" => document(10, signer(), [&one, &two.with_block_hash([0x11; 32].into())]),
        "next-version.json" => changed(|document| document["v"] = 2.into()),
        "short-message.json" => changed(|document| document["blocks"][0]["message"] = "0x1234".into()),
        other => panic!("no document {other}"),
    }
}

fn judge() -> MessageJudge {
    MessageJudge::new(Chain::preset(CHAIN).unwrap(), Some(signer()))
}

fn report(json: &[u8]) -> Value {
    serde_json::to_value(evidence::judge(json, &judge(), Primitives::PORTABLE)).unwrap()
}

fn fault(document: &Value) -> EvidenceFault {
    evidence::verify(document.to_string().as_bytes(), &judge(), Primitives::PORTABLE).unwrap_err()
}

/// With the environment variable of `cargo xtask samples` the files are written.
#[test]
fn the_documents_of_evidence_are_up_to_date() {
    let text = |document: &Value| format!("{document:#}\n");
    let documents = EXPECTED.map(|(file, ..)| (file, text(&made(file))));
    let files = documents.each_ref().map(|(file, text)| json!({ "file": file, "report": report(text.as_bytes()) }));
    let index = text(&json!({ "chain": CHAIN, "signer": signer(), "files": files }));
    let written = documents.into_iter().chain([("index.json", index)]);
    if std::env::var_os("PETREL_WRITE_SAMPLES").is_some() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/evidence");
        written.for_each(|(file, text)| std::fs::write(format!("{folder}/{file}"), text).unwrap());
        return;
    }
    for (file, text) in written {
        let committed = vectors::bytes(&format!("evidence/{file}"));
        assert!(
            committed == text.as_bytes(),
            "tests/vectors/evidence/{file} is out of date: run `cargo xtask samples`"
        );
    }
}

#[test]
fn each_document_gets_its_report() {
    let files = vectors::list("evidence/index.json", "files");
    assert_eq!(files.len(), EXPECTED.len());
    for (entry, (file, verdict, fault)) in files.iter().zip(EXPECTED) {
        let json = vectors::bytes(&format!("evidence/{file}"));
        assert!(evidence::is_evidence(json), "{file}");
        let report = report(json);
        assert_eq!((report["verdict"].as_str(), report["fault"].as_str()), (Some(verdict), fault), "{file}: {report}");
        assert_eq!((entry["file"].as_str(), &entry["report"]), (Some(file), &report));
        assert_eq!(report["hashes"].is_array(), verdict == "accept", "what was not verified is not reported");
    }
}

#[test]
fn evidence_is_accepted_whole_and_with_a_flipped_byte_of_a_message_it_is_not() {
    let good = good();
    let judged = evidence::verify(good.to_json().as_bytes(), &judge(), Primitives::PORTABLE);
    assert_eq!(judged.unwrap(), good);
    for which in [0, 1] {
        for at in (0..good.blocks[which].message.len()).step_by(5) {
            let mut wrong = good.clone();
            let mut message = wrong.blocks[which].message.to_vec();
            message[at] ^= 1;
            wrong.blocks[which].message = message.into();
            let judged = evidence::verify(wrong.to_json().as_bytes(), &judge(), Primitives::PORTABLE);
            assert!(matches!(judged, Err(EvidenceFault::Message { .. })), "byte {at} of block {which}: {judged:?}");
        }
    }
}

#[test]
fn a_document_with_a_flipped_bit_anywhere_or_cut_off_is_rejected() {
    let good = good().to_json();
    for at in (0..good.len()).step_by(11) {
        let mut wrong = good.clone().into_bytes();
        wrong[at] ^= 1;
        assert_eq!(report(&wrong)["verdict"], "reject", "byte {at}");
        assert_eq!(report(&good.as_bytes()[..at])["verdict"], "reject", "the first {at} bytes");
    }
}

#[test]
fn evidence_does_not_expire_and_needs_a_signer() {
    let document = good().to_json();
    let (mut late, mut without) = (judge(), judge());
    (late.at, without.signer) = (Some(4_000_000_000), None);
    assert!(evidence::verify(document.as_bytes(), &late, Primitives::PORTABLE).is_ok());
    let report = evidence::judge(document.as_bytes(), &without, Primitives::PORTABLE);
    assert_eq!((report.verdict, report.fault), ("ignore", Some("no_signer")));
    let fault = evidence::verify(document.as_bytes(), &without, Primitives::PORTABLE).unwrap_err();
    assert_eq!(fault, EvidenceFault::Message { place: 1, fault: NodeFault::NoSigner.into() });
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    let long = vec![b' '; MAX_BYTES + 1];
    let fault_of = |json: &[u8]| evidence::verify(json, &judge(), Primitives::PORTABLE).unwrap_err();
    assert_eq!(fault_of(&long), EvidenceFault::TooLarge(MAX_BYTES + 1));
    assert_eq!(report(&long)["fault"], "evidence_too_large");
    // Of the longest allowed document all is white space.
    assert_eq!(fault_of(&long[1..]).name(), "bad_evidence");
    let message = format!("0x{}", "00".repeat(MAX_MESSAGE + 1));
    let document = changed(|document| document["blocks"][1]["message"] = message.into());
    assert_eq!(fault(&document), EvidenceFault::Message { place: 2, fault: MessageFault::TooLarge.into() });
}

#[test]
fn malformed_documents_are_refused_with_a_short_reason() {
    let malformed = |json: &str| {
        let fault = evidence::verify(json.as_bytes(), &judge(), Primitives::PORTABLE).unwrap_err();
        assert_eq!((fault.name(), fault.verdict()), ("bad_evidence", Verdict::Reject), "{json:.60}");
        let reason = fault.to_string();
        assert!(reason.len() < 300, "{reason}");
    };
    for json in ["", "null", "[]", "{}", "7", "\"\u{0}", &"[".repeat(100_000), r#"{"kind": "petrel-equivocation"}"#] {
        malformed(json);
    }
    for key in ["kind", "v", "chain", "signer", "number", "blocks"] {
        malformed(&changed(|document| _ = document.as_object_mut().unwrap().remove(key)).to_string());
        malformed(&changed(|document| document[key] = Value::Null).to_string());
        malformed(&changed(|document| document[key] = "x".repeat(1_000_000).into()).to_string());
    }
    for key in ["version", "hash", "message"] {
        malformed(&changed(|document| document["blocks"][1][key] = "0x0g".into()).to_string());
        malformed(&changed(|document| document["blocks"][1][key] = Value::Null).to_string());
    }
    malformed(&changed(|document| document["blocks"].as_array_mut().unwrap().truncate(1)).to_string());
    let third = |document: &mut Value| document["blocks"].as_array_mut().unwrap().push(Value::Null);
    malformed(&changed(third).to_string());
    // Keys of other programs are allowed, and escapes in strings.
    let more = changed(|document| document["seen_at"] = 7.into()).to_string();
    assert_eq!(report(more.as_bytes())["verdict"], "accept");
    assert_eq!(report(more.replace("petrel-eq", "petrel\\u002deq").as_bytes())["verdict"], "accept");
    assert!(!evidence::is_evidence(b"{\"kind\": 7}") && !evidence::is_evidence(b"{\"executionPayload\": {}}"));
}

#[test]
fn a_second_signed_block_of_a_height_is_noticed_once() {
    let mut blocks = SignedBlocks::default();
    let (one, two) = (verified(&first()), verified(&second()));
    assert!(blocks.take(&one).is_none() && blocks.take(&one).is_none(), "a copy is the same block");
    assert!(blocks.pair(1000).is_none());
    let above = verified(&first().with(|payload| payload.block_number += 1));
    assert!(blocks.take(&above).is_none());
    let [earlier, later] = blocks.take(&two).unwrap();
    assert_eq!((earlier.hash, later.hash), (one.hash, two.hash));
    assert!(blocks.take(&two).is_none());
    let pair = blocks.pair(1000).unwrap();
    assert_eq!(pair.map(|block| block.hash), [one.hash, two.hash]);
    assert!(blocks.pair(1001).is_none() && blocks.pair(7).is_none());
}

#[test]
fn evidence_is_made_only_of_two_blocks_of_one_height() {
    let (one, two) = (verified(&first()), verified(&second()));
    let above = verified(&second().with(|payload| payload.block_number += 1));
    assert!(Evidence::new(10, [&one, &two]).is_some());
    assert!(Evidence::new(10, [&one, &one]).is_none());
    assert!(Evidence::new(10, [&one, &above]).is_none());
}

#[test]
fn the_kept_blocks_are_bounded_in_heights_and_bytes() {
    let mut blocks = SignedBlocks::default();
    let at = |number: u64, bytes: usize| {
        let filler = vec![2; bytes].into();
        let block = first().with(|payload| (payload.block_number, payload.transactions) = (number, vec![filler]));
        (verified(&block), verified(&block.with(|payload| payload.gas_used += 1)))
    };
    for number in 0..=SignedBlocks::HEIGHTS as u64 {
        assert!(blocks.take(&at(number, 1).0).is_none());
    }
    assert!(blocks.take(&at(0, 1).1).is_none(), "the lowest height was forgotten");
    assert!(blocks.take(&at(1, 1).1).is_some());
    let mut blocks = SignedBlocks::default();
    for number in 0..4 {
        assert!(blocks.take(&at(number, 9 << 20).0).is_none());
    }
    assert!(blocks.take(&at(0, 1).1).is_none(), "four of 9 MiB do not fit");
    assert!(blocks.take(&at(3, 1).1).is_some());
}
