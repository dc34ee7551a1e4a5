//! Responses: encoding, and validation when received.

use std::io::Write;

use alloy_primitives::keccak256;
use bytes::Bytes;
use petrel_core::{
    block::{InvalidPayload, ValidPayload},
    fault::{AnswerFault, Blame},
    fork::{Fork, Version},
    message::MAX_MESSAGE,
    payload_by_number::{MAX_ANSWER, Refusal, Reply, StoredBlock, protocols},
    primitives::Primitives,
    range_sync::ResponseTask,
};

use crate::{forge, forge::Forge, vectors};

fn read(number: u64, bytes: impl Into<Bytes>) -> Result<ValidPayload, AnswerFault> {
    ResponseTask { number, bytes: bytes.into(), schedule: forge::schedule(Fork::Jovian) }.run(Primitives::PORTABLE)
}

fn fault(number: u64, bytes: impl Into<Bytes>) -> AnswerFault {
    read(number, bytes).unwrap_err()
}

fn block(version: Version) -> Forge {
    forge::forge(version)
}

fn stored(forge: &Forge) -> StoredBlock {
    StoredBlock { version: forge.version, hash: forge.hash(), body: forge.signed_bytes()[65..].to_vec().into() }
}

fn sent(reply: &Reply) -> Vec<u8> {
    reply.pieces().flatten().collect()
}

fn answer(forge: &Forge) -> Vec<u8> {
    sent(&Reply::Block(stored(forge)))
}

/// A response header, and a body in snappy frames.
fn framed(version: u32, body: &[u8]) -> Vec<u8> {
    let mut frames = snap::write::FrameEncoder::new(Vec::new());
    frames.write_all(body).unwrap();
    let mut out = vec![0];
    out.extend(version.to_le_bytes());
    out.extend(frames.into_inner().unwrap());
    out
}

#[test]
fn a_block_of_each_version_is_read_as_it_was_sent() {
    for version in Version::ALL {
        let forge = block(version);
        let fetched = read(1000, answer(&forge)).unwrap();
        assert_eq!((fetched.hash(), fetched.version()), (forge.hash(), version));
        assert_eq!(fetched.body(), &stored(&forge).body);
    }
}

/// A response may be padded to 10 MiB (snappy framing format: skippable chunks), so what is kept of it is no larger than
/// the block.
#[test]
fn of_a_padded_response_only_the_block_is_kept() {
    let block = block(Version::V4);
    let mut padded = answer(&block);
    for _ in 0..64 {
        padded.extend([0xfe, 0xff, 0xff, 0]);
        padded.resize(padded.len() + 0xffff, 0);
    }
    let fetched = read(1000, padded).unwrap();
    assert_eq!(fetched.hash(), block.hash());
    let body = fetched.into_parts().0.into_body();
    let length = body.len();
    let held = body.try_into_mut().expect("nothing else shares it").capacity();
    assert!(held <= 2 * length, "{held} bytes are held for {length}");
}

#[test]
fn responses_of_op_node_are_read() {
    let known = vectors::list("reqresp.json", "vectors");
    assert_eq!(known.len(), 2);
    for vector in known {
        let number = vector["blockNumber"].as_u64().unwrap();
        assert_eq!(vectors::unhex(&vector, "request"), number.to_le_bytes());
        let fetched = read(number, vectors::unhex(&vector, "responseExample")).unwrap();
        assert_eq!(keccak256(fetched.body()).to_string(), vectors::text(&vector, "bodyKeccak"));
        assert_eq!(u64::from(fetched.version().topic()) + 1, vector["payloadVersion"].as_u64().unwrap());
        // This node's response begins as op-node's.
        let (version, hash, body) = (fetched.version(), fetched.hash(), fetched.body().clone());
        let ours = sent(&Reply::Block(StoredBlock { version, hash, body }));
        assert_eq!(ours[..5], vectors::unhex(&vector, "responseHeader")[..]);
    }
}

#[test]
fn a_refusal_is_one_byte() {
    let bytes = [(Refusal::NotFound, 1), (Refusal::Invalid, 2), (Refusal::Unknown, 3)];
    for (refusal, byte) in bytes {
        assert_eq!(sent(&Reply::Refused(refusal)), [byte]);
    }
}

#[test]
fn each_result_byte_has_its_fault() {
    assert_eq!(fault(1, vec![]), AnswerFault::Short(0));
    assert_eq!(fault(1, vec![1]), AnswerFault::NotFound);
    assert_eq!(fault(1, vec![2]), AnswerFault::Refused);
    assert_eq!(fault(1, vec![3]), AnswerFault::Failed);
    for byte in 4..=255 {
        assert_eq!(fault(1, vec![byte, 0]), AnswerFault::Result(byte));
    }
    let blames = [AnswerFault::NotFound, AnswerFault::Refused, AnswerFault::Failed, AnswerFault::Result(4)];
    assert_eq!(blames.map(|fault| fault.blame()), [Blame::None, Blame::None, Blame::Slow, Blame::Invalid]);
}

