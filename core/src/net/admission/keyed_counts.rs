//! The number of connections of each key: an address, a network, a peer. A key without connections takes no memory.

use std::collections::{BTreeMap, btree_map::Entry};

use libp2p::swarm::ConnectionId;

/// See the module. Bounded by the connections that were added.
#[derive(Debug)]
pub(super) struct KeyedCounts<K> {
    keys: BTreeMap<ConnectionId, K>,
    counts: BTreeMap<K, usize>,
}

impl<K> Default for KeyedCounts<K> {
    fn default() -> Self {
        Self { keys: BTreeMap::new(), counts: BTreeMap::new() }
    }
}

impl<K: Copy + Ord> KeyedCounts<K> {
    /// How many connections this key has.
    pub(super) fn count(&self, key: K) -> usize {
        self.counts.get(&key).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, id: ConnectionId, key: K) {
        if self.keys.insert(id, key).is_none() {
            *self.counts.entry(key).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, id: ConnectionId) {
        let Some(key) = self.keys.remove(&id) else { return };
        let Entry::Occupied(mut count) = self.counts.entry(key) else { return };
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }

    /// How many keys have connections.
    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.counts.len()
    }
}
