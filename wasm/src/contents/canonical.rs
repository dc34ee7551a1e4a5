//! Which kept blocks are the chain: the head and those of its ancestors that are known.
//!
//! The numbers are consecutive, and each hash is the parent of the next one. The lowest may be of a block that is not kept: its
//! child names it. Bound: the caller's, see [`Canonical::keep`].

use std::collections::BTreeMap;

use alloy_primitives::B256;

/// The hashes of the chain by number.
#[derive(Debug, Default)]
pub(crate) struct Canonical {
    hashes: BTreeMap<u64, B256>,
}

impl Canonical {
    /// The head moved to a block. `parent_of` is the parent of a kept block.
    pub(crate) fn head(&mut self, number: u64, hash: B256, parent: B256, parent_of: impl Fn(&B256) -> Option<B256>) {
        let _above = number.checked_add(1).map(|above| self.hashes.split_off(&above));
        if self.hashes.insert(number, hash) != Some(hash) {
            self.descend(number, parent, parent_of);
        }
    }

    /// A block was added to the kept ones: it may be the lowest block of the chain, and more of them are below it.
    pub(crate) fn added(&mut self, number: u64, hash: B256, parent: B256, parent_of: impl Fn(&B256) -> Option<B256>) {
        if self.hashes.first_key_value() == Some((&number, &hash)) {
            self.descend(number, parent, parent_of);
        }
    }

    /// Names the ancestors of the block `number`, whose parent is `parent`, until one is named already or is not kept. In the
    /// second case nothing shows that what was named below belongs to this chain, and it is dropped.
    fn descend(&mut self, mut number: u64, mut parent: B256, parent_of: impl Fn(&B256) -> Option<B256>) {
        while let Some(below) = number.checked_sub(1) {
            number = below;
            if self.hashes.insert(number, parent) == Some(parent) {
                return;
            }
            match parent_of(&parent) {
                Some(next) => parent = next,
                None => break,
            }
        }
        self.hashes = self.hashes.split_off(&number);
    }

    /// Drops numbers below `lowest`, and the lowest ones when there are more than `most`.
    pub(crate) fn keep(&mut self, lowest: u64, most: usize) {
        if self.hashes.first_key_value().is_some_and(|(number, _)| *number < lowest) {
            self.hashes = self.hashes.split_off(&lowest);
        }
        while self.hashes.len() > most {
            self.hashes.pop_first();
        }
    }

    /// The hash of the block `number`.
    pub(crate) fn hash(&self, number: u64) -> Option<B256> {
        self.hashes.get(&number).copied()
    }

    /// Whether the block is part of the chain.
    pub(crate) fn contains(&self, number: u64, hash: &B256) -> bool {
        self.hashes.get(&number) == Some(hash)
    }

    /// The head.
    pub(crate) fn newest(&self) -> Option<B256> {
        self.hashes.last_key_value().map(|(_, hash)| *hash)
    }

    /// Numbers and hashes, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = (u64, &B256)> {
        self.hashes.iter().rev().map(|(number, hash)| (*number, hash))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alloy_primitives::B256;

    use super::Canonical;

    const fn hash(byte: u8) -> B256 {
        B256::repeat_byte(byte)
    }

    /// Blocks whose parent has the hash before theirs.
    fn line(hashes: impl IntoIterator<Item = u8>) -> BTreeMap<B256, B256> {
        hashes.into_iter().map(|byte| (hash(byte), hash(byte - 1))).collect()
    }

    fn numbers(canonical: &Canonical) -> Vec<(u64, u8)> {
        canonical.newest_first().map(|(number, hash)| (number, hash[0])).collect()
    }

    #[test]
    fn the_head_names_its_ancestors_as_far_as_they_are_kept() {
        let kept = line(3..=6);
        let mut canonical = Canonical::default();
        canonical.head(6, hash(6), hash(5), |hash| kept.get(hash).copied());
        assert_eq!(numbers(&canonical), [(6, 6), (5, 5), (4, 4), (3, 3), (2, 2)]);
    }

    #[test]
    fn a_lower_head_drops_what_is_above_and_another_branch_replaces_the_numbers() {
        let mut kept = line(1..=6);
        let mut canonical = Canonical::default();
        canonical.head(6, hash(6), hash(5), |hash| kept.get(hash).copied());
        // Block 4' builds on block 3.
        kept.insert(hash(0x44), hash(3));
        canonical.head(4, hash(0x44), hash(3), |hash| kept.get(hash).copied());
        assert_eq!(numbers(&canonical), [(4, 0x44), (3, 3), (2, 2), (1, 1), (0, 0)]);
        assert!(!canonical.contains(4, &hash(4)));
        assert_eq!(canonical.newest(), Some(hash(0x44)));
    }

    #[test]
    fn below_a_hole_nothing_is_named_until_the_missing_block_comes() {
        let mut kept = line([1, 2, 3, 6]);
        let mut canonical = Canonical::default();
        canonical.head(3, hash(3), hash(2), |hash| kept.get(hash).copied());
        canonical.head(6, hash(6), hash(5), |hash| kept.get(hash).copied());
        assert_eq!(numbers(&canonical), [(6, 6), (5, 5)]);
        for byte in [5, 4] {
            kept.extend(line([byte]));
            canonical.added(u64::from(byte), hash(byte), hash(byte - 1), |hash| kept.get(hash).copied());
        }
        assert_eq!(numbers(&canonical), [(6, 6), (5, 5), (4, 4), (3, 3), (2, 2), (1, 1), (0, 0)]);
    }

    #[test]
    fn a_block_that_is_not_the_lowest_of_the_chain_changes_nothing() {
        let kept = line(3..=6);
        let mut canonical = Canonical::default();
        canonical.head(6, hash(6), hash(5), |hash| kept.get(hash).copied());
        let before = numbers(&canonical);
        canonical.added(2, hash(0x22), hash(1), |hash| kept.get(hash).copied());
        canonical.added(5, hash(5), hash(4), |hash| kept.get(hash).copied());
        assert_eq!(numbers(&canonical), before);
    }

    #[test]
    fn the_lowest_are_dropped() {
        let kept = line(1..=6);
        let mut canonical = Canonical::default();
        canonical.head(6, hash(6), hash(5), |hash| kept.get(hash).copied());
        canonical.keep(2, 9);
        assert_eq!(numbers(&canonical).last(), Some(&(2, 2)));
        canonical.keep(2, 2);
        assert_eq!(numbers(&canonical), [(6, 6), (5, 5)]);
    }
}