#[test]
fn a_truncated_response_is_short_or_corrupt() {
    let whole = answer(&block(Version::V4));
    for len in 1..5 {
        assert_eq!(fault(1000, whole[..len].to_vec()), AnswerFault::Short(len));
    }
    for len in 5..whole.len() {
        assert!(read(1000, whole[..len].to_vec()).is_err(), "{len}");
    }
}

#[test]
fn other_versions_are_unknown() {
    let body = stored(&block(Version::V4)).body;
    for version in [2, 3, 255, 256, u32::MAX] {
        assert_eq!(fault(1000, framed(version, &body)), AnswerFault::Version(version));
    }
    // The version must fit the payload: a V4 payload is not V1 or V2.
    assert!(matches!(fault(1000, framed(0, &body)), AnswerFault::Undecodable(_)));
}

#[test]
fn frames_are_checked() {
    // The checksum of the first frame, after the stream identifier and the frame's type and length.
    let mut flipped = answer(&block(Version::V4));
    flipped[15 + 4] ^= 1;
    assert_eq!(fault(1000, flipped), AnswerFault::Snappy);
    // Raw snappy is used only for gossip.
    let raw = snap::raw::Encoder::new().compress_vec(&stored(&block(Version::V4)).body).unwrap();
    assert_eq!(fault(1000, [&[0, 1, 0, 0, 0][..], &raw].concat()), AnswerFault::Snappy);
    // No stream identifier.
    let without = answer(&block(Version::V4));
    assert_eq!(fault(1000, [&without[..5], &without[15..]].concat()), AnswerFault::Snappy);
}

#[test]
fn skippable_and_padding_chunks_are_skipped() {
    let whole = answer(&block(Version::V4));
    for kind in [0x80, 0xfd, 0xfe] {
        let chunk = [kind, 3, 0, 0, 7, 7, 7];
        let with = [&whole[..15], &chunk[..], &whole[15..]].concat();
        assert!(read(1000, with).is_ok(), "{kind:x}");
    }
    let unskippable = [&whole[..15], &[0x02, 3, 0, 0, 7, 7, 7][..], &whole[15..]].concat();
    assert_eq!(fault(1000, unskippable), AnswerFault::Snappy);
}

#[test]
fn a_response_is_decompressed_within_its_bound() {
    let bomb = framed(1, &vec![0; 200 << 20]);
    assert!(bomb.len() < MAX_ANSWER);
    assert_eq!(fault(1000, bomb), AnswerFault::TooLarge);
    assert_eq!(fault(1000, vec![0; MAX_ANSWER + 1]), AnswerFault::TooLarge);
    // A body of the maximum length is decoded.
    assert!(matches!(fault(1000, framed(1, &vec![0; MAX_MESSAGE])), AnswerFault::Undecodable(_)));
}

#[test]
fn a_response_must_be_the_requested_block_with_a_valid_hash() {
    let forge = block(Version::V4);
    assert_eq!(fault(1001, answer(&forge)), AnswerFault::Number(1000));
    let wrong = forge.clone().with_block_hash(alloy_primitives::B256::repeat_byte(9));
    let computed = forge.hash();
    assert_eq!(fault(1000, answer(&wrong)), AnswerFault::Invalid(InvalidPayload::BlockHash { computed }));
}

#[test]
fn arbitrary_responses_never_panic() {
    let whole = answer(&block(Version::V3));
    let mut state = 1_u64;
    for _ in 0..3000 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] = state as u8;
        }
        let _judged = read(1000, bytes);
    }
}

#[test]
fn both_protocol_names_are_supported_and_op_nodes_is_first() {
    let (chain, _) = vectors::devnet();
    let names = protocols(&chain);
    assert_eq!(names[0], "/opstack/req/payload_by_number/90210/0");
    assert_eq!(names[1], "/opstack/req/payload_by_number/90210/0/");
}

#[test]
fn a_response_that_was_cut_off_is_not_malicious() {
    let forge = block(Version::V4).with(|payload| payload.transactions = vec![vec![7; 200_000].into()]);
    let whole = answer(&forge);
    assert!(read(1000, whole.clone()).is_ok());
    for length in (0..whole.len()).step_by(97) {
        let fault = fault(1000, whole[..length].to_vec());
        assert!(matches!(fault, AnswerFault::Cut | AnswerFault::Short(_)), "{length}: {fault:?}");
        assert_eq!(fault.blame(), Blame::Slow);
    }
    // op-node appends a byte when its deadline has passed; and a stream may end between two frames.
    assert_eq!(fault(1000, [whole, vec![3]].concat()), AnswerFault::Cut);
    let body = stored(&forge).body;
    for frames in [1, 2, 3] {
        assert_eq!(fault(1000, framed(1, &body[..frames << 16])), AnswerFault::Cut);
    }
}

