//! Send budget of leaves (browsers): which leaves get a message when too many bytes are queued for them.
//!
//! gossipsub copies a message for each leaf when it forwards it, and keeps the copy until it is written. It limits the
//! number of queued messages, not their bytes. So before a message is forwarded, the bytes queued for all leaves
//! together are kept within a budget (`--p2p.leaves.bytes`). If the message does not fit, leaves are disconnected that
//! have bytes queued and have accepted none for [`SETTLED`], so that a stalled leaf does not cost others their block.
//! If it still does not fit, leaves are skipped: those with the most queued bytes first, and among equals in turn. A
//! skipped leaf sees a gap when the next block arrives, and requests the block within the rate limit of leaves
//! ([`crate::serving`]).
//!
//! Queued bytes are an upper bound: bytes forwarded minus bytes written since. gossipsub does not forward a message to
//! the leaf that sent it, nor to one that has not joined the topic; such a message counts until a refresh finds the
//! leaf's streams flushed. Bounded by the number of leaves.

use core::time::Duration;
use std::{collections::BTreeMap, sync::Arc};

use libp2p::{PeerId, swarm::ConnectionId};

use crate::net::metering::send_queue::SendQueue;

/// A leaf whose streams are flushed this long after a message was forwarded has received it, or was not sent it.
const SETTLED: Duration = Duration::from_secs(1);
/// A leaf with unflushed bytes that accepts none for this long is disconnected. A phone may lose its network for some
/// seconds; a block that is queued for a minute is of no use.
const STALL_LIMIT: Duration = Duration::from_secs(15);

/// The connected leaves and their send queues.
#[derive(Debug)]
pub(super) struct Leaves {
    /// Maximum bytes queued for all leaves.
    budget: u64,
    leaves: BTreeMap<PeerId, Leaf>,
    /// The leaf that was skipped last: the next selection among equals starts after it.
    last_skipped: Option<PeerId>,
    /// How often a leaf was skipped since the start.
    skipped: u64,
}

#[derive(Debug)]
struct Leaf {
    connection: ConnectionId,
    queue: Arc<SendQueue>,
    /// Bytes forwarded since `base`.
    forwarded: u64,
    /// Value of [`SendQueue::written`] from which `forwarded` counts.
    base: u64,
    /// When a message was forwarded last (monotonic).
    forwarded_at: Duration,
    /// Value of [`SendQueue::written`] at the last progress.
    progress: u64,
    /// When the leaf last accepted bytes or had its streams flushed (monotonic).
    progress_at: Duration,
}

impl Leaf {
    /// Bytes queued at most.
    fn queued_bytes(&self) -> u64 {
        self.forwarded.saturating_sub(self.queue.written().saturating_sub(self.base))
    }

    /// Reads the send queue at `now`. If the streams are flushed, nothing is queued.
    fn refresh(&mut self, now: Duration) {
        let written = self.queue.written();
        if !self.queue.is_unflushed() {
            if self.forwarded > 0 && now.saturating_sub(self.forwarded_at) >= SETTLED {
                (self.forwarded, self.base) = (0, written);
            }
            self.progress_at = now;
        }
        if written != self.progress {
            (self.progress, self.progress_at) = (written, now);
        }
    }

    /// Time since the leaf last made progress.
    fn stalled_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.progress_at)
    }
}

/// The leaves that do not get a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ForwardPlan {
    /// Leaves that stay connected, in order of their ids.
    pub(super) skipped: Vec<PeerId>,
    /// Leaves that are too slow and are to be disconnected.
    pub(super) slow: Vec<PeerId>,
}

impl Leaves {
    /// At most `budget` bytes are queued for all leaves together.
    pub(super) fn new(budget: usize) -> Self {
        Self { budget: budget as u64, leaves: BTreeMap::new(), last_skipped: None, skipped: 0 }
    }

    /// Adds a leaf that connected at `now` (monotonic), or sets the new connection of a known one.
    pub(super) fn add(&mut self, peer: PeerId, connection: ConnectionId, queue: Arc<SendQueue>, now: Duration) {
        let written = queue.written();
        let leaf = Leaf {
            connection,
            queue,
            forwarded: 0,
            base: written,
            forwarded_at: now,
            progress: written,
            progress_at: now,
        };
        self.leaves.entry(peer).or_insert(leaf).connection = connection;
    }

