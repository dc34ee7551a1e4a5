//! Who may not connect: bans of peers, addresses and networks, each with a reason, and an end or, where an operator says
//! so, none.
//!
//! What is banned is refused when it is dialled, when it comes in (an address before the handshake, a peer after it), and
//! loses the connections that it has. Static peers are never banned, and neither are loopback, private and link-local
//! addresses by inference: many peers may sit behind them. An address is inferred when [`BanList::CROWD`] of its peers are
//! banned at once: identities cost nothing.
//!
//! Bounds: [`BanList::MAX`] bans; the one that ends first makes room.

use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    address::is_public,
    ban::{Ban, BanTarget},
    time::Now,
};

/// See the module.
#[derive(Debug, Default)]
pub struct BanList {
    /// When each ends (monotonic), and what it is.
    bans: BTreeMap<BanTarget, (Duration, Ban)>,
    /// The same in the order of their ends.
    ends: BTreeSet<(Duration, BanTarget)>,
}

impl BanList {
    /// Bans at most.
    pub const MAX: usize = 4096;
    /// So many banned peers of one address ban the address.
    pub const CROWD: usize = 4;

    /// With the bans that an earlier run kept; and those of them that have ended.
    pub fn restored(now: Now, kept: impl IntoIterator<Item = (BanTarget, Ban)>) -> (Self, Vec<BanTarget>) {
        let (mut gate, mut ended) = (Self::default(), Vec::new());
        for (subject, ban) in kept {
            let left = ban.left(now.secs());
            if !left.is_zero() && gate.bans.len() < Self::MAX {
                gate.put(subject, now.mono.saturating_add(left), ban);
            } else {
                ended.push(subject);
            }
        }
        (gate, ended)
    }

    /// Bans; who makes room for it. A ban that is there and was as long stays as it is, and this is `None`.
    pub fn ban(&mut self, now: Now, subject: BanTarget, ban: Ban) -> Option<Vec<BanTarget>> {
        let ends = now.mono.saturating_add(ban.left(now.secs()));
        if self.bans.get(&subject).is_some_and(|(known, found)| *known >= ends || found.secs >= ban.secs) {
            return None;
        }
        self.put(subject, ends, ban);
        let mut evicted = Vec::new();
        while self.bans.len() > Self::MAX
            && let Some((_, first)) = self.ends.first().copied()
        {
            self.lift(first);
            evicted.push(first);
        }
        Some(evicted)
    }

    fn put(&mut self, subject: BanTarget, ends: Duration, ban: Ban) {
        self.lift(subject);
        self.bans.insert(subject, (ends, ban));
        self.ends.insert((ends, subject));
    }

    /// Lifts a ban; `false` when there is none.
    pub fn lift(&mut self, subject: BanTarget) -> bool {
        let gone = self.bans.remove(&subject);
        gone.is_some_and(|(ends, _)| self.ends.remove(&(ends, subject)))
    }

    /// The bans that have ended at `now` (monotonic); they are gone.
    pub fn ended(&mut self, now: Duration) -> Vec<BanTarget> {
        let ended: Vec<BanTarget> =
            self.ends.iter().take_while(|(ends, _)| *ends <= now).map(|(_, subject)| *subject).collect();
        for subject in &ended {
            self.lift(*subject);
        }
        ended
    }

    /// When the next one ends (monotonic).
    pub fn due(&self) -> Option<Duration> {
        self.ends.first().map(|(ends, _)| *ends)
    }

    /// Whether it is banned.
    pub fn contains(&self, subject: BanTarget) -> bool {
        self.bans.contains_key(&subject)
    }

    /// The ban of somebody.
    pub fn get(&self, subject: BanTarget) -> Option<&Ban> {
        self.bans.get(&subject).map(|(_, ban)| ban)
    }

    /// Every ban.
    pub fn iter(&self) -> impl Iterator<Item = (BanTarget, &Ban)> {
        self.bans.iter().map(|(subject, (_, ban))| (*subject, ban))
    }

    /// Whether so many peers of this address are banned that the address is to be.
    pub fn is_crowd(&self, ip: IpAddr) -> bool {
        let here = BanTarget::address(ip);
        let there = |ban: &Ban| ban.ip.map(BanTarget::address) == Some(here);
        is_public(ip)
            && self.iter().filter(|(who, ban)| matches!(who, BanTarget::Peer(_)) && there(ban)).count() >= Self::CROWD
    }
}
