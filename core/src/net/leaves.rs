//! What waits for leaves, in bytes, and who of them gets a message when it would be too much.
//!
//! gossipsub copies a message for each leaf when it is forwarded and keeps the copy until it is written; it counts messages,
//! not bytes. So before a message goes out the leaves are looked at here: what waits for all of them together stays within a
//! budget (`--p2p.leaves.bytes`). When it does not fit, those who have not taken a byte of what waits for them since the last
//! look lose their connections, for a slow leaf must not cost the others their block; if it still does not fit, leaves are
//! passed over, those for whom most waits first, and the same ones not twice in a row. Who is passed over sees a gap with the
//! next block and fetches it, within the leaves' own rate ([`crate::request`]).
//!
//! What waits is an upper bound: what was forwarded, minus what was written since. A leaf that was forwarded nothing (it sent us the
//! message itself, or has not joined the topic) is counted until the next look at which its stream rests. Bounded by the number
//! of leaves.

use core::time::Duration;
use std::{collections::BTreeMap, sync::Arc};

use libp2p::{PeerId, swarm::ConnectionId};

use crate::net::metering::send_queue::SendQueue;

/// A stream that rests so long after a message was forwarded has written it, or was never given it.
const SETTLED: Duration = Duration::from_secs(1);
/// A leaf that takes nothing of what waits for it for so long is given up. A phone in a tunnel may be back; a message that waits
/// is of no use to it after a minute.
const PATIENCE: Duration = Duration::from_secs(15);

/// See the module.
#[derive(Debug)]
pub(super) struct Leaves {
    budget: u64,
    /// In the order of their ids.
    leaves: BTreeMap<PeerId, Leaf>,
    /// Who was passed over last: with the next message the round begins behind it.
    last: Option<PeerId>,
    /// How often a leaf was passed over since the start.
    passed: u64,
}

#[derive(Debug)]
struct Leaf {
    connection: ConnectionId,
    meter: Arc<SendQueue>,
    /// What it has to take: bytes forwarded, beyond `base` bytes that it had taken before.
    forwarded: u64,
    base: u64,
    /// When something was forwarded last (monotonic).
    at: Duration,
    /// What it had taken when it was seen to move, and when that was.
    moved: u64,
    moved_at: Duration,
}

impl Leaf {
    fn waiting(&self) -> u64 {
        self.forwarded.saturating_sub(self.meter.written().saturating_sub(self.base))
    }

    /// Looks at it at `now`: what rests has nothing waiting.
    fn look(&mut self, now: Duration) {
        let written = self.meter.written();
        if !self.meter.is_busy() {
            if self.forwarded > 0 && now.saturating_sub(self.at) >= SETTLED {
                (self.forwarded, self.base) = (0, written);
            }
            self.moved_at = now;
        }
        if written != self.moved {
            (self.moved, self.moved_at) = (written, now);
        }
    }

    /// How long nothing was taken of what waits.
    fn stuck(&self, now: Duration) -> Duration {
        now.saturating_sub(self.moved_at)
    }
}

/// Who does not get a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SendFates {
    /// They are passed over.
    pub(super) passed: Vec<PeerId>,
    /// They are too slow, and lose their connections.
    pub(super) slow: Vec<PeerId>,
}

impl Leaves {
    /// So many bytes may wait for all of them.
    pub(super) fn new(budget: usize) -> Self {
        Self { budget: budget as u64, leaves: BTreeMap::new(), last: None, passed: 0 }
    }

    /// A leaf has come by this connection, at `now` (monotonic), or has another one.
    pub(super) fn come(&mut self, peer: PeerId, connection: ConnectionId, meter: Arc<SendQueue>, now: Duration) {
        let written = meter.written();
        let leaf = Leaf { connection, meter, forwarded: 0, base: written, at: now, moved: written, moved_at: now };
        self.leaves.entry(peer).or_insert(leaf).connection = connection;
    }