    /// The connection of a connected leaf.
    pub(super) fn connection(&self, peer: &PeerId) -> Option<ConnectionId> {
        self.leaves.get(peer).map(|leaf| leaf.connection)
    }

    /// Removes a leaf that has disconnected, and its queued bytes.
    pub(super) fn remove(&mut self, peer: &PeerId) {
        self.leaves.remove(peer);
    }

    /// How often a leaf was skipped since the start.
    pub(super) const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Bytes queued for all leaves, at most.
    pub(super) fn queued_bytes(&self) -> u64 {
        self.leaves.values().map(Leaf::queued_bytes).sum()
    }

    /// Reads all send queues at `now` (monotonic), and returns the leaves that are stalled for [`STALL_LIMIT`]. Called
    /// once per [`SCORE_REFRESH`](super::params::SCORE_REFRESH).
    pub(super) fn refresh(&mut self, now: Duration) -> Vec<PeerId> {
        for leaf in self.leaves.values_mut() {
            leaf.refresh(now);
        }
        let stalled = self.leaves.iter().filter(|(_, leaf)| leaf.stalled_for(now) >= STALL_LIMIT);
        stalled.map(|(peer, _)| *peer).collect()
    }

    /// A message of `bytes` bytes is forwarded at `now` (monotonic) to all leaves except those in the returned plan.
    pub(super) fn forward(&mut self, bytes: usize, now: Duration) -> ForwardPlan {
        let bytes = bytes as u64;
        for leaf in self.leaves.values_mut() {
            leaf.refresh(now);
        }
        let mut plan = ForwardPlan::default();
        let added = bytes.saturating_mul(self.leaves.len() as u64);
        let mut excess = self.queued_bytes().saturating_add(added).saturating_sub(self.budget);
        if excess > 0 {
            plan.slow = self.remove_slow(&mut excess, bytes, now);
            plan.skipped = self.select_skipped(excess, bytes);
            self.skipped = self.skipped.saturating_add(plan.skipped.len() as u64);
        }
        for (peer, leaf) in &mut self.leaves {
            if plan.skipped.binary_search(peer).is_err() {
                leaf.forwarded = leaf.forwarded.saturating_add(bytes);
                leaf.forwarded_at = now;
            }
        }
        plan
    }

    /// Removes leaves that are stalled for [`SETTLED`], the longest stalled first, until there is no excess. Reduces
    /// `excess`.
    fn remove_slow(&mut self, excess: &mut u64, bytes: u64, now: Duration) -> Vec<PeerId> {
        let is_slow = |leaf: &Leaf| leaf.queued_bytes() > 0 && leaf.stalled_for(now) >= SETTLED;
        let mut slow: Vec<_> = self.leaves.iter().filter(|(_, leaf)| is_slow(leaf)).collect();
        slow.sort_by_key(|(_, leaf)| leaf.progress_at);
        let mut removed = Vec::new();
        for (peer, leaf) in slow {
            if *excess == 0 {
                break;
            }
            *excess = excess.saturating_sub(leaf.queued_bytes().saturating_add(bytes));
            removed.push(*peer);
        }
        for peer in &removed {
            self.leaves.remove(peer);
        }
        removed
    }

