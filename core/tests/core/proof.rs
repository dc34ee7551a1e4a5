//! Merkle proofs: of values and of their absence, damaged ones, and nodes that are none.

use alloy_primitives::{B256, keccak256};
use petrel_core::block::{MAX_NODE, MAX_NODES, ProofError, proven};

use crate::naive_trie::{EMPTY, nibbles, node, path, proof, rlp, rlp_list};

/// Keys and values of a trie.
type Items = Vec<(B256, Vec<u8>)>;

fn prove(root: B256, key: &B256, nodes: &[Vec<u8>]) -> Result<Option<Vec<u8>>, ProofError> {
    proven(root, key, nodes.iter().map(Vec::as_slice)).map(|value| value.map(<[u8]>::to_vec))
}

fn keyed(items: &Items) -> Vec<(Vec<u8>, &[u8])> {
    items.iter().map(|(key, value)| (nibbles(key.as_slice()), value.as_slice())).collect()
}

fn root(items: &Items) -> B256 {
    keccak256(node(&keyed(items)))
}

fn nodes(items: &Items, key: &B256) -> Vec<Vec<u8>> {
    proof(&keyed(items), &nibbles(key.as_slice()))
}

/// Hashed keys, as in a state trie.
fn spread(count: u64) -> Items {
    (0..count)
        .map(|index| (keccak256(index.to_be_bytes()), vec![index as u8 | 0x80; 1 + index as usize % 100]))
        .collect()
}

/// Keys that share all but the last nibbles: extensions, and nodes within nodes.
fn close(last: &[u8]) -> Items {
    let mut items: Items = last
        .iter()
        .map(|byte| {
            let mut key = B256::repeat_byte(0x11);
            key[31] = *byte;
            (key, vec![0x05])
        })
        .collect();
    items.push((B256::repeat_byte(0x12), vec![0x07; 40]));
    items
}

#[test]
fn every_value_is_proven_and_so_is_the_absence_of_others() {
    for items in
        [spread(1), spread(2), spread(17), spread(300), close(&[0x21]), close(&[0x21, 0x22]), close(&[0x21, 0x35])]
    {
        let root = root(&items);
        for (key, value) in &items {
            assert_eq!(prove(root, key, &nodes(&items, key)), Ok(Some(value.clone())), "{} items", items.len());
        }
        for index in 1000..1050_u64 {
            let key = keccak256(index.to_be_bytes());
            assert_eq!(prove(root, &key, &nodes(&items, &key)), Ok(None), "{} items", items.len());
        }
    }
}

#[test]
fn a_key_that_parts_from_an_extension_or_a_leaf_is_absent() {
    let items = close(&[0x21, 0x22]);
    let root = root(&items);
    for (at, byte) in [(0, 0x13), (15, 0x10), (31, 0x23), (31, 0x31)] {
        let mut key = items[0].0;
        key[at] = byte;
        assert_eq!(prove(root, &key, &nodes(&items, &key)), Ok(None), "byte {at}");
    }
}

#[test]
fn a_proof_with_one_changed_bit_is_refused_at_every_byte() {
    let items = spread(300);
    let root = root(&items);
    let absent = keccak256("absent");
    for key in [items[7].0, items[250].0, absent] {
        let right = nodes(&items, &key);
        for (index, node) in right.iter().enumerate() {
            for at in 0..node.len() {
                let mut wrong = right.clone();
                wrong[index][at] ^= 1 << (at % 8);
                assert_eq!(prove(root, &key, &wrong), Err(ProofError::WrongNode(index)), "byte {at} of node {index}");
            }
        }
    }
}

#[test]
fn a_proof_that_is_cut_or_goes_on_is_refused() {
    let items = spread(300);
    let root = root(&items);
    for key in [items[7].0, keccak256("absent")] {
        let right = nodes(&items, &key);
        for count in 0..right.len() {
            assert_eq!(prove(root, &key, &right[..count]), Err(ProofError::Incomplete(count)));
        }
        let mut more = right.clone();
        more.push(right[0].clone());
        assert_eq!(prove(root, &key, &more), Err(ProofError::Surplus(right.len() - 1)));
        assert_eq!(prove(root, &key, &right[1..]), Err(ProofError::WrongNode(0)));
    }
}

