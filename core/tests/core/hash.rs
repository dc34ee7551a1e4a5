//! Block hashes and the ordered trie.

use alloy_primitives::{B256, U256, b256, keccak256};
use petrel_core::{
    block::{ExecutionPayload, Withdrawal, ordered_root},
    fork::Version,
    hash::keccak_many,
};

use crate::{forge::forge, vectors};

const EMPTY: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// One field set to something else.
type Change = fn(&mut ExecutionPayload);

#[test]
fn every_real_block_has_its_own_hash() {
    for (chain, block) in vectors::blocks() {
        let hash = block.payload.compute_hash(block.version).unwrap();
        assert_eq!(hash, block.payload.block_hash, "chain {chain}, block {}", block.payload.block_number);
    }
}

#[test]
fn real_blocks_of_one_run_are_linked() {
    let mut blocks: Vec<_> = vectors::blocks();
    blocks.sort_by_key(|(chain, block)| (*chain, block.payload.block_number));
    let linked = blocks.windows(2).filter(|pair| {
        let [(a, before), (b, after)] = pair else { return false };
        a == b && after.payload.block_number == before.payload.block_number + 1
    });
    let mut count = 0;
    for pair in linked {
        assert_eq!(pair[1].1.payload.parent_hash, pair[0].1.payload.block_hash);
        count += 1;
    }
    assert!(count > 100, "only {count} links");
}

#[test]
fn the_hash_commits_to_every_field() {
    let one = B256::repeat_byte(1);
    let changes: [(&str, Version, Change); 19] = [
        ("parent", Version::V1, |p| p.parent_hash.0[31] ^= 1),
        ("fee recipient", Version::V1, |p| p.fee_recipient.0[19] ^= 1),
        ("state root", Version::V1, |p| p.state_root.0[0] ^= 1),
        ("receipts root", Version::V1, |p| p.receipts_root.0[0] ^= 1),
        ("bloom", Version::V1, |p| p.logs_bloom.0[255] ^= 1),
        ("randao", Version::V1, |p| p.prev_randao.0[0] ^= 1),
        ("number", Version::V1, |p| p.block_number += 1),
        ("gas limit", Version::V1, |p| p.gas_limit += 1),
        ("gas used", Version::V1, |p| p.gas_used += 1),
        ("timestamp", Version::V1, |p| p.timestamp += 1),
        ("extra data", Version::V1, |p| p.extra_data = vec![1].into()),
        ("base fee", Version::V1, |p| p.base_fee_per_gas += U256::from(1)),
        ("transaction", Version::V1, |p| p.transactions[1] = vec![2; 299].into()),
        ("one more transaction", Version::V1, |p| p.transactions.push(vec![3].into())),
        ("withdrawals", Version::V2, |p| p.withdrawals.push(Withdrawal::default())),
        ("blob gas used", Version::V3, |p| p.blob_gas_used = 1),
        ("excess blob gas", Version::V3, |p| p.excess_blob_gas = 1),
        ("beacon root", Version::V3, |p| p.parent_beacon_block_root.0[0] ^= 1),
        ("withdrawals root", Version::V4, |p| p.withdrawals_root.0[0] ^= 1),
    ];
    for (field, since, change) in changes {
        // V4's header has the payload's withdrawals root in place of the list's.
        let until = if field == "withdrawals" { Version::V3 } else { Version::V4 };
        for version in Version::ALL.into_iter().filter(|version| (since..=until).contains(version)) {
            let forge = forge(version);
            assert_ne!(forge.clone().with(change).hash(), forge.hash(), "{field} in {version}");
        }
    }
    // The claimed hash itself plays no part.
    assert_eq!(forge(Version::V4).claiming(one).hash(), forge(Version::V4).hash());
}

#[test]
fn large_numbers_keep_their_byte_order() {
    let with = |fee: U256| forge(Version::V1).with(|payload| payload.base_fee_per_gas = fee).hash();
    let fees = [
        U256::ZERO,
        U256::from(1),
        U256::from(u64::MAX),
        U256::from(u64::MAX) + U256::from(1),
        U256::MAX,
        U256::from(1) << 255,
    ];
    let hashes: std::collections::BTreeSet<_> = fees.into_iter().map(with).collect();
    assert_eq!(hashes.len(), fees.len());
}

