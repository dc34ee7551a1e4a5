//! Who did not give which block, and whether to ask again: a peer may be fetching the same block, be behind by a moment, or
//! have lost a stream.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::{
    fault::{AnswerFault, Blame},
    peer::PeerId,
};

/// See the module. As many as the gap has numbers within a window, times the peers.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<(u64, PeerId), Refusal_>);

#[derive(Clone, Copy, Debug)]
struct Refusal_ {
    times: usize,
    /// When it may be asked again (monotonic); `None` is never.
    again_at: Option<Duration>,
}

impl Refusals {
    /// How long after each no a peer is asked again.
    const AGAIN: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(3)];

    /// It did not give the block, at `now` (monotonic).
    pub(super) fn mark(&mut self, number: u64, peer: PeerId, fault: AnswerFault, now: Duration) {
        let mark = self.0.entry((number, peer)).or_insert(Refusal_ { times: 0, again_at: None });
        let wait = match fault {
            // Its time is lost already when it did not answer: once more.
            AnswerFault::Timeout => Self::AGAIN.first().filter(|_| mark.times == 0),
            // Of another branch: it may come over.
            AnswerFault::Unlinked { .. } => Self::AGAIN.get(mark.times),
            AnswerFault::Unsupported => None,
            _ if fault.blame() == Blame::Lied => None,
            _ => Self::AGAIN.get(mark.times),
        };
        mark.times += 1;
        mark.again_at = wait.map(|wait| now.saturating_add(*wait));
    }

    /// Whether the peer is not to be asked for this block at `now` (monotonic).
    pub(super) fn forbids(&self, number: u64, peer: PeerId, now: Duration) -> bool {
        self.0.get(&(number, peer)).is_some_and(|mark| mark.again_at.is_none_or(|at| now < at))
    }

    /// Whether it will not be asked for it any more.
    pub(super) fn is_final(&self, number: u64, peer: PeerId) -> bool {
        self.0.get(&(number, peer)).is_some_and(|mark| mark.again_at.is_none())
    }

    /// When a peer may be asked again, if that is later than `now` (monotonic).
    pub(super) fn due(&self, now: Duration) -> Option<Duration> {
        self.0.values().filter_map(|mark| mark.again_at).filter(|at| *at > now).min()
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&(u64, PeerId)) -> bool) {
        self.0.retain(|key, _| keep(key));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
