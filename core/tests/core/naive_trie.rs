//! A trie made by recursion over nibble strings: the reference for the roots and the proofs of the core.

use alloy_primitives::{B256, b256, keccak256};
use alloy_rlp::{Encodable, Header};

pub(crate) const EMPTY: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

pub(crate) fn rlp_list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    Header { list: true, payload_length: items.iter().map(Vec::len).sum() }.encode(&mut out);
    out.extend(items.concat());
    out
}

pub(crate) fn rlp(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    bytes.encode(&mut out);
    out
}

pub(crate) fn path(nibbles: &[u8], leaf: bool) -> Vec<u8> {
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

/// The node of these items, which have no two equal keys.
pub(crate) fn node(items: &[(Vec<u8>, &[u8])]) -> Vec<u8> {
    if let [(key, value)] = items {
        return rlp_list(&[path(key, true), rlp(value)]);
    }
    let first = &items[0].0;
    let shared = (0..first.len()).take_while(|at| items.iter().all(|(key, _)| key.get(*at) == first.get(*at))).count();
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

/// The root of an ordered list.
pub(crate) fn root(items: &[Vec<u8>]) -> B256 {
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

pub(crate) fn nibbles(key: &[u8]) -> Vec<u8> {
    key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

/// The nodes from the root to the key that are hashed: what `eth_getProof` gives. There is at least one item.
pub(crate) fn proof(items: &[(Vec<u8>, &[u8])], key: &[u8]) -> Vec<Vec<u8>> {
    let mut nodes = vec![node(items)];
    let mut below = items.to_vec();
    let mut key = key;
    while below.len() > 1 {
        let first = below[0].0.clone();
        let shared =
            (0..first.len()).take_while(|at| below.iter().all(|(key, _)| key.get(*at) == first.get(*at))).count();
        if shared > 0 && key.starts_with(&first[..shared]) {
            key = &key[shared..];
            below.iter_mut().for_each(|(key, _)| *key = key.split_off(shared));
        } else if shared > 0 {
            break;
        } else {
            below.retain(|(it, _)| it[0] == key[0]);
            below.iter_mut().for_each(|(key, _)| *key = key.split_off(1));
            key = &key[1..];
        }
        if below.is_empty() {
            break;
        }
        nodes.push(node(&below));
    }
    let mut index = 0;
    nodes.retain(|node| {
        index += 1;
        index == 1 || node.len() >= 32
    });
    nodes
}