/// Responses made of a valid block, with changes in fields that the hash does not cover.
fn hash_keeping(block: &Forge) -> Vec<(String, Forge)> {
    let mut mutations: Vec<(String, Forge)> = Vec::new();
    let mut add = |name: String, change: &dyn Fn(&mut petrel_core::block::ExecutionPayload)| {
        mutations.push((name, block.clone().with(|payload| change(payload))));
    };
    for listed in [1, 2, 16] {
        add(format!("{listed} withdrawals"), &|payload| payload.withdrawals = vec![Default::default(); listed]);
    }
    let count = block.payload.transactions.len();
    for empty in [1, 3, 1000] {
        // At the end, so that the trie keys of the others stay.
        add(format!("{empty} empty transactions at the end"), &|payload| {
            payload.transactions.resize(count + empty, alloy_primitives::Bytes::new());
        });
    }
    add("both".to_owned(), &|payload| {
        payload.withdrawals = vec![Default::default()];
        payload.transactions.resize(count + 1000, alloy_primitives::Bytes::new());
    });
    mutations
}

#[test]
fn a_change_that_keeps_the_hash_is_refused() {
    let mut unchanged_hashes = 0;
    for version in Version::ALL {
        for block in
            [block(version), block(version).with(|payload| payload.transactions = vec![vec![1; 9].into(); 200])]
        {
            let hash = block.hash();
            for (name, mutation) in hash_keeping(&block) {
                // The stated hash stays that of the valid block.
                let mutation = mutation.with_block_hash(hash);
                let body = mutation.signed_bytes()[65..].to_vec();
                let keeps_hash = petrel_core::block::Payload::decode(version, body.clone().into())
                    .unwrap()
                    .compute_hash(petrel_core::hash::keccak_many)
                    == hash;
                unchanged_hashes += usize::from(keeps_hash);
                // Before V4 the header commits to the list of withdrawals; V1 has no list, so the change has no effect.
                assert_eq!(
                    keeps_hash,
                    version == Version::V4 || !name.contains("with") && name != "both" || version == Version::V1,
                    "{name}"
                );
                let read = read(1000, framed(u32::from(version.has_beacon_root()), &body));
                if version == Version::V1 && name.contains("withdrawals") {
                    assert!(read.is_ok());
                    continue;
                }
                let fault = read.unwrap_err();
                assert_eq!(fault.blame(), Blame::Invalid, "{version} {name}: {fault}");
            }
        }
    }
    assert!(unchanged_hashes > 30, "{unchanged_hashes}");
    // A change of any byte of a valid block makes another block or an invalid one.
    let whole = stored(&block(Version::V4)).body;
    for at in 0..whole.len() {
        for bit in [1, 128] {
            let mut changed = whole.to_vec();
            changed[at] ^= bit;
            assert!(read(1000, framed(1, &changed)).is_err(), "byte {at}");
        }
    }
}

#[test]
fn valid_responses_of_old_op_nodes_are_not_malicious() {
    // An Isthmus payload whose withdrawals root is that of the empty trie is sent in V3's layout: it is accepted as V4.
    let empty = alloy_primitives::b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    let isthmus = block(Version::V4).with(|payload| payload.withdrawals_root = empty);
    let mut as_v3 = isthmus.clone().with_block_hash(isthmus.hash());
    as_v3.version = Version::V3;
    let fetched = read(1000, framed(1, &as_v3.signed_bytes()[65..])).unwrap();
    assert_eq!((fetched.hash(), fetched.version()), (isthmus.hash(), Version::V4));
    assert_eq!(fetched.body(), &stored(&isthmus).body, "and it is served to others as it was signed");
    // A header of success, followed by a result byte.
    for version in [0_u8, 1] {
        for result in [1, 2, 3] {
            let fault = fault(1000, vec![0, version, 0, 0, 0, result]);
            assert_eq!((fault, fault.blame()), (AnswerFault::Failed, Blame::Slow));
        }
    }
    // A part of the payload, followed by a result byte.
    let mut cut = answer(&block(Version::V4));
    cut.truncate(cut.len() / 2);
    cut.push(3);
    assert_ne!(fault(1000, cut).blame(), Blame::Invalid);
}

#[test]
fn a_server_is_not_penalised_for_a_block_that_the_sequencer_signed() {
    let excess = block(Version::V4).with(|payload| payload.excess_blob_gas = 1);
    let fault = fault(1000, answer(&excess));
    assert_eq!((fault, fault.blame()), (AnswerFault::Invalid(InvalidPayload::ExcessBlobGas(1)), Blame::None));
}