    /// The connection of a leaf that is here.
    pub(super) fn connection(&self, peer: &PeerId) -> Option<ConnectionId> {
        self.leaves.get(peer).map(|leaf| leaf.connection)
    }

    /// It is gone, with all that waited for it.
    pub(super) fn go(&mut self, peer: &PeerId) {
        self.leaves.remove(peer);
    }

    /// How often a leaf was passed over.
    pub(super) const fn passed(&self) -> u64 {
        self.passed
    }

    /// Bytes that wait for all of them.
    pub(super) fn waiting(&self) -> u64 {
        self.leaves.values().map(Leaf::waiting).sum()
    }

    /// Looks at all of them, once in a while: those who have been stuck for too long.
    pub(super) fn look(&mut self, now: Duration) -> Vec<PeerId> {
        for leaf in self.leaves.values_mut() {
            leaf.look(now);
        }
        let stuck = self.leaves.iter().filter(|(_, leaf)| leaf.stuck(now) >= PATIENCE);
        stuck.map(|(peer, _)| *peer).collect()
    }

    /// A message of so many bytes is about to go out to all of them but those who are named; `now` is monotonic.
    pub(super) fn forward(&mut self, bytes: usize, now: Duration) -> SendFates {
        let bytes = bytes as u64;
        for leaf in self.leaves.values_mut() {
            leaf.look(now);
        }
        let mut fates = SendFates::default();
        let need = bytes.saturating_mul(self.leaves.len() as u64);
        let mut over = self.waiting().saturating_add(need).saturating_sub(self.budget);
        if over > 0 {
            fates.slow = self.drop_slow(&mut over, bytes, now);
            fates.passed = self.pass_over(over, bytes);
            self.passed = self.passed.saturating_add(fates.passed.len() as u64);
        }
        for (peer, leaf) in &mut self.leaves {
            if fates.passed.binary_search(peer).is_err() {
                leaf.forwarded = leaf.forwarded.saturating_add(bytes);
                leaf.at = now;
            }
        }
        fates
    }

    /// Forgets those who are stuck, the longest first, until what is `over` is made up for.
    fn drop_slow(&mut self, over: &mut u64, bytes: u64, now: Duration) -> Vec<PeerId> {
        let stuck = |leaf: &Leaf| leaf.waiting() > 0 && leaf.stuck(now) >= SETTLED;
        let mut slow: Vec<_> = self.leaves.iter().filter(|(_, leaf)| stuck(leaf)).collect();
        slow.sort_by_key(|(_, leaf)| leaf.moved_at);
        let mut gone = Vec::new();
        for (peer, leaf) in slow {
            if *over == 0 {
                break;
            }
            *over = over.saturating_sub(leaf.waiting().saturating_add(bytes));
            gone.push(*peer);
        }
        for peer in &gone {
            self.leaves.remove(peer);
        }
        gone
    }

