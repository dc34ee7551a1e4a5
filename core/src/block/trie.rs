//! The root of an ordered list in a Merkle Patricia trie: key `rlp(index)`, value the item's bytes.
//!
//! The trie of a list is never stored or changed, so it is built at once from the keys alone: sorted by their nibbles,
//! they split into branches that are known before anything is hashed. Nodes are then encoded and hashed level by level
//! from the leaves up, each level as one batch ([`KeccakMany`]). The work is linear in the items' bytes; recursion is
//! bounded by the nibbles of the longest key.
//!
//! Memory does not grow with the items: they are taken from the iterator some thousands at a time, and the subtries of
//! these are planned, hashed and reduced to one reference each before more are taken. That is at most 3 MiB for a list
//! of any length, usually half of it, and beside it 150 bytes for each 4096 items (40 KiB for 2^20 items). No item is
//! copied.
//!
//! An empty item adds no leaf, and the keys of later items do not change: the same as op-node's `DeriveSha`, whose
//! stack trie refuses an empty value and ignores the error.

use alloy_primitives::{B256, b256};

use crate::{
    block::trie::{
        key::NibbleKey,
        plan::{Content, Plan, TrieEntry},
        reference::Reference,
    },
    hash::KeccakMany,
};

mod key;
mod plan;
mod proof;
mod reference;

pub use proof::{MAX_NODE, MAX_NODES, ProofError, proven};

/// Root of an empty trie.
pub(super) const EMPTY_ROOT: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// Minimum number of items in a batch, which then extends to the end of the last item's group: fewer than twice as
/// many.
const TOGETHER: usize = 4096;

/// The root over `items`, in order. Fewer than 2^32 items.
pub fn ordered_root<'a>(items: impl ExactSizeIterator<Item = &'a [u8]> + Clone, keccak_many: KeccakMany) -> B256 {
    let mut groups = Groups::default();
    let mut entries: Vec<TrieEntry<'a>> = Vec::with_capacity(items.len().min(TOGETHER));
    for (index, item) in sorted(items).filter(|(_, item)| !item.is_empty()) {
        let key = NibbleKey::new(index);
        if entries.len() >= TOGETHER && entries.last().is_some_and(|last| !last.key.same_group(key)) {
            groups.reduce(&entries, Some(key), keccak_many);
            entries.clear();
        }
        entries.push(TrieEntry { key, content: Content::Item(item) });
    }
    groups.reduce(&entries, None, keccak_many);
    groups.root(keccak_many)
}

/// Indices and items in the order of their keys' nibbles: `rlp(0)` is `0x80`, behind 1 to 127 and before `0x81…`.
fn sorted<'a>(items: impl Iterator<Item = &'a [u8]> + Clone) -> impl Iterator<Item = (u32, &'a [u8])> {
    let items = (0..u32::MAX).zip(items);
    let small = items.clone().take(128).skip(1);
    let zero = items.clone().take(1);
    small.chain(zero).chain(items.skip(128))
}

/// The groups ([`NibbleKey::same_group`]) that are reduced to references, and the trie above them.
#[derive(Default)]
struct Groups<'a> {
    above: Plan<'a>,
    reduced: Vec<TrieEntry<'a>>,
    /// Nibbles up to and with the one that parts the last group from the next.
    parted: u32,
}

impl<'a> Groups<'a> {
    /// Plans and hashes whole groups, in order; `next` is the first key behind them.
    fn reduce(&mut self, entries: &[TrieEntry<'a>], next: Option<NibbleKey>, keccak_many: KeccakMany) {
        let mut plan = Plan::default();
        let mut roots = Vec::new();
        let mut groups = entries.chunk_by(|a, b| a.key.same_group(b.key)).peekable();
        while let Some(group) = groups.next() {
            let next = groups.peek().and_then(|group| group.first()).map(|entry| entry.key).or(next);
            let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
            // A subtrie is below the branch that separates it from its nearer neighbour, which may be far above the
            // nibbles that its keys share.
            let before = self.parted;
            self.parted = next.map_or(0, |next| last.key.shared(next) + 1);
            let (root, _) = plan.node(group, before.max(self.parted));
            roots.push((first.key, root));
        }
        plan.hash_up(keccak_many);
        for (key, root) in roots {
            if let Some(reference) = plan.reference(root) {
                let place = self.above.known(reference.clone());
                self.reduced.push(TrieEntry { key, content: Content::Known(place) });
            }
        }
    }

    /// The root, which is hashed however short it is.
    fn root(mut self, keccak_many: KeccakMany) -> B256 {
        if self.reduced.is_empty() {
            return EMPTY_ROOT;
        }
        let (root, _) = self.above.node(&self.reduced, 0);
        self.above.hash_up(keccak_many);
        self.above.reference(root).map_or(EMPTY_ROOT, Reference::digest)
    }
}
