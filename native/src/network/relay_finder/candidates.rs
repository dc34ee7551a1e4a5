//! Which relays may be asked for their record, and when. Pure: times are arguments (since any start).
//!
//! Bounds: [`Candidates::MAX`] relays, of one public network [`Candidates::PER_NETWORK`], and one for each host name: a place is taken
//! from one that has failed, and from no other. A record is requested again after [`REFRESH`], after a failure after [`RETRY`], twice
//! as long after each further one up to [`MAX_RETRY`]; a relay that fails [`FORGOTTEN`] times is no longer passed on.

use std::{collections::BTreeMap, time::Duration};

use libp2p::PeerId;
use petrel_core::address::{is_public, network_of};

use super::found::FoundRelay;
use crate::network::discovery::DiscoveredRelay;

/// A record is valid for a day.
pub(super) const REFRESH: Duration = Duration::from_secs(30 * 60);
/// After the first failure.
pub(super) const RETRY: Duration = Duration::from_secs(60);
/// The longest wait after a failure.
const MAX_RETRY: Duration = Duration::from_secs(6 * 3600);
/// So long, half an hour, a relay may be restarted or unreachable.
const FORGOTTEN: u32 = 5;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    by_peer: BTreeMap<PeerId, Candidate>,
}

#[derive(Debug)]
struct Candidate {
    relay: DiscoveredRelay,
    /// When its record is requested next.
    due: Duration,
    /// Failures since the last success.
    failures: u32,
    found: Option<FoundRelay>,
}

/// Which candidates are counted, and how many of them there may be.
type Limit<'a> = (&'a dyn Fn(&Candidate) -> bool, usize);

impl Candidates {
    /// Maximum number.
    pub(super) const MAX: usize = 64;
    /// Maximum number in one public network.
    pub(super) const PER_NETWORK: usize = 2;

    /// Discovery has found a relay. Of a known one the place is updated, and its next request stays when it is.
    pub(super) fn add(&mut self, relay: DiscoveredRelay, now: Duration) {
        if let Some(known) = self.by_peer.get_mut(&relay.peer) {
            known.relay = relay;
        } else if self.make_room(&relay) {
            self.by_peer.insert(relay.peer, Candidate { relay, due: now, failures: 0, found: None });
        }
    }

    /// Whether there is a place for this relay; removes a failing one for it.
    fn make_room(&mut self, relay: &DiscoveredRelay) -> bool {
        let has_host = |other: &Candidate| relay.entry.host.is_some() && other.relay.entry.host == relay.entry.host;
        let network = Some(relay.ip).filter(|ip| is_public(*ip)).map(network_of);
        let has_network = |other: &Candidate| network == Some(network_of(other.relay.ip));
        let limits: [Limit<'_>; 3] = [(&has_host, 1), (&has_network, Self::PER_NETWORK), (&|_| true, Self::MAX)];
        for (is_counted, most) in limits {
            let counted = || self.by_peer.iter().filter(|(_, candidate)| is_counted(candidate));
            if counted().count() < most {
                continue;
            }
            let failing = counted().filter(|(_, candidate)| candidate.failures > 0 && candidate.found.is_none());
            let Some(worst) = failing.max_by_key(|(_, candidate)| candidate.failures).map(|(peer, _)| *peer) else {
                return false;
            };
            self.by_peer.remove(&worst);
        }
        true
    }

    /// When the next request is due.
    pub(super) fn due(&self) -> Option<Duration> {
        self.by_peer.values().map(|candidate| candidate.due).min()
    }

    /// The relay whose record is due at `now`.
    pub(super) fn next(&self, now: Duration) -> Option<DiscoveredRelay> {
        let due = self.by_peer.values().filter(|candidate| candidate.due <= now);
        due.min_by_key(|candidate| candidate.due).map(|candidate| candidate.relay.clone())
    }

    /// The request for this relay's record has ended at `now`; `None`: it has failed. Whether the found relays have changed.
    pub(super) fn answered(&mut self, relay: &DiscoveredRelay, now: Duration, found: Option<FoundRelay>) -> bool {
        let Some(candidate) = self.by_peer.get_mut(&relay.peer) else { return false };
        if found.is_some() {
            candidate.failures = 0;
            candidate.due = now + REFRESH;
            let has_changed = candidate.found != found;
            candidate.found = found;
            return has_changed;
        }
        candidate.due = now + RETRY.saturating_mul(1 << candidate.failures.min(10)).min(MAX_RETRY);
        candidate.failures = candidate.failures.saturating_add(1);
        candidate.failures >= FORGOTTEN && candidate.found.take().is_some()
    }

    /// All found relays.
    pub(super) fn found(&self) -> Vec<FoundRelay> {
        self.by_peer.values().filter_map(|candidate| candidate.found.clone()).collect()
    }
}