    /// Selects as many leaves as make up for `excess` bytes: those with the most queued bytes first, and among equals
    /// those after `last_skipped` first.
    fn select_skipped(&mut self, excess: u64, bytes: u64) -> Vec<PeerId> {
        let count = usize::try_from(excess.div_ceil(bytes.max(1))).unwrap_or(usize::MAX);
        if count == 0 {
            return Vec::new();
        }
        let last = self.last_skipped;
        let mut order: Vec<_> = self.leaves.iter().map(|(peer, leaf)| (leaf.queued_bytes(), *peer)).collect();
        let had_turn = |peer: &PeerId| last.is_some_and(|last| *peer <= last);
        order.sort_by_key(|(queued, peer)| (core::cmp::Reverse(*queued), had_turn(peer), *peer));
        order.truncate(count);
        self.last_skipped = order.last().map(|(_, peer)| *peer).or(last);
        let mut skipped: Vec<PeerId> = order.into_iter().map(|(_, peer)| peer).collect();
        skipped.sort_unstable();
        skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1_000_000;

    fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// Leaves with their send queues, in order of their ids.
    fn leaves(budget: usize, count: usize) -> (Leaves, Vec<(PeerId, Arc<SendQueue>)>) {
        let mut leaves = Leaves::new(budget);
        let mut known: Vec<_> = (0..count).map(|_| (PeerId::random(), Arc::<SendQueue>::default())).collect();
        known.sort_by_key(|(peer, _)| *peer);
        for (peer, queue) in &known {
            leaves.add(*peer, ConnectionId::new_unchecked(0), queue.clone(), at(0));
        }
        (leaves, known)
    }

    #[test]
    fn a_message_within_the_budget_goes_to_all_leaves_and_written_bytes_are_not_queued() {
        let (mut leaves, known) = leaves(10 * MB, 10);
        assert_eq!(leaves.forward(MB, at(1)), ForwardPlan::default());
        assert_eq!(leaves.queued_bytes(), 10 * MB as u64);
        for (_, queue) in &known {
            queue.set(MB as u64 + 200, false);
        }
        assert_eq!(leaves.queued_bytes(), 0);
        assert_eq!(leaves.forward(MB, at(1)), ForwardPlan::default());
        assert_eq!(
            leaves.queued_bytes(),
            10 * MB as u64 - 2000,
            "bytes written beyond the forwarded ones still reduce the bound"
        );
        leaves.refresh(at(3));
        assert_eq!(leaves.queued_bytes(), 0, "flushed streams have nothing queued");
    }

    #[test]
    fn a_leaf_that_gossipsub_sends_nothing_is_not_slow() {
        let (mut leaves, _known) = leaves(10 * MB, 10);
        for second in (0..100).step_by(2) {
            assert_eq!(leaves.forward(MB, at(second)), ForwardPlan::default());
            assert_eq!(leaves.refresh(at(second + 1)), []);
        }
    }

    #[test]
    fn beyond_the_budget_leaves_are_skipped_in_turn() {
        let (mut leaves, known) = leaves(6 * MB, 10);
        let mut received = [0; 10];
        for second in 1..=10 {
            let plan = leaves.forward(MB, at(second * 2));
            assert_eq!((plan.skipped.len(), plan.slow.len()), (4, 0));
            assert!(leaves.queued_bytes() <= 6 * MB as u64);
            for (index, (peer, _)) in known.iter().enumerate() {
                received[index] += usize::from(!plan.skipped.contains(peer));
            }
        }
        assert_eq!(received, [6; 10]);
        assert_eq!(leaves.skipped(), 40);
    }

    #[test]
    fn a_leaf_that_accepts_no_bytes_is_disconnected_beyond_the_budget() {
        let (mut leaves, known) = leaves(12 * MB, 10);
        leaves.forward(MB, at(1));
        for (index, (_, queue)) in known.iter().enumerate() {
            queue.set(if index < 3 { 1000 } else { MB as u64 }, index < 3);
        }
        leaves.refresh(at(2));
        // The message is still queued for three leaves; ten more copies do not fit.
        let plan = leaves.forward(MB, at(4));
        assert_eq!((plan.slow.len(), plan.skipped.len()), (1, 0));
        assert!(known[..3].iter().any(|(peer, _)| plan.slow == [*peer]));
        assert!(leaves.queued_bytes() <= 12 * MB as u64);
    }

    #[test]
    fn a_slow_leaf_stays_and_a_stalled_leaf_is_disconnected() {
        let (mut leaves, known) = leaves(100 * MB, 2);
        leaves.forward(MB, at(1));
        let (slow, stalled) = (&known[0], &known[1]);
        for second in 2..=20 {
            slow.1.set(second * 100, true);
            stalled.1.set(100, true);
            let stalled_leaves = leaves.refresh(at(second));
            assert_eq!(stalled_leaves, if second < 17 { vec![] } else { vec![stalled.0] }, "second {second}");
        }
    }

    #[test]
    fn a_message_above_the_budget_goes_to_no_leaf_and_without_leaves_nothing_is_queued() {
        let (mut leaves, known) = leaves(MB, 2);
        assert_eq!(leaves.forward(2 * MB, at(1)).skipped, [known[0].0, known[1].0]);
        for (peer, _) in &known {
            leaves.remove(peer);
        }
        assert_eq!(leaves.forward(2 * MB, at(2)), ForwardPlan::default());
        assert_eq!(leaves.queued_bytes(), 0);
    }
}
