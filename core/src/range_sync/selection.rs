//! Whom to ask: the quickest of those that may have the block, are not asked too much already and are due a request.

use core::time::Duration;

use crate::{peer::PeerId, range_sync::RangeSync};

/// A peer that may be asked for something now; the least of them first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReadyPeer {
    slow: bool,
    /// Requests under way; one that never gave anything is tried when the others have something to do.
    busy: usize,
    asked_at: Duration,
    peer: PeerId,
    proven: bool,
}

impl RangeSync {
    /// Who may be asked at `now` (monotonic), the best first.
    pub(super) fn ready(&self, now: Duration) -> Vec<ReadyPeer> {
        let ready = self.peers.iter().filter_map(|(peer, known)| {
            let in_flight = || self.in_flight.values().filter(|request| request.peer == *peer && !request.read);
            let slow = known.pace >= Self::HEDGE || in_flight().any(|request| request.is_late(now));
            let (under_way, proven) = (in_flight().count(), known.proven);
            let busy = under_way + if proven { 0 } else { Self::MAX_PEER_IN_FLIGHT / 2 };
            let ready = ReadyPeer { slow, busy, asked_at: known.asked_at, peer: *peer, proven };
            known.is_ready(now, under_way, slow).then_some(ready)
        });
        let mut ready: Vec<ReadyPeer> = ready.collect();
        ready.sort_unstable();
        ready
    }

    /// Which of them to ask for this block. What somebody owes already is asked of one that has given something before, if
    /// there is one.
    pub(super) fn pick(&self, ready: &[ReadyPeer], number: u64, now: Duration) -> Option<PeerId> {
        let owes = |peer| self.in_flight.values().any(|request| request.peer == peer && request.number == number);
        let owed = self.in_flight.values().any(|request| request.number == number);
        let mut may = ready.iter().filter(|ready| !self.refusals.forbids(number, ready.peer, now) && !owes(ready.peer));
        let proven = may.clone().find(|ready| owed && ready.proven && !ready.slow);
        proven.or_else(|| may.next()).map(|ready| ready.peer)
    }
}
