//! Which peer did not give which block, and when it may be asked for it again: it may be fetching the same block, be
//! slightly behind, or have lost a stream. A peer is asked at most three times more for one block.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::{
    fault::{AnswerFault, Blame},
    peer::PeerId,
};

/// Failed requests by block number and peer. Bound: the numbers of the gap within a window, times the peers.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<(u64, PeerId), PeerRefusal>);

#[derive(Clone, Copy, Debug)]
struct PeerRefusal {
    failures: usize,
    /// When it may be asked again (monotonic); `None` for never.
    retry_at: Option<Duration>,
}

impl Refusals {
    /// Wait before the first, second and third retry.
    const RETRY_AFTER: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(3)];

    /// The peer did not give the block, at `now` (monotonic).
    pub(super) fn record(&mut self, number: u64, peer: PeerId, fault: AnswerFault, now: Duration) {
        let refusal = self.0.entry((number, peer)).or_insert(PeerRefusal { failures: 0, retry_at: None });
        let wait = match fault {
            // A timeout has already cost much time: one retry.
            AnswerFault::Timeout => Self::RETRY_AFTER.first().filter(|_| refusal.failures == 0),
            // The peer follows another branch and may change to ours in a reorg.
            AnswerFault::Unlinked { .. } => Self::RETRY_AFTER.get(refusal.failures),
            AnswerFault::Unsupported => None,
            _ if fault.blame() == Blame::Invalid => None,
            _ => Self::RETRY_AFTER.get(refusal.failures),
        };
        refusal.failures += 1;
        refusal.retry_at = wait.map(|wait| now.saturating_add(*wait));
    }

    /// Whether the peer must not be asked for this block at `now` (monotonic).
    pub(super) fn forbids(&self, number: u64, peer: PeerId, now: Duration) -> bool {
        self.0.get(&(number, peer)).is_some_and(|refusal| refusal.retry_at.is_none_or(|at| now < at))
    }

    /// Whether the peer will not be asked for this block again.
    pub(super) fn is_final(&self, number: u64, peer: PeerId) -> bool {
        self.0.get(&(number, peer)).is_some_and(|refusal| refusal.retry_at.is_none())
    }

    /// When a peer may be asked again, if that is later than `now` (monotonic).
    pub(super) fn due(&self, now: Duration) -> Option<Duration> {
        self.0.values().filter_map(|refusal| refusal.retry_at).filter(|at| *at > now).min()
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&(u64, PeerId)) -> bool) {
        self.0.retain(|key, _| keep(key));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
