//! The root of an ordered list in a Merkle Patricia trie: key `rlp(index)`, value the item's bytes.
//!
//! The trie of a list is never stored or changed, so it is built at once from the keys alone: sorted by their nibbles,
//! they split into branches that are known before anything is hashed. Nodes are then encoded and hashed level by level
//! from the leaves up, each level as one batch ([`KeccakMany`]). The work is linear in the items' bytes; recursion is
//! bounded by the eight nibbles of the longest key.
//!
//! An empty item adds no leaf while the later keys stay as they are: so does op-node's `DeriveSha`, whose stack trie
//! refuses an empty value and drops the error.

use alloy_primitives::{B256, b256, keccak256};
use alloy_rlp::{Encodable, Header};

use crate::hash::{KeccakMany, Parts};

/// Root of an empty trie.
const EMPTY_ROOT: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// The root over `items`, in order. Fewer than 2^24 items.
pub fn ordered_root<'a>(items: impl ExactSizeIterator<Item = &'a [u8]> + Clone, keccak_many: KeccakMany) -> B256 {
    let values: Vec<&[u8]> = items.collect();
    let keys: Vec<Key> = sorted_indices(values.len())
        .filter(|index| values.get(*index).is_some_and(|value| !value.is_empty()))
        .map(Key::new)
        .collect();
    if keys.is_empty() {
        return EMPTY_ROOT;
    }
    let mut plan = Plan::default();
    let (root, _) = plan.node(&keys, 0);
    plan.hash_up(&values, root, keccak_many)
}

/// The indices in the order of their keys' nibbles: `rlp(0)` is `0x80`, behind 1 to 127 and before `0x81…`.
fn sorted_indices(count: usize) -> impl Iterator<Item = usize> {
    let small = 1..count.min(128);
    let zero = 0..count.min(1);
    small.chain(zero).chain(128..count)
}

/// A key as nibbles: at most 4 bytes of RLP.
#[derive(Clone, Copy)]
struct Key {
    nibbles: [u8; 8],
    len: usize,
    index: usize,
}

impl Key {
    fn new(index: usize) -> Self {
        let mut nibbles = [0; 8];
        let rlp = rlp_index(index);
        for (pair, byte) in nibbles.chunks_exact_mut(2).zip(rlp.iter()) {
            if let [high, low] = pair {
                (*high, *low) = (byte >> 4, byte & 15);
            }
        }
        Self { nibbles, len: 2 * rlp.len(), index }
    }

    fn nibble(&self, at: usize) -> u8 {
        self.nibbles.get(at).copied().unwrap_or_default()
    }

    fn from(&self, at: usize) -> &[u8] {
        self.nibbles.get(at..self.len).unwrap_or_default()
    }
}

fn rlp_index(index: usize) -> arrayvec::ArrayVec<u8, 9> {
    alloy_rlp::encode_fixed_size(&(index as u64))
}

/// A node before it is hashed; children are places in [`Plan::nodes`].
enum Node {
    Leaf { index: usize, path: Path },
    Extension { path: Path, child: usize },
    Branch { children: Box<[Option<usize>; 16]> },
}

/// A hex-prefix encoded path of at most eight nibbles.
type Path = arrayvec::ArrayVec<u8, 5>;

/// The shape of the trie. Height 0 are the leaves; a node is higher than its children.
#[derive(Default)]
struct Plan {
    nodes: Vec<Node>,
    levels: Vec<Vec<usize>>,
}

impl Plan {
    /// Plans the subtrie of `keys` (sorted, not empty), whose first `depth` nibbles are the same: its place and height.
    fn node(&mut self, keys: &[Key], depth: usize) -> (usize, usize) {
        match keys {
            [key] => self.push(Node::Leaf { index: key.index, path: hex_prefix(key.from(depth), true) }, 0),
            keys => {
                let shared = shared_nibbles(keys, depth);
                let (branch, height) = self.branch(keys, depth + shared);
                if shared == 0 {
                    return (branch, height);
                }
                let path = keys.first().and_then(|key| key.nibbles.get(depth..depth + shared)).unwrap_or_default();
                self.push(Node::Extension { path: hex_prefix(path, false), child: branch }, height + 1)
            }
        }
    }

    /// No key ends inside the trie: `rlp(index)` of one list is prefix-free.
    fn branch(&mut self, keys: &[Key], depth: usize) -> (usize, usize) {
        let mut children = [None; 16];
        let mut tallest = 0;
        for group in keys.chunk_by(|a, b| a.nibble(depth) == b.nibble(depth)) {
            let nibble = group.first().map_or(0, |key| key.nibble(depth));
            let (child, height) = self.node(group, depth + 1);
            tallest = tallest.max(height);
            if let Some(slot) = children.get_mut(usize::from(nibble)) {
                *slot = Some(child);
            }
        }
        self.push(Node::Branch { children: Box::new(children) }, tallest + 1)
    }

