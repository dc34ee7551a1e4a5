//! Selection: which block is requested next, and from which peer. Preferred are peers whose last block linked, that are
//! not slow, have few requests in flight, and were asked longest ago.

use core::time::Duration;

use super::{RangeSync, SyncPeer};
use crate::peer::PeerId;

/// A peer that may be asked now. The order of the fields is the order of preference: smaller first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReadyPeer {
    /// Whether its last block linked to nothing.
    doubtful: bool,
    slow: bool,
    /// Requests in flight; a peer of which no block was promoted counts as half busy, so it is tried when the others
    /// are busy.
    busy: usize,
    asked_at: Duration,
    peer: PeerId,
    proven: bool,
}

impl RangeSync {
    /// The peers that may be asked at `now` (monotonic), the preferred first.
    pub(super) fn ready(&self, now: Duration) -> Vec<ReadyPeer> {
        let ready = self.peers.iter().filter_map(|(peer, known)| {
            let in_flight = || self.in_flight.values().filter(|request| request.peer == *peer && !request.received);
            let slow = known.response_time >= Self::HEDGE_AFTER || in_flight().any(|request| request.is_overdue(now));
            let (in_flight_now, proven) = (in_flight().count(), known.proven);
            let busy = in_flight_now + if proven { 0 } else { Self::MAX_PEER_IN_FLIGHT / 2 };
            let doubtful = known.is_doubtful();
            let ready = ReadyPeer { doubtful, slow, busy, asked_at: known.asked_at, peer: *peer, proven };
            known.is_ready(now, in_flight_now, slow).then_some(ready)
        });
        let mut ready: Vec<ReadyPeer> = ready.collect();
        ready.sort_unstable();
        ready
    }

    /// Chooses a peer for this block. When another peer already owes the block, a peer with a promoted block is
    /// preferred.
    pub(super) fn pick(&self, ready: &[ReadyPeer], number: u64, now: Duration) -> Option<PeerId> {
        let owes = |peer| self.in_flight.values().any(|request| request.peer == peer && request.number == number);
        let owed = self.in_flight.values().any(|request| request.number == number);
        // A doubtful peer is asked for the next block alone, and only when nobody else owes it.
        let may_ask = |ready: &ReadyPeer| !ready.doubtful || !owed && self.is_first(number);
        let mut allowed = ready
            .iter()
            .filter(|ready| may_ask(ready) && !self.refusals.forbids(number, ready.peer, now) && !owes(ready.peer));
        let proven = allowed.clone().find(|ready| owed && ready.proven && !ready.slow);
        proven.or_else(|| allowed.next()).map(|ready| ready.peer)
    }

    /// The block numbers to fetch, in order of priority.
    pub(super) fn wanted(&self) -> impl Iterator<Item = u64> + use<> {
        let window = self.window();
        let (from, to, upwards) = match self.target {
            Some(target) if target.expected.is_some() => {
                (target.to.saturating_sub(window - 1).max(target.from), target.to, false)
            }
            Some(target) => (target.from, target.to.min(target.from.saturating_add(window - 1)), true),
            None => (1, 0, true),
        };
        (from..=to).map(move |number| if upwards { number } else { to - (number - from) })
    }

    /// Whether this number is not in quarantine, and every request for it in flight is overdue, or at a peer whose last
    /// block linked to nothing.
    pub(super) fn is_wanted(&self, number: u64, now: Duration) -> bool {
        if self.quarantine.contains_key(&number) || (self.is_full() && !self.is_next(number)) {
            return false;
        }
        let mut owed = self.in_flight.values().filter(|request| request.number == number);
        owed.all(|request| request.is_overdue(now) || self.is_doubtful(request.peer))
    }

    /// Whether a peer's last block linked to nothing.
    fn is_doubtful(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(SyncPeer::is_doubtful)
    }

    /// Whether this number is wanted first.
    fn is_first(&self, number: u64) -> bool {
        self.target.is_some_and(|target| target.first() == number)
    }

    pub(super) fn is_next(&self, number: u64) -> bool {
        self.target.is_some_and(|target| target.expected.is_some() && target.to == number)
    }

    fn is_full(&self) -> bool {
        let in_flight = self.in_flight.len();
        self.quarantine.len() + in_flight >= Self::QUARANTINE * self.scale() as usize
            || self.quarantine_bytes >= Self::QUARANTINE_BYTES
    }
}
