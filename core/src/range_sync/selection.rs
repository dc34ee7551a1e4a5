//! Whom to ask: the quickest of those that may have the block, are not asked too much already and are due a request.

use core::time::Duration;

use crate::range_sync::RangeSync;
use crate::{
    config::Rate,
    fault::{AnswerFault, Blame},
    peer::PeerId,
    rate_limit::RateLimit,
};

/// What is known of a peer as a server.
#[derive(Debug)]
pub(super) struct SyncPeer {
    pub(super) connected: bool,
    /// Whether it answers requests at all.
    pub(super) serves: bool,
    /// Its tokens, counted here too: nobody is asked faster than it answers.
    limit: Option<RateLimit>,
    /// How long it takes to answer: a running mean.
    pace: Duration,
    /// Requests in the order in which peers were asked last.
    asked_at: Duration,
    /// Not asked before this time.
    pause_until: Duration,
    /// Blocks that were not the chain's, since one that was.
    strays: u32,
    /// It has given a block of the chain.
    proven: bool,
    /// It lied.
    rest_until: Option<Duration>,
    /// It is of our own kind and answers faster than an op-node on a quick chain.
    petrel: bool,
    /// Of one that left: when it has all its tokens again.
    full_at: Duration,
}

impl SyncPeer {
    /// An honest peer may follow another branch for some blocks. After so many it is of no use for a while: in a reorg it may
    /// come over.
    const STRAYS: u32 = 8;

    pub(super) fn new(rate: Option<Rate>, now: Duration) -> Self {
        let limit = rate.map(|rate| RateLimit::new(rate, now));
        Self {
            connected: true,
            serves: true,
            limit,
            pace: Duration::ZERO,
            asked_at: Duration::ZERO,
            pause_until: now,
            strays: 0,
            proven: false,
            rest_until: None,
            petrel: false,
            full_at: now,
        }
    }

    pub(super) const fn is_petrel(&self) -> bool {
        self.petrel
    }

    pub(super) fn becomes_petrel(&mut self, rate: Option<Rate>, now: Duration) {
        self.petrel = true;
        self.set_rate(rate, now);
    }

    /// A full bucket at `now`.
    pub(super) fn set_rate(&mut self, rate: Option<Rate>, now: Duration) {
        self.limit = rate.map(|rate| RateLimit::new(rate, now));
    }

    /// It is gone at `now`; its tokens are remembered until they are all there again.
    pub(super) fn left(&mut self, now: Duration, refill: Duration) {
        // Another program may come back in its place.
        (self.connected, self.serves) = (false, true);
        self.full_at = now.saturating_add(refill);
    }

    /// Whether something of it is to be remembered while it is away.
    pub(super) fn is_remembered(&self, now: Duration) -> bool {
        self.rests(now) || now < self.full_at
    }

    pub(super) fn rests(&self, now: Duration) -> bool {
        self.rest_until.is_some_and(|until| now < until)
    }

    pub(super) fn asked(&mut self, now: Duration) {
        self.asked_at = now;
        if let Some(limit) = &mut self.limit {
            limit.take(now);
        }
    }

    pub(super) fn served(&mut self, took: Duration) {
        self.pace = (self.pace * 3 + took) / 4;
    }

    /// What it gave is the chain's.
    pub(super) fn promote(&mut self) {
        (self.strays, self.proven) = (0, true);
    }

    pub(super) fn failed(&mut self, fault: AnswerFault, now: Duration) {
        match (fault, fault.blame()) {
            (AnswerFault::Unsupported, _) => self.serves = false,
            (AnswerFault::Unlinked { .. }, _) => {
                self.strays += 1;
                if self.strays >= Self::STRAYS {
                    (self.strays, self.rest_until) = (0, Some(now.saturating_add(RangeSync::STRAY_REST)));
                }
            }
            (_, Blame::Lied) => self.rest_until = Some(now.saturating_add(RangeSync::REST)),
            (_, Blame::Slow) => {
                self.pace = self.pace.max(RangeSync::HEDGE);
                self.pause_until = now.saturating_add(RangeSync::PAUSE);
            }
            (_, Blame::None) => {}
        }
    }

    /// When it may be asked, if that is later than `now`.
    pub(super) fn ready_at(&self, now: Duration) -> Option<Duration> {
        if !self.connected || !self.serves || self.rests(now) {
            return None;
        }
        let tokens = self.limit.as_ref().and_then(|limit| limit.wait(now)).map(|wait| now.saturating_add(wait));
        Some(tokens.unwrap_or_default().max(self.pause_until)).filter(|at| *at > now)
    }

    fn is_ready(&self, now: Duration, in_request: usize, slow: bool) -> bool {
        // One that is slow owes one answer at a time.
        let most = if slow { 1 } else { RangeSync::MAX_PEER_IN_FLIGHT };
        let here = self.connected && self.serves && !self.rests(now);
        here && in_request < most && self.ready_at(now).is_none()
    }
}

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
            let in_request = || self.in_request.values().filter(|request| request.peer == *peer && !request.read);
            let slow = known.pace >= Self::HEDGE || in_request().any(|request| request.is_late(now));
            let (under_way, proven) = (in_request().count(), known.proven);
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
        let owes = |peer| self.in_request.values().any(|request| request.peer == peer && request.number == number);
        let owed = self.in_request.values().any(|request| request.number == number);
        let mut may = ready.iter().filter(|ready| !self.refusals.forbids(number, ready.peer, now) && !owes(ready.peer));
        let proven = may.clone().find(|ready| owed && ready.proven && !ready.slow);
        proven.or_else(|| may.next()).map(|ready| ready.peer)
    }
}
