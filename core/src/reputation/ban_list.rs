//! The ban list: bans of peers, addresses and networks, each with a reason, and with an end unless an operator gave
//! none.
//!
//! A banned target is refused when it is dialled and when it connects (an address before the handshake, a peer after
//! it), and its open connections are closed. Static peers are never banned. Loopback, private and link-local addresses
//! are not banned automatically, because many peers may share one. A public address is banned automatically when
//! [`BanList::MAX_PEERS_OF_ADDRESS`] of its peers are banned at once, because new peer ids cost nothing; for at most
//! [`Reputation::ADDRESS_BAN`](super::Reputation::ADDRESS_BAN), and not while a peer without an offence is connected from it.
//!
//! Bound: [`BanList::MAX`] bans of each class: automatic ones of peers, automatic ones of addresses, and those of an operator. When there
//! are more, the one of the same class that ends first is removed: new peer ids cost nothing, and would otherwise end the bans of
//! addresses, which are shorter, and those of the operator.

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
    /// The targets of each class in the order in which their bans end.
    ends: BTreeMap<BanClass, BTreeSet<(Duration, BanTarget)>>,
}

/// Bans that share a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum BanClass {
    Operator,
    Address,
    Peer,
}

impl BanClass {
    const fn of(target: BanTarget, ban: &Ban) -> Self {
        match target {
            _ if ban.by_operator => Self::Operator,
            BanTarget::Peer(_) => Self::Peer,
            BanTarget::Ip(_) | BanTarget::Net(_) => Self::Address,
        }
    }
}

impl BanList {
    /// Maximum number of bans of a class.
    pub const MAX: usize = 4096;
    /// Number of banned peers of one address at which the address is banned.
    pub const MAX_PEERS_OF_ADDRESS: usize = 4;

    /// With the bans that an earlier run persisted; also returns the targets of those that have ended, or that are too
    /// many.
    pub fn restored(now: Now, persisted: impl IntoIterator<Item = (BanTarget, Ban)>) -> (Self, Vec<BanTarget>) {
        let (mut list, mut ended) = (Self::default(), Vec::new());
        for (target, ban) in persisted {
            let left = ban.left(now.secs());
            if !left.is_zero() && list.count(BanClass::of(target, &ban)) < Self::MAX {
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
        let class = BanClass::of(target, &ban);
        self.put(target, ends, ban);
        let mut evicted = Vec::new();
        while self.count(class) > Self::MAX
            && let Some((_, first)) = self.ends.get(&class).and_then(BTreeSet::first).copied()
        {
            self.lift(first);
            evicted.push(first);
        }
        Some(evicted)
    }

    fn count(&self, class: BanClass) -> usize {
        self.ends.get(&class).map_or(0, BTreeSet::len)
    }

    fn put(&mut self, target: BanTarget, ends: Duration, ban: Ban) {
        self.lift(target);
        self.ends.entry(BanClass::of(target, &ban)).or_default().insert((ends, target));
        self.bans.insert(target, (ends, ban));
    }

    /// Removes a ban; `false` when there is none.
    pub fn lift(&mut self, target: BanTarget) -> bool {
        let Some((ends, ban)) = self.bans.remove(&target) else { return false };
        self.ends.get_mut(&BanClass::of(target, &ban)).is_some_and(|of_class| of_class.remove(&(ends, target)))
    }

    /// Removes the bans that have ended at `now` (monotonic), and returns their targets.
    pub fn ended(&mut self, now: Duration) -> Vec<BanTarget> {
        let ended = self.ends.values().flat_map(|of_class| of_class.iter().take_while(|(ends, _)| *ends <= now));
        let ended: Vec<BanTarget> = ended.map(|(_, target)| *target).collect();
        for target in &ended {
            self.lift(*target);
        }
        ended
    }

    /// When the next ban ends (monotonic).
    pub fn due(&self) -> Option<Duration> {
        self.ends.values().filter_map(|of_class| of_class.first()).map(|(ends, _)| *ends).min()
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
