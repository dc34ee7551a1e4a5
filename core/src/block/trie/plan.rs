//! Subtries: their nodes are planned before anything is hashed, then hashed level by level.

use alloy_rlp::{Encodable, Header};

use crate::{
    block::trie::{
        key::{NibbleKey, Path},
        reference::Reference,
    },
    hash::{KeccakMany, Parts},
};

/// A value in the trie at a key.
#[derive(Clone, Copy)]
pub(super) struct TrieEntry<'a> {
    pub(super) key: NibbleKey,
    pub(super) content: Content<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    /// A leaf's value.
    Item(&'a [u8]),
    /// The hashed subtrie of all keys with this prefix: its index in [`Plan::known`].
    Known(usize),
}

/// A node; children are indices in [`Plan::nodes`].
enum TrieNode<'a> {
    Leaf {
        value: &'a [u8],
        path: Path,
    },
    Extension {
        path: Path,
        child: usize,
    },
    Branch {
        children: Box<[Option<usize>; 16]>,
    },
    /// A node that is hashed already.
    Known(Reference),
}

/// The planned nodes. Leaves have height 0; a node is higher than its children.
#[derive(Default)]
pub(super) struct Plan<'a> {
    nodes: Vec<TrieNode<'a>>,
    levels: Vec<Vec<usize>>,
}

impl<'a> Plan<'a> {
    /// Adds a hashed subtrie, and returns its index.
    pub(super) fn known(&mut self, reference: Reference) -> usize {
        self.nodes.push(TrieNode::Known(reference));
        self.nodes.len() - 1
    }