    fn push(&mut self, node: Node, height: usize) -> (usize, usize) {
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

    /// Encodes and hashes from the leaves up; the root is hashed however short it is.
    fn hash_up(&self, values: &[&[u8]], root: usize, keccak_many: KeccakMany) -> B256 {
        let mut references = vec![Reference::default(); self.nodes.len()];
        let mut heads: Vec<u8> = Vec::new();
        for level in &self.levels {
            heads.clear();
            let encoded: Vec<Encoded<'_>> =
                level.iter().map(|place| self.encode(*place, values, &references, &mut heads)).collect();
            let inputs: Vec<Parts<'_>> = encoded.iter().map(|node| node.parts(&heads)).collect();
            if let ([only], [place]) = (inputs.as_slice(), level.as_slice())
                && *place == root
            {
                return keccak256([only.head, only.body].concat());
            }
            refer(level, &inputs, &mut references, keccak_many);
        }
        EMPTY_ROOT
    }

    /// Encodes one node behind `heads`; a leaf's value stays where it is.
    fn encode<'a>(
        &self,
        place: usize,
        values: &[&'a [u8]],
        references: &[Reference],
        heads: &mut Vec<u8>,
    ) -> Encoded<'a> {
        let start = heads.len();
        let body = match self.nodes.get(place) {
            Some(Node::Leaf { index, path }) => {
                let value = values.get(*index).copied().unwrap_or_default();
                encode_leaf(path, value, heads)
            }
            Some(Node::Extension { path, child }) => {
                let child = references.get(*child).map(Reference::as_rlp).unwrap_or_default();
                list_header(path.as_slice().length() + child.len(), heads);
                path.as_slice().encode(heads);
                heads.extend_from_slice(child);
                &[]
            }
            Some(Node::Branch { children }) => {
                encode_branch(children, references, heads);
                &[]
            }
            None => &[],
        };
        Encoded { head: start..heads.len(), body }
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

/// How a parent names a node: its RLP when shorter than 32 bytes, else the RLP of its hash.
#[derive(Clone, Default)]
struct Reference(arrayvec::ArrayVec<u8, 33>);

impl Reference {
    fn as_rlp(&self) -> &[u8] {
        &self.0
    }

    fn inline(node: Parts<'_>) -> Option<Self> {
        if node.head.len() + node.body.len() >= 32 {
            return None;
        }
        let mut rlp = arrayvec::ArrayVec::new();
        rlp.try_extend_from_slice(node.head).ok()?;
        rlp.try_extend_from_slice(node.body).ok()?;
        Some(Self(rlp))
    }

    fn hash(digest: &B256) -> Self {
        let mut rlp = arrayvec::ArrayVec::new();
        rlp.push(0xa0);
        rlp.extend(digest.0);
        Self(rlp)
    }
}

/// Names every node of a level; the long ones are hashed in one batch.
fn refer(level: &[usize], inputs: &[Parts<'_>], references: &mut [Reference], keccak_many: KeccakMany) {
    let mut hashed = Vec::with_capacity(level.len());
    let mut batch = Vec::with_capacity(level.len());
    for (place, input) in level.iter().zip(inputs) {
        match (Reference::inline(*input), references.get_mut(*place)) {
            (Some(inline), Some(slot)) => *slot = inline,
            _ => {
                hashed.push(*place);
                batch.push(*input);
            }
        }
    }
    for (place, digest) in hashed.into_iter().zip(keccak_many(&batch)) {
        if let Some(slot) = references.get_mut(place) {
            *slot = Reference::hash(&digest);
        }
    }
}

/// `[path, value]`: everything before the value's own bytes goes to `heads`; the value is returned.
fn encode_leaf<'a>(path: &Path, value: &'a [u8], heads: &mut Vec<u8>) -> &'a [u8] {
    list_header(path.as_slice().length() + value.length(), heads);
    path.as_slice().encode(heads);
    if !matches!(value, [byte] if *byte < 0x80) {
        Header { list: false, payload_length: value.len() }.encode(heads);
    }
    value
}

/// Sixteen references and no value.
fn encode_branch(children: &[Option<usize>; 16], references: &[Reference], heads: &mut Vec<u8>) {
    let reference = |child: &Option<usize>| child.and_then(|place| references.get(place)).map(Reference::as_rlp);
    let length: usize = children.iter().map(|child| reference(child).map_or(1, <[u8]>::len)).sum();
    list_header(length + 1, heads);
    for child in children {
        heads.extend_from_slice(reference(child).unwrap_or(&[alloy_rlp::EMPTY_STRING_CODE]));
    }
    heads.push(alloy_rlp::EMPTY_STRING_CODE);
}

fn list_header(payload_length: usize, out: &mut Vec<u8>) {
    Header { list: true, payload_length }.encode(out);
}

/// Ethereum's hex-prefix encoding: the first nibble tells leaf from extension and odd from even.
fn hex_prefix(nibbles: &[u8], leaf: bool) -> Path {
    let mut path = Path::new();
    let flag = if leaf { 0x20 } else { 0 };
    let (first, rest) = match nibbles {
        [odd, rest @ ..] if nibbles.len() % 2 == 1 => (flag | 0x10 | odd, rest),
        even => (flag, even),
    };
    path.push(first);
    path.extend(rest.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low));
    path
}

/// How many nibbles all of `keys` share behind the first `depth`; sorted, so the ends decide.
fn shared_nibbles(keys: &[Key], depth: usize) -> usize {
    match (keys.first(), keys.last()) {
        (Some(first), Some(last)) => first.from(depth).iter().zip(last.from(depth)).take_while(|(a, b)| a == b).count(),
        _ => 0,
    }
}