#[test]
fn the_proof_of_another_key_shows_nothing_of_this_one() {
    let items = spread(300);
    let root = root(&items);
    let others = (1..300).filter(|other| prove(root, &items[0].0, &nodes(&items, &items[*other].0)).is_ok()).count();
    assert_eq!(others, 0);
}

#[test]
fn in_an_empty_trie_every_key_is_absent() {
    let key = keccak256("key");
    assert_eq!(prove(EMPTY, &key, &[]), Ok(None));
    assert_eq!(prove(EMPTY, &key, &[vec![0x80]]), Ok(None));
    assert_eq!(prove(EMPTY, &key, &[vec![0x80], vec![0x80]]), Err(ProofError::Surplus(0)));
    assert_eq!(prove(EMPTY, &key, &[vec![0xc0]]), Err(ProofError::WrongNode(0)));
    assert_eq!(prove(root(&spread(2)), &key, &[vec![0x80]]), Err(ProofError::WrongNode(0)));
}

#[test]
fn the_number_and_the_length_of_nodes_are_bounded() {
    let key = keccak256("key");
    assert_eq!(prove(EMPTY, &key, &vec![vec![0x80]; MAX_NODES + 1]), Err(ProofError::TooMany(MAX_NODES + 1)));
    let long = rlp_list(&[path(&nibbles(key.as_slice()), true), rlp(&vec![1; MAX_NODE])]);
    assert_eq!(prove(keccak256(&long), &key, std::slice::from_ref(&long)), Err(ProofError::WrongNode(0)));
}

/// A root may be signed over anything: alloy-trie's nibbles panic for some of these.
#[test]
fn nodes_that_are_none_are_refused_though_the_root_commits_to_them() {
    let key = B256::repeat_byte(0x11);
    let own = nibbles(key.as_slice());
    let hash = || rlp(&[0x22; 32]);
    let branch = |child: Vec<u8>, value: Vec<u8>| rlp_list(&[vec![child; 16], vec![value]].concat());
    let nothing = |count: usize| vec![vec![0x80]; count];
    let long = rlp_list(&[nothing(1), vec![rlp_list(&[path(&own[1..], true), rlp(&[5])])], nothing(15)].concat());
    let odd: [(&str, Vec<u8>); 18] = [
        ("nothing", Vec::new()),
        ("a byte", vec![0x05]),
        ("a string", rlp(&[1; 40])),
        ("an empty list", vec![0xc0]),
        ("a cut list", branch(hash(), vec![0x80])[..100].to_vec()),
        ("bytes behind it", [rlp_list(&[path(&own, true), rlp(&[5])]), vec![0]].concat()),
        ("16 items", rlp_list(&vec![hash(); 16])),
        ("18 items", rlp_list(&vec![vec![0x80]; 18])),
        ("a short child", branch(rlp(&[0x22; 31]), vec![0x80])),
        ("a child that is a byte", branch(vec![0x05], vec![0x80])),
        ("a leaf that is too short", rlp_list(&[path(&own[1..], true), rlp(&[5])])),
        ("an extension to the end", rlp_list(&[path(&own, false), hash()])),
        ("an extension to nothing", rlp_list(&[path(&own[..9], false), vec![0x80]])),
        ("a contained node that is longer than a hash", long),
        ("an extension without a path", rlp_list(&[path(&[], false), hash()])),
        ("a path without flags", rlp_list(&[rlp(&[]), hash()])),
        ("unknown flags", rlp_list(&[rlp(&[0x40, 0x11]), hash()])),
        ("a leaf whose value is a list", rlp_list(&[path(&own, true), vec![0xc0]])),
    ];
    for (what, node) in odd {
        assert_eq!(prove(keccak256(&node), &key, std::slice::from_ref(&node)), Err(ProofError::Malformed(0)), "{what}");
    }
}

#[test]
fn extensions_beyond_the_end_of_the_key_are_refused() {
    let key = B256::repeat_byte(0x11);
    let own = nibbles(key.as_slice());
    let second = rlp_list(&[path(&own[..40], false), rlp(&[0x22; 32])]);
    let first = rlp_list(&[path(&own[..40], false), rlp(keccak256(&second).as_slice())]);
    assert_eq!(prove(keccak256(&first), &key, &[first, second]), Err(ProofError::Malformed(1)));
}
