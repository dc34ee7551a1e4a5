//! Who may not connect: bans of peers and of addresses, each with an end and a reason.
//!
//! What is banned is refused when it is dialled, when it comes in (an address before the handshake, a peer after it), and
//! loses the connections that it has. Static peers are never banned, and neither are loopback, private and link-local
//! addresses by inference: many peers may sit behind them. An address is inferred when [`Gate::CROWD`] of its peers are
//! banned at once: identities cost nothing.
//!
//! Bounds: [`Gate::MAX`] bans; the one that ends first makes room.

use core::{fmt, time::Duration};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::{
    peer::{NotAPeerId, PeerId},
    time::Now,
};

/// Who is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A peer, wherever it is.
    Peer(PeerId),
    /// An IPv4 address, or of an IPv6 address the /64 that it is in: see [`Subject::address`].
    Ip(IpAddr),
}

impl Subject {
    /// The address that stands for `ip`: of IPv6 the /64, which is one subscriber's.
    pub fn address(ip: IpAddr) -> Self {
        Self::Ip(match ip {
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                Some(ip) => IpAddr::V4(ip),
                None => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
            },
            IpAddr::V4(_) => ip,
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(peer) => peer.fmt(f),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = NotAPeerId;

    fn from_str(text: &str) -> Result<Self, NotAPeerId> {
        text.parse().map_or_else(|_| text.parse().map(Self::Peer), |ip| Ok(Self::address(ip)))
    }
}

impl Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// When it ends, Unix seconds.
    pub until: u64,
    /// How long it was when it began, seconds: a clock that was set back makes none longer.
    pub secs: u64,
    /// Why, in words.
    pub reason: String,
    /// Of a peer: where it was.
    pub ip: Option<IpAddr>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Gate {
    /// When each ends (monotonic), and what it is.
    bans: BTreeMap<Subject, (Duration, Ban)>,
    /// The same in the order of their ends.
    ends: BTreeSet<(Duration, Subject)>,
}

impl Gate {
    /// Bans at most.
    pub const MAX: usize = 4096;
    /// So many banned peers of one address ban the address.
    pub const CROWD: usize = 4;

    /// With the bans that an earlier run kept; and those of them that have ended.
    pub fn restored(now: Now, kept: impl IntoIterator<Item = (Subject, Ban)>) -> (Self, Vec<Subject>) {
        let (mut gate, mut ended) = (Self::default(), Vec::new());
        for (subject, ban) in kept {
            let left = ban.until.saturating_sub(now.secs()).min(ban.secs);
            if left > 0 && gate.bans.len() < Self::MAX {
                gate.put(subject, now.mono.saturating_add(Duration::from_secs(left)), ban);
            } else {
                ended.push(subject);
            }
        }
        (gate, ended)
    }

    /// Bans; who makes room for it. A ban that is there and was as long stays as it is, and this is `None`.
    pub fn ban(&mut self, now: Now, subject: Subject, ban: Ban) -> Option<Vec<Subject>> {
        let ends = now.mono.saturating_add(Duration::from_secs(ban.secs));
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

    fn put(&mut self, subject: Subject, ends: Duration, ban: Ban) {
        self.lift(subject);
        self.bans.insert(subject, (ends, ban));
        self.ends.insert((ends, subject));
    }

    /// Lifts a ban; `false` when there is none.
    pub fn lift(&mut self, subject: Subject) -> bool {
        let gone = self.bans.remove(&subject);
        gone.is_some_and(|(ends, _)| self.ends.remove(&(ends, subject)))
    }

    /// The bans that have ended at `now` (monotonic); they are gone.
    pub fn ended(&mut self, now: Duration) -> Vec<Subject> {
        let ended: Vec<Subject> =
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
    pub fn contains(&self, subject: Subject) -> bool {
        self.bans.contains_key(&subject)
    }

    /// Every ban.
    pub fn iter(&self) -> impl Iterator<Item = (Subject, &Ban)> {
        self.bans.iter().map(|(subject, (_, ban))| (*subject, ban))
    }

    /// Whether so many peers of this address are banned that the address is to be.
    pub fn is_crowd(&self, ip: IpAddr) -> bool {
        let here = Subject::address(ip);
        let there = |ban: &Ban| ban.ip.map(Subject::address) == Some(here);
        is_public(ip)
            && self.iter().filter(|(who, ban)| matches!(who, Subject::Peer(_)) && there(ban)).count() >= Self::CROWD
    }
}

/// Whether an address is one host's on the public network, as far as can be told: not loopback, private, link-local,
/// shared by a carrier's customers, or unspecified.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let carrier = first == 100 && (64..128).contains(&second);
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || carrier)
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_public(IpAddr::V4(ip)),
            None => !(ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()),
        },
    }
}
