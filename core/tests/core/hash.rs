//! Block hashes.

use alloy_primitives::{B256, U256};
use petrel_core::{
    block::{ExecutionPayload, Withdrawal},
    fork::Version,
};

use crate::{forge::forge, vectors};

/// Sets one field to another value.
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
        // The V4 header has the payload's withdrawals root, not that of the list.
        let until = if field == "withdrawals" { Version::V3 } else { Version::V4 };
        for version in Version::ALL.into_iter().filter(|version| (since..=until).contains(version)) {
            let forge = forge(version);
            assert_ne!(forge.clone().with(change).hash(), forge.hash(), "{field} in {version}");
        }
    }
    // The stated hash is not part of the hash.
    assert_eq!(forge(Version::V4).with_block_hash(one).hash(), forge(Version::V4).hash());
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
