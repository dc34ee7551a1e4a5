//! The ban list: bans of peers, addresses and networks, each with a reason, and with an end unless an operator gave
//! none.
//!
//! A banned target is refused when it is dialled and when it connects (an address before the handshake, a peer after
//! it), and its open connections are closed. Static peers are never banned. Loopback, private and link-local addresses
//! are not banned automatically, because many peers may share one. A public address is banned automatically when
//! [`BanList::MAX_PEERS_OF_ADDRESS`] of its peers are banned at once, because new peer ids cost nothing; for at most
//! [`Reputation::ADDRESS_BAN`](super::Reputation::ADDRESS_BAN), and not while a peer without an offence is connected from it.
//!
//! Bound: [`BanList::MAX`] bans; when there are more, the one that ends first is removed.

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

/// Every ban. See the module.
#[derive(Debug, Default)]
pub struct BanList {
    /// Each ban, and when it ends (monotonic).
    bans: BTreeMap<BanTarget, (Duration, Ban)>,
    /// The same targets in the order in which their bans end.
    ends: BTreeSet<(Duration, BanTarget)>,
}

impl BanList {
    /// Maximum number of bans.
    pub const MAX: usize = 4096;
    /// Number of banned peers of one address at which the address is banned.
    pub const MAX_PEERS_OF_ADDRESS: usize = 4;

    /// With the bans that an earlier run persisted; also returns the targets of those that have ended, or that are too
    /// many.
    pub fn restored(now: Now, persisted: impl IntoIterator<Item = (BanTarget, Ban)>) -> (Self, Vec<BanTarget>) {
        let (mut list, mut ended) = (Self::default(), Vec::new());
        for (target, ban) in persisted {
            let left = ban.left(now.secs());
            if !left.is_zero() && list.bans.len() < Self::MAX {
                list.put(target, now.mono.saturating_add(left), ban);
            } else {
                ended.push(target);
            }
        }
        (list, ended)
    }

    /// Adds a ban and returns the targets whose bans were removed because there are too many. `None`, without a change,
    /// when the target already has a ban that ends no earlier or that was as long.
    pub fn ban(&mut self, now: Now, target: BanTarget, ban: Ban) -> Option<Vec<BanTarget>> {
        let ends = now.mono.saturating_add(ban.left(now.secs()));
        if self.bans.get(&target).is_some_and(|(known_end, known)| *known_end >= ends || known.secs >= ban.secs) {
            return None;
        }
        self.put(target, ends, ban);
        let mut evicted = Vec::new();
        while self.bans.len() > Self::MAX
            && let Some((_, first)) = self.ends.first().copied()
        {
            self.lift(first);
            evicted.push(first);
        }
        Some(evicted)
    }

    fn put(&mut self, target: BanTarget, ends: Duration, ban: Ban) {
        self.lift(target);
        self.bans.insert(target, (ends, ban));
        self.ends.insert((ends, target));
    }

    /// Removes a ban; `false` when there is none.
    pub fn lift(&mut self, target: BanTarget) -> bool {
        let removed = self.bans.remove(&target);
        removed.is_some_and(|(ends, _)| self.ends.remove(&(ends, target)))
    }

    /// Removes the bans that have ended at `now` (monotonic), and returns their targets.
    pub fn ended(&mut self, now: Duration) -> Vec<BanTarget> {
        let ended: Vec<BanTarget> =
            self.ends.iter().take_while(|(ends, _)| *ends <= now).map(|(_, target)| *target).collect();
        for target in &ended {
            self.lift(*target);
        }
        ended
    }

    /// When the next ban ends (monotonic).
    pub fn due(&self) -> Option<Duration> {
        self.ends.first().map(|(ends, _)| *ends)
    }

    /// Whether this target is banned.
    pub fn contains(&self, target: BanTarget) -> bool {
        self.bans.contains_key(&target)
    }

    /// The ban of a target.
    pub fn get(&self, target: BanTarget) -> Option<&Ban> {
        self.bans.get(&target).map(|(_, ban)| ban)
    }

    /// Every ban.
    pub fn iter(&self) -> impl Iterator<Item = (BanTarget, &Ban)> {
        self.bans.iter().map(|(target, (_, ban))| (*target, ban))
    }

    /// Whether so many peers of this address are banned that the address must be banned. Always `false` for an address
    /// that is not public.
    pub fn has_too_many_bans(&self, ip: IpAddr) -> bool {
        let address = BanTarget::address(ip);
        let is_at_address = |ban: &Ban| ban.ip.map(BanTarget::address) == Some(address);
        is_public(ip)
            && self.iter().filter(|(who, ban)| matches!(who, BanTarget::Peer(_)) && is_at_address(ban)).count()
                >= Self::MAX_PEERS_OF_ADDRESS
    }
}
