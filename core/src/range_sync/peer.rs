//! A peer as a server of blocks: how fast it may be asked, how fast it answers, and for how long it is not asked after
//! a failure. One entry for each known peer, owned by [`RangeSync`](super::RangeSync).

use core::time::Duration;

use crate::{
    config::Rate,
    fault::{AnswerFault, Blame},
    rate_limit::RateLimit,
};

/// Time without a response after which another peer is asked for the same block.
pub(super) const HEDGE_AFTER: Duration = Duration::from_secs(3);
/// How long a peer that sent an invalid response is not asked.
pub(super) const INVALID_BACKOFF: Duration = Duration::from_secs(600);
/// How long a peer that follows another branch is not asked; twice as long each time, up to [`INVALID_BACKOFF`].
pub(super) const UNLINKED_BACKOFF: Duration = Duration::from_secs(20);
/// How long a peer that did not answer is not asked.
pub(super) const FAILED_BACKOFF: Duration = Duration::from_secs(4);
/// Requests in flight at one peer. (An op-node allows more libp2p streams, but fewer rate limit tokens.)
pub(super) const MAX_PEER_IN_FLIGHT: usize = 4;

/// Blocks in a row that link to nothing after which a peer is not asked for a while. An honest peer may follow another
/// branch for some blocks, and may change to ours in a reorg. When other peers had the right ones, it costs 20 points;
/// the growing time between two such offences keeps a peer that stays on another branch from a ban, because points decay
/// to a hundredth in 60 blocks.
pub(super) const MAX_UNLINKED: u32 = 4;

/// A peer as a server of blocks.
#[derive(Debug)]
pub(super) struct SyncPeer {
    pub(super) connected: bool,
    /// Whether it supports the request protocol.
    pub(super) serves: bool,
    /// Its rate limit, which is counted here as well: a peer is never asked faster than it answers.
    limit: Option<RateLimit>,
    /// Response time: a moving average, in which a new value has a weight of 1/4.
    pub(super) response_time: Duration,
    /// When it was asked last (monotonic); the peer that was asked longest ago is preferred.
    pub(super) asked_at: Duration,
    /// When it may be asked again after a failure (monotonic).
    backoff_until: Duration,
    /// Blocks that linked to nothing since the last block of the chain.
    unlinked: u32,
    /// How often it was excluded for such blocks since then.
    exclusions: u32,
    /// How many of those blocks another peer had right, since the last offence.
    refuted: u32,
    /// Whether a block from it was promoted.
    pub(super) proven: bool,
    /// Until when it is not asked because of an invalid response or another branch (monotonic).
    excluded_until: Option<Duration>,
    /// Whether it is a Petrel, which answers faster than an op-node on a fast chain.
    petrel: bool,
    /// When the rate limit of a disconnected peer is full again (monotonic).
    full_at: Duration,
}

impl SyncPeer {
    pub(super) fn new(rate: Option<Rate>, now: Duration) -> Self {
        let limit = rate.map(|rate| RateLimit::new(rate, now));
        Self {
            connected: true,
            serves: true,
            limit,
            response_time: Duration::ZERO,
            asked_at: Duration::ZERO,
            backoff_until: now,
            unlinked: 0,
            exclusions: 0,
            refuted: 0,
            proven: false,
            excluded_until: None,
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

    /// Sets the rate limit, full at `now`.
    pub(super) fn set_rate(&mut self, rate: Option<Rate>, now: Duration) {
        self.limit = rate.map(|rate| RateLimit::new(rate, now));
    }

    /// It disconnected at `now`. It is remembered until its rate limit is full again.
    pub(super) fn left(&mut self, now: Duration, refill: Duration) {
        // Another program may reconnect with the same peer id.
        (self.connected, self.serves) = (false, true);
        self.full_at = now.saturating_add(refill);
    }

    /// Whether it must be remembered while it is disconnected.
    pub(super) fn is_remembered(&self, now: Duration) -> bool {
        self.is_excluded(now) || now < self.full_at
    }

    pub(super) fn is_excluded(&self, now: Duration) -> bool {
        self.excluded_until.is_some_and(|until| now < until)
    }

    pub(super) fn asked(&mut self, now: Duration) {
        self.asked_at = now;
        if let Some(limit) = &mut self.limit {
            limit.take(now);
        }
    }

    pub(super) fn served(&mut self, took: Duration) {
        self.response_time = (self.response_time * 3 + took) / 4;
    }

    /// A block that it gave was promoted.
    pub(super) fn promote(&mut self) {
        (self.unlinked, self.exclusions, self.refuted, self.proven) = (0, 0, 0, true);
    }

    /// Whether its last block linked to nothing.
    pub(super) const fn is_doubtful(&self) -> bool {
        self.unlinked > 0
    }

    /// Another peer gave the right block instead of this one's. Whether that makes an offence:
    /// [`MAX_UNLINKED`] times without a promoted block between.
    pub(super) fn refute(&mut self) -> bool {
        self.refuted += 1;
        let is_offence = self.refuted >= MAX_UNLINKED;
        if is_offence {
            self.refuted = 0;
        }
        is_offence
    }

    /// A request failed at `now` (monotonic).
    pub(super) fn failed(&mut self, fault: AnswerFault, now: Duration) {
        match (fault, fault.blame()) {
            (AnswerFault::Unsupported, _) => self.serves = false,
            (AnswerFault::Unlinked { .. }, _) => {
                self.unlinked += 1;
                if self.unlinked >= MAX_UNLINKED {
                    let backoff = UNLINKED_BACKOFF.saturating_mul(1 << self.exclusions.min(5)).min(INVALID_BACKOFF);
                    // One is left: it stays doubtful until a block of it is promoted.
                    (self.unlinked, self.exclusions) = (1, self.exclusions.saturating_add(1));
                    self.excluded_until = Some(now.saturating_add(backoff));
                }
            }
            (_, Blame::Invalid) => self.excluded_until = Some(now.saturating_add(INVALID_BACKOFF)),
            (_, Blame::Slow) => {
                self.response_time = self.response_time.max(HEDGE_AFTER);
                self.backoff_until = now.saturating_add(FAILED_BACKOFF);
            }
            (_, Blame::None) => {}
        }
    }

    /// When it may be asked, if that is later than `now` (monotonic).
    pub(super) fn ready_at(&self, now: Duration) -> Option<Duration> {
        if !self.connected || !self.serves || self.is_excluded(now) {
            return None;
        }
        let tokens = self.limit.as_ref().and_then(|limit| limit.wait(now)).map(|wait| now.saturating_add(wait));
        Some(tokens.unwrap_or_default().max(self.backoff_until)).filter(|at| *at > now)
    }

    pub(super) fn is_ready(&self, now: Duration, in_flight: usize, slow: bool) -> bool {
        // A slow peer, or a doubtful one, gets one request at a time.
        let max_in_flight = if slow || self.is_doubtful() { 1 } else { MAX_PEER_IN_FLIGHT };
        let available = self.connected && self.serves && !self.is_excluded(now);
        available && in_flight < max_in_flight && self.ready_at(now).is_none()
    }
}