    /// Plans the subtrie of `entries` (sorted, not empty), whose first `depth` nibbles are the same; returns its index
    /// and height.
    pub(super) fn node(&mut self, entries: &[TrieEntry<'a>], depth: u32) -> (usize, usize) {
        match entries {
            [TrieEntry { key, content: Content::Item(value) }] => {
                self.push(TrieNode::Leaf { value, path: key.rest(depth) }, 0)
            }
            [TrieEntry { content: Content::Known(place), .. }] => (*place, 0),
            [first, .., last] => {
                // The entries are sorted, so the first and the last decide.
                let shared = first.key.shared(last.key);
                let (branch, height) = self.branch(entries, shared);
                if shared == depth {
                    return (branch, height);
                }
                self.push(TrieNode::Extension { path: first.key.between(depth, shared), child: branch }, height + 1)
            }
            // An index that is never used.
            [] => (usize::MAX, 0),
        }
    }

    /// No key ends inside the trie: `rlp(index)` of one list is prefix-free.
    fn branch(&mut self, entries: &[TrieEntry<'a>], depth: u32) -> (usize, usize) {
        let mut children = [None; 16];
        let mut tallest = 0;
        for below in entries.chunk_by(|a, b| a.key.nibble(depth) == b.key.nibble(depth)) {
            let nibble = below.first().map_or(0, |entry| entry.key.nibble(depth));
            let (child, height) = self.node(below, depth + 1);
            tallest = tallest.max(height);
            if let Some(slot) = children.get_mut(usize::from(nibble)) {
                *slot = Some(child);
            }
        }
        self.push(TrieNode::Branch { children: Box::new(children) }, tallest + 1)
    }

    fn push(&mut self, node: TrieNode<'a>, height: usize) -> (usize, usize) {
        let place = self.nodes.len();
        self.nodes.push(node);
        if self.levels.len() <= height {
            self.levels.resize_with(height + 1, Vec::new);
        }
        if let Some(level) = self.levels.get_mut(height) {
            level.push(place);
        }
        (place, height)
    }

    /// Encodes and hashes all planned nodes, from the leaves up.
    pub(super) fn hash_up(&mut self, keccak_many: KeccakMany) {
        let mut heads: Vec<u8> = Vec::new();
        for level in core::mem::take(&mut self.levels) {
            heads.clear();
            let encoded: Vec<Encoded<'_>> = level.iter().map(|place| self.encode(*place, &mut heads)).collect();
            let inputs: Vec<Parts<'_>> = encoded.iter().map(|node| node.parts(&heads)).collect();
            self.refer(&level, &inputs, keccak_many);
        }
    }

    /// Computes the reference of every node of a level; nodes of 32 bytes or more are hashed in one batch.
    fn refer(&mut self, level: &[usize], inputs: &[Parts<'_>], keccak_many: KeccakMany) {
        let mut hashed = Vec::with_capacity(level.len());
        let mut batch = Vec::with_capacity(level.len());
        for (place, input) in level.iter().zip(inputs) {
            match (Reference::inline(*input), self.nodes.get_mut(*place)) {
                (Some(inline), Some(node)) => *node = TrieNode::Known(inline),
                _ => {
                    hashed.push(*place);
                    batch.push(*input);
                }
            }
        }
        for (place, digest) in hashed.into_iter().zip(keccak_many(&batch)) {
            if let Some(node) = self.nodes.get_mut(place) {
                *node = TrieNode::Known(Reference::hash(&digest));
            }
        }
    }

    /// The reference of a node that is hashed already.
    pub(super) fn reference(&self, place: usize) -> Option<&Reference> {
        match self.nodes.get(place) {
            Some(TrieNode::Known(reference)) => Some(reference),
            _ => None,
        }
    }

    fn reference_rlp(&self, place: usize) -> &[u8] {
        self.reference(place).map(Reference::as_rlp).unwrap_or_default()
    }

    /// Appends the encoding of one node to `heads`; a leaf's value is not copied.
    fn encode(&self, place: usize, heads: &mut Vec<u8>) -> Encoded<'a> {
        let start = heads.len();
        let mut body: &[u8] = &[];
        match self.nodes.get(place) {
            Some(TrieNode::Leaf { value, path }) => {
                encode_leaf(path, value, heads);
                body = value;
            }
            Some(TrieNode::Extension { path, child }) => {
                let child = self.reference_rlp(*child);
                list_header(path.as_slice().length() + child.len(), heads);
                path.as_slice().encode(heads);
                heads.extend_from_slice(child);
            }
            Some(TrieNode::Branch { children }) => self.encode_branch(children, heads),
            Some(TrieNode::Known(_)) | None => {}
        }
        Encoded { head: start..heads.len(), body }
    }

    /// Sixteen references and no value.
    fn encode_branch(&self, children: &[Option<usize>; 16], heads: &mut Vec<u8>) {
        let rlp = |child: &Option<usize>| {
            child.map_or(&[alloy_rlp::EMPTY_STRING_CODE][..], |place| self.reference_rlp(place))
        };
        list_header(children.iter().map(|child| rlp(child).len()).sum::<usize>() + 1, heads);
        for child in children {
            heads.extend_from_slice(rlp(child));
        }
        heads.push(alloy_rlp::EMPTY_STRING_CODE);
    }
}

/// A node's RLP in two parts: a range of the level's heads, and a leaf's value.
struct Encoded<'a> {
    head: core::ops::Range<usize>,
    body: &'a [u8],
}

impl<'a> Encoded<'a> {
    fn parts<'b>(&self, heads: &'b [u8]) -> Parts<'b>
    where
        'a: 'b,
    {
        Parts { head: heads.get(self.head.clone()).unwrap_or_default(), body: self.body }
    }
}

/// `[path, value]`: everything before the value's own bytes.
fn encode_leaf(path: &Path, value: &[u8], heads: &mut Vec<u8>) {
    list_header(path.as_slice().length() + value.length(), heads);
    path.as_slice().encode(heads);
    if !matches!(value, [byte] if *byte < 0x80) {
        Header { list: false, payload_length: value.len() }.encode(heads);
    }
}

fn list_header(payload_length: usize, out: &mut Vec<u8>) {
    Header { list: true, payload_length }.encode(out);
}
