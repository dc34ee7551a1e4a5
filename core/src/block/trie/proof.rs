//! Merkle proofs of a trie whose keys are hashes, as `eth_getProof` gives them: the nodes from the root to the key.
//!
//! The nodes are an untrusted server's: each is hashed and compared before it is decoded. What is decoded is what the
//! root commits to, and a root may be signed over anything: an odd node is an error and never a panic. Bounds: at most
//! [`MAX_NODES`] nodes of [`MAX_NODE`] bytes; nothing is allocated but the value.

use alloy_primitives::{B256, keccak256};
use alloy_rlp::{EMPTY_STRING_CODE, Header};
use arrayvec::ArrayVec;

use super::EMPTY_ROOT;

/// Nibbles of a key.
const KEY: usize = 64;
/// Maximum number of nodes on the way to a key: one for each nibble, and the leaf.
pub const MAX_NODES: usize = KEY + 1;
/// Maximum length of a node, bytes: a branch with 16 hashes (33 bytes each), no value (1) and its header (3).
pub const MAX_NODE: usize = 16 * 33 + 1 + 3;
/// Items of a branch: a child for each nibble, and the value, which fixed-length keys leave empty.
const BRANCH: usize = 17;

/// Why a proof does not show what is at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// More than [`MAX_NODES`] nodes.
    #[error("the proof has {0} nodes, at most {MAX_NODES} lead to a key")]
    TooMany(usize),
    /// A node that its parent, or the root, does not name.
    #[error("node {0} of the proof is not the one that its parent names")]
    WrongNode(usize),
    /// The proof ends above the key.
    #[error("the proof ends after {0} nodes and does not reach the key")]
    Incomplete(usize),
    /// Nodes after the end of the way.
    #[error("the proof goes on after node {0}, which ends it")]
    Surplus(usize),
    /// The root commits to a node that is no node of such a trie.
    #[error("node {0} of the proof is no node of a trie")]
    Malformed(usize),
}

/// The value at `key` (a hash) in the trie of `root`: `None` when the proof shows that there is none.
///
/// # Errors
/// See [`ProofError`]: the proof shows neither.
pub fn proven<'a>(
    root: B256,
    key: &B256,
    nodes: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<Option<&'a [u8]>, ProofError> {
    let count = nodes.len();
    if count > MAX_NODES {
        return Err(ProofError::TooMany(count));
    }
    let mut way = Way { key, at: 0 };
    let mut expected = root;
    for (index, node) in nodes.enumerate() {
        // An empty trie has no node; some servers send the empty string that stands for it.
        let is_nothing = root == EMPTY_ROOT && node == [EMPTY_STRING_CODE];
        if !is_nothing && (node.len() > MAX_NODE || keccak256(node) != expected) {
            return Err(ProofError::WrongNode(index));
        }
        let end = match if is_nothing { Some(Next::End(None)) } else { way.follow(node) } {
            Some(Next::Node(hash)) => {
                expected = hash;
                continue;
            }
            Some(Next::End(end)) => end,
            None => return Err(ProofError::Malformed(index)),
        };
        return if index + 1 == count { Ok(end) } else { Err(ProofError::Surplus(index)) };
    }
    if root == EMPTY_ROOT { Ok(None) } else { Err(ProofError::Incomplete(count)) }
}

/// Where a node leads.
enum Next<'a> {
    /// To the node with this hash.
    Node(B256),
    /// To the value, or to nothing.
    End(Option<&'a [u8]>),
}

/// The way to a key.
struct Way<'a> {
    key: &'a B256,
    /// Nibbles behind us.
    at: usize,
}

impl Way<'_> {
    /// Follows the key through a node, and through the nodes that it contains; `None` when it is no node.
    fn follow<'n>(&mut self, mut node: &'n [u8]) -> Option<Next<'n>> {
        // Each contained node is shorter than the one around it.
        loop {
            let items = items(node)?;
            let child = match *items.as_slice() {
                [path, value] => match self.path(path)? {
                    Compared::Away => return Some(Next::End(None)),
                    Compared::Leaf => return Some(Next::End(Some(string(value)?))),
                    Compared::Extension if value == [EMPTY_STRING_CODE] => return None,
                    Compared::Extension => value,
                },
                ref children if children.len() == BRANCH => {
                    let nibble = self.nibble(self.at)?;
                    self.at += 1;
                    *children.get(usize::from(nibble))?
                }
                _ => return None,
            };
            match child {
                [EMPTY_STRING_CODE] => return Some(Next::End(None)),
                [first, ..] if *first >= 0xc0 && child.len() < B256::len_bytes() => node = child,
                _ => return B256::try_from(string(child)?).ok().map(Next::Node),
            }
        }
    }

    /// Compares the path of a leaf or an extension (hex-prefix encoded) with the key, and goes on behind it.
    fn path(&mut self, item: &[u8]) -> Option<Compared> {
        let (flags, packed) = string(item)?.split_first()?;
        let (is_leaf, is_odd) = (flags & 0x20 != 0, flags & 0x10 != 0);
        if flags & 0xc0 != 0 || (!is_odd && flags & 0x0f != 0) {
            return None;
        }
        let length = packed.len() * 2 + usize::from(is_odd);
        let left = KEY - self.at;
        // A leaf ends the key, an extension has a branch behind it.
        if (is_leaf && length != left) || (!is_leaf && (length == 0 || length >= left)) {
            return None;
        }
        let first = is_odd.then_some(flags & 0x0f);
        let mut nibbles = first.into_iter().chain(packed.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]));
        if !nibbles.all(|nibble| {
            self.at += 1;
            self.nibble(self.at - 1) == Some(nibble)
        }) {
            return Some(Compared::Away);
        }
        Some(if is_leaf { Compared::Leaf } else { Compared::Extension })
    }

    fn nibble(&self, at: usize) -> Option<u8> {
        let byte = self.key.get(at / 2)?;
        Some(if at.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f })
    }
}

/// How a path and the key compare.
enum Compared {
    /// They part.
    Away,
    Leaf,
    Extension,
}

/// The items of a list, each with its header; `None` when it is no list, or has more items than a branch.
fn items(node: &[u8]) -> Option<ArrayVec<&[u8], BRANCH>> {
    let mut rest = node;
    let mut list = Header::decode_bytes(&mut rest, true).ok()?;
    let mut items = ArrayVec::new();
    while !list.is_empty() {
        let mut after = list;
        let header = Header::decode(&mut after).ok()?;
        let length = list.len() - after.len() + header.payload_length;
        let (item, behind) = list.split_at_checked(length)?;
        items.try_push(item).ok()?;
        list = behind;
    }
    rest.is_empty().then_some(items)
}

/// The contents of an item that is a string.
fn string(item: &[u8]) -> Option<&[u8]> {
    let mut rest = item;
    let bytes = Header::decode_bytes(&mut rest, false).ok()?;
    rest.is_empty().then_some(bytes)
}
