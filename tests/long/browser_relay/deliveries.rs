//! Which block came to which leaf, and when.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use libp2p::gossipsub::MessageId;
use petrel_core::event::Via;

use super::leaf::{Told, What};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    /// Each block's number, and when it was published.
    published: BTreeMap<u64, Instant>,
    /// By number: milliseconds from the block's own time to its publication.
    late: BTreeMap<u64, i64>,
    numbers: HashMap<MessageId, u64>,
    /// By leaf and number, since the publication.
    gossiped: BTreeMap<(usize, u64), Duration>,
    /// Blocks that leaves had to fetch.
    pub(crate) fetched: u64,
    /// Connections that ended, and why.
    pub(crate) closed: Vec<(usize, String)>,
}

impl Deliveries {
    /// Block `number` is about to be published, so long after its own time.
    pub(crate) fn publish(&mut self, number: u64, id: MessageId, late: Duration) {
        self.late.insert(number, late.as_millis() as i64);
        self.published.insert(number, Instant::now());
        self.numbers.insert(id, number);
    }

    pub(crate) fn take(&mut self, told: Told) {
        let number = match told.what {
            What::Message(id) => self.numbers.get(&id).copied(),
            What::Block(number, Via::Gossip) => Some(number),
            What::Block(..) => {
                self.fetched += 1;
                None
            }
            What::Closed(reason) => {
                self.closed.push((told.leaf, reason));
                None
            }
            What::Joined | What::Failed(_) => None,
        };
        if let Some((number, since)) = number.and_then(|number| Some((number, self.published.get(&number)?))) {
            self.gossiped.entry((told.leaf, number)).or_insert(told.at - *since);
        }
    }

    /// Milliseconds from a block's own time to its publication.
    pub(crate) fn late_ms(&self, number: u64) -> Option<i64> {
        self.late.get(&number).copied()
    }

    /// How long after its publication a message came that came at this time; `None` of one that is unknown.
    pub(crate) fn since(&self, id: &MessageId, at: Instant) -> Option<Duration> {
        self.published.get(self.numbers.get(id)?).map(|since| at - *since)
    }

    /// How many came to this leaf.
    pub(crate) fn of(&self, leaf: usize) -> u64 {
        self.gossiped.range((leaf, 0)..(leaf + 1, 0)).count() as u64
    }

    /// How many came to all of them.
    pub(crate) fn count(&self) -> usize {
        self.gossiped.len()
    }

    /// How long they took to the leaves that `wanted` names, rising.
    pub(crate) fn delays(&self, wanted: impl Fn(usize) -> bool) -> Vec<Duration> {
        let wanted = self.gossiped.iter().filter(|((leaf, _), _)| wanted(*leaf));
        let mut delays: Vec<Duration> = wanted.map(|(_, delay)| *delay).collect();
        delays.sort_unstable();
        delays
    }
}

/// In milliseconds, of rising delays; `share` in hundredths.
pub(crate) fn share(delays: &[Duration], share: usize) -> f64 {
    let at = delays.len().saturating_sub(1) * share / 100;
    delays.get(at).map_or(f64::NAN, |delay| delay.as_secs_f64() * 1000.0)
}
