//! Peer selection: which peer is asked for a block. Preferred are peers that are not slow, have few requests in flight,
//! and were asked longest ago.

use core::time::Duration;

use crate::{peer::PeerId, range_sync::RangeSync};

/// A peer that may be asked now. The order of the fields is the order of preference: smaller first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReadyPeer {
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
            let ready = ReadyPeer { slow, busy, asked_at: known.asked_at, peer: *peer, proven };
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
        let mut allowed =
            ready.iter().filter(|ready| !self.refusals.forbids(number, ready.peer, now) && !owes(ready.peer));
        let proven = allowed.clone().find(|ready| owed && ready.proven && !ready.slow);
        proven.or_else(|| allowed.next()).map(|ready| ready.peer)
    }
}
