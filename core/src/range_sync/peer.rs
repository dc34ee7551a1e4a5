//! What is known of a peer as a server.

use core::time::Duration;

use crate::{
    config::Rate,
    fault::{AnswerFault, Blame},
    rate_limit::RateLimit,
};

/// After so long without an answer another peer is asked too.
pub(super) const HEDGE: Duration = Duration::from_secs(3);
/// How long a peer that lied is not asked.
pub(super) const REST: Duration = Duration::from_secs(600);
/// How long a peer that follows another branch is not asked.
pub(super) const STRAY_REST: Duration = Duration::from_secs(20);
/// How long a peer that failed is not asked.
pub(super) const PAUSE: Duration = Duration::from_secs(4);
/// Requests under way at one peer (libp2p streams that an op-node allows are more; its tokens are fewer).
pub(super) const MAX_PEER_IN_FLIGHT: usize = 4;

/// What is known of a peer as a server.
#[derive(Debug)]
pub(super) struct SyncPeer {
    pub(super) connected: bool,
    /// Whether it answers requests at all.
    pub(super) serves: bool,
    /// Its tokens, counted here too: nobody is asked faster than it answers.
    limit: Option<RateLimit>,
    /// How long it takes to answer: a running mean.
    pub(super) pace: Duration,
    /// Requests in the order in which peers were asked last.
    pub(super) asked_at: Duration,
    /// Not asked before this time.
    pause_until: Duration,
    /// Blocks that were not the chain's, since one that was.
    strays: u32,
    /// It has given a block of the chain.
    pub(super) proven: bool,
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
                    (self.strays, self.rest_until) = (0, Some(now.saturating_add(STRAY_REST)));
                }
            }
            (_, Blame::Lied) => self.rest_until = Some(now.saturating_add(REST)),
            (_, Blame::Slow) => {
                self.pace = self.pace.max(HEDGE);
                self.pause_until = now.saturating_add(PAUSE);
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

    pub(super) fn is_ready(&self, now: Duration, in_flight: usize, slow: bool) -> bool {
        // One that is slow owes one answer at a time.
        let most = if slow { 1 } else { MAX_PEER_IN_FLIGHT };
        let here = self.connected && self.serves && !self.rests(now);
        here && in_flight < most && self.ready_at(now).is_none()
    }
}
