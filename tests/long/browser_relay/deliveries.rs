//! The deliveries of blocks to leaves, and their times.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use libp2p::gossipsub::MessageId;
use petrel_core::event::Via;

use super::leaf::{LeafEvent, LeafEventKind};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    /// The time of publication, by block number.
    published: BTreeMap<u64, Instant>,
    /// Milliseconds from the block's own time to its publication, by block number.
    late: BTreeMap<u64, i64>,
    numbers: HashMap<MessageId, u64>,
    /// The time from publication to delivery, by leaf and block number.
    gossiped: BTreeMap<(usize, u64), Duration>,
    /// Number of blocks that leaves fetched.
    pub(crate) fetched: u64,
    /// Ended connections and their reasons.
    pub(crate) closed: Vec<(usize, String)>,
}

impl Deliveries {
    /// Block `number` is about to be published, `late` after its own time.
    pub(crate) fn publish(&mut self, number: u64, id: MessageId, late: Duration) {
        self.late.insert(number, late.as_millis() as i64);
        self.published.insert(number, Instant::now());
        self.numbers.insert(id, number);
    }

    pub(crate) fn take(&mut self, event: LeafEvent) {
        let number = match event.kind {
            LeafEventKind::Message(id) => self.numbers.get(&id).copied(),
            LeafEventKind::Block(number, Via::Gossip) => Some(number),
            LeafEventKind::Block(..) => {
                self.fetched += 1;
                None
            }
            LeafEventKind::Closed(reason) => {
                self.closed.push((event.leaf, reason));
                None
            }
            LeafEventKind::Joined | LeafEventKind::Failed(_) => None,
        };
        if let Some((number, since)) = number.and_then(|number| Some((number, self.published.get(&number)?))) {
            self.gossiped.entry((event.leaf, number)).or_insert(event.at - *since);
        }
    }

    /// Milliseconds from a block's own time to its publication.
    pub(crate) fn late_ms(&self, number: u64) -> Option<i64> {
        self.late.get(&number).copied()
    }

    /// The time from the publication of a message to `at`; `None` if the message is unknown.
    pub(crate) fn since(&self, id: &MessageId, at: Instant) -> Option<Duration> {
        self.published.get(self.numbers.get(id)?).map(|since| at - *since)
    }

    /// The number of deliveries to this leaf.
    pub(crate) fn of(&self, leaf: usize) -> u64 {
        self.gossiped.range((leaf, 0)..(leaf + 1, 0)).count() as u64
    }

    /// The number of deliveries to all leaves.
    pub(crate) fn count(&self) -> usize {
        self.gossiped.len()
    }

    /// The delays of the leaves that `wanted` accepts, in rising order.
    pub(crate) fn delays(&self, wanted: impl Fn(usize) -> bool) -> Vec<Duration> {
        let wanted = self.gossiped.iter().filter(|((leaf, _), _)| wanted(*leaf));
        let mut delays: Vec<Duration> = wanted.map(|(_, delay)| *delay).collect();
        delays.sort_unstable();
        delays
    }
}

/// A percentile of delays in rising order, milliseconds; `share` is in percent.
pub(crate) fn share(delays: &[Duration], share: usize) -> f64 {
    let at = delays.len().saturating_sub(1) * share / 100;
    delays.get(at).map_or(f64::NAN, |delay| delay.as_secs_f64() * 1000.0)
}