    /// As many as make up for what is `over`: those for whom most waits, and of equals those behind the last one.
    fn pass_over(&mut self, over: u64, bytes: u64) -> Vec<PeerId> {
        let count = usize::try_from(over.div_ceil(bytes.max(1))).unwrap_or(usize::MAX);
        if count == 0 {
            return Vec::new();
        }
        let last = self.last;
        let mut order: Vec<_> = self.leaves.iter().map(|(peer, leaf)| (leaf.waiting(), *peer)).collect();
        let before = |peer: &PeerId| last.is_some_and(|last| *peer <= last);
        order.sort_by_key(|(waiting, peer)| (core::cmp::Reverse(*waiting), before(peer), *peer));
        order.truncate(count);
        self.last = order.last().map(|(_, peer)| *peer).or(last);
        let mut passed: Vec<PeerId> = order.into_iter().map(|(_, peer)| peer).collect();
        passed.sort_unstable();
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1_000_000;

    fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// Leaves with their meters, in the order of their ids.
    fn leaves(budget: usize, count: usize) -> (Leaves, Vec<(PeerId, Arc<SendQueue>)>) {
        let mut leaves = Leaves::new(budget);
        let mut known: Vec<_> = (0..count).map(|_| (PeerId::random(), Arc::<SendQueue>::default())).collect();
        known.sort_by_key(|(peer, _)| *peer);
        for (peer, meter) in &known {
            leaves.come(*peer, ConnectionId::new_unchecked(0), meter.clone(), at(0));
        }
        (leaves, known)
    }

    #[test]
    fn what_fits_goes_to_everybody_and_what_is_written_waits_no_more() {
        let (mut leaves, known) = leaves(10 * MB, 10);
        assert_eq!(leaves.forward(MB, at(1)), SendFates::default());
        assert_eq!(leaves.waiting(), 10 * MB as u64);
        for (_, meter) in &known {
            meter.set(MB as u64 + 200, false);
        }
        assert_eq!(leaves.waiting(), 0);
        assert_eq!(leaves.forward(MB, at(1)), SendFates::default());
        assert_eq!(leaves.waiting(), 10 * MB as u64 - 2000, "what was written beyond it is no credit for long");
        leaves.look(at(3));
        assert_eq!(leaves.waiting(), 0, "streams that rest have nothing waiting");
    }

    #[test]
    fn a_leaf_that_is_forwarded_nothing_is_not_taken_for_a_slow_one() {
        let (mut leaves, _known) = leaves(10 * MB, 10);
        for second in (0..100).step_by(2) {
            assert_eq!(leaves.forward(MB, at(second)), SendFates::default());
            assert_eq!(leaves.look(at(second + 1)), []);
        }
    }

    #[test]
    fn beyond_the_budget_leaves_are_passed_over_by_turns() {
        let (mut leaves, known) = leaves(6 * MB, 10);
        let mut got = [0; 10];
        for second in 1..=10 {
            let fates = leaves.forward(MB, at(second * 2));
            assert_eq!((fates.passed.len(), fates.slow.len()), (4, 0));
            assert!(leaves.waiting() <= 6 * MB as u64);
            for (which, (peer, _)) in known.iter().enumerate() {
                got[which] += usize::from(!fates.passed.contains(peer));
            }
        }
        assert_eq!(got, [6; 10]);
        assert_eq!(leaves.passed(), 40);
    }

    #[test]
    fn who_takes_nothing_makes_room_for_the_others() {
        let (mut leaves, known) = leaves(12 * MB, 10);
        leaves.forward(MB, at(1));
        for (which, (_, meter)) in known.iter().enumerate() {
            meter.set(if which < 3 { 1000 } else { MB as u64 }, which < 3);
        }
        leaves.look(at(2));
        // Three wait for it still, and ten more do not fit.
        let fates = leaves.forward(MB, at(4));
        assert_eq!((fates.slow.len(), fates.passed.len()), (1, 0));
        assert!(known[..3].iter().any(|(peer, _)| fates.slow == [*peer]));
        assert!(leaves.waiting() <= 12 * MB as u64);
    }

    #[test]
    fn who_moves_slowly_stays_and_who_stands_still_is_given_up() {
        let (mut leaves, known) = leaves(100 * MB, 2);
        leaves.forward(MB, at(1));
        let (slow, stuck) = (&known[0], &known[1]);
        for second in 2..=20 {
            slow.1.set(second * 100, true);
            stuck.1.set(100, true);
            let given_up = leaves.look(at(second));
            assert_eq!(given_up, if second < 17 { vec![] } else { vec![stuck.0] }, "second {second}");
        }
    }

    #[test]
    fn a_block_larger_than_the_budget_goes_to_nobody_and_with_no_leaves_nothing_is_counted() {
        let (mut leaves, known) = leaves(MB, 2);
        assert_eq!(leaves.forward(2 * MB, at(1)).passed, [known[0].0, known[1].0]);
        for (peer, _) in &known {
            leaves.go(peer);
        }
        assert_eq!(leaves.forward(2 * MB, at(2)), SendFates::default());
        assert_eq!(leaves.waiting(), 0);
    }
}