/// The plainest trie there can be: recursion over nibble strings, everything hashed where it stands.
mod naive {
    use super::*;
    use alloy_rlp::{Encodable, Header};

    fn rlp_list(items: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        Header { list: true, payload_length: items.iter().map(Vec::len).sum() }.encode(&mut out);
        out.extend(items.concat());
        out
    }

    fn rlp(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        bytes.encode(&mut out);
        out
    }

    fn path(nibbles: &[u8], leaf: bool) -> Vec<u8> {
        let flag = 2 * u8::from(leaf) + (nibbles.len() % 2) as u8;
        let mut all = vec![flag];
        if nibbles.len().is_multiple_of(2) {
            all.push(0);
        }
        all.extend(nibbles);
        rlp(&all.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect::<Vec<_>>())
    }

    fn reference(node: Vec<u8>) -> Vec<u8> {
        if node.len() < 32 { node } else { rlp(keccak256(node).as_slice()) }
    }

    fn node(items: &[(Vec<u8>, &[u8])]) -> Vec<u8> {
        if let [(key, value)] = items {
            return rlp_list(&[path(key, true), rlp(value)]);
        }
        let first = &items[0].0;
        let shared =
            (0..first.len()).take_while(|at| items.iter().all(|(key, _)| key.get(*at) == first.get(*at))).count();
        if shared > 0 {
            let rest: Vec<_> = items.iter().map(|(key, value)| (key[shared..].to_vec(), *value)).collect();
            return rlp_list(&[path(&first[..shared], false), reference(node(&rest))]);
        }
        let mut children: Vec<Vec<u8>> = (0..16)
            .map(|nibble| {
                let below: Vec<_> = items
                    .iter()
                    .filter(|(key, _)| key[0] == nibble)
                    .map(|(key, value)| (key[1..].to_vec(), *value))
                    .collect();
                if below.is_empty() { vec![0x80] } else { reference(node(&below)) }
            })
            .collect();
        children.push(vec![0x80]);
        rlp_list(&children)
    }

    pub(super) fn root(items: &[Vec<u8>]) -> B256 {
        let keyed: Vec<(Vec<u8>, &[u8])> = items
            .iter()
            .enumerate()
            .filter(|(_, item)| !item.is_empty())
            .map(|(index, item)| {
                let mut key = Vec::new();
                (index as u64).encode(&mut key);
                (key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect(), item.as_slice())
            })
            .collect();
        if keyed.is_empty() { EMPTY } else { keccak256(node(&keyed)) }
    }
}

fn agrees(items: &[Vec<u8>]) {
    assert_eq!(ordered_root(items.iter().map(Vec::as_slice), keccak_many), naive::root(items), "{} items", items.len());
}

#[test]
fn the_trie_is_the_plain_one_for_every_shape_of_list() {
    for count in [0, 1, 2, 3, 15, 16, 17, 126, 127, 128, 129, 130, 143, 144, 255, 256, 257, 300, 1000, 4097, 70_000] {
        agrees(&(0..count).map(|index: usize| vec![index as u8; 1 + index % 90]).collect::<Vec<_>>());
    }
    assert_eq!(ordered_root(std::iter::empty::<&[u8]>(), keccak_many), EMPTY);
}

#[test]
fn short_items_are_inlined_as_the_plain_trie_does() {
    for len in [1, 2, 20, 27, 28, 29, 30, 31, 32, 33, 54, 55, 56, 57, 255, 256, 65_536] {
        for count in [1, 2, 17, 130] {
            agrees(&vec![vec![0x7f; len]; count]);
            agrees(&vec![vec![0x80; len]; count]);
        }
    }
}

#[test]
fn an_empty_item_adds_no_leaf_and_moves_no_other() {
    let items = |empty: &[usize]| -> Vec<Vec<u8>> {
        (0..140).map(|index| if empty.contains(&index) { Vec::new() } else { vec![index as u8; 50] }).collect()
    };
    agrees(&items(&[0]));
    agrees(&items(&[5, 127, 128]));
    agrees(&items(&(0..139).collect::<Vec<_>>()));
    agrees(&vec![Vec::new(); 3]);
}
