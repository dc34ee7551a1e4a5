//! Who may not connect: bans of peers, addresses and networks, each with a reason, and an end or, where an operator says
//! so, none.
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

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{peer::PeerId, time::Now};

/// Who is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A peer, wherever it is.
    Peer(PeerId),
    /// An IPv4 address, or of an IPv6 address the /64 that it is in: see [`Subject::address`].
    Ip(IpAddr),
    /// A network. Only an operator bans one.
    Net(IpNet),
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
            Self::Net(net) => net.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = NotASubject;

    fn from_str(text: &str) -> Result<Self, NotASubject> {
        if let Ok(ip) = text.parse() {
            return Ok(Self::address(ip));
        }
        match text.parse::<IpNet>() {
            Ok(net) => Ok(Self::Net(net.trunc())),
            Err(_) => text.parse().map(Self::Peer).map_err(|_| NotASubject),
        }
    }
}

/// Text that names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a peer id (16Uiu2HA…) nor an IP address nor a network (10.0.0.0/8)")]
pub struct NotASubject;

impl Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// When it ends, Unix seconds; `None` until somebody lifts it.
    pub until: Option<u64>,
    /// How long it was when it began, seconds: a clock that was set back makes none longer. 0 without an end.
    pub secs: u64,
    /// Why, in words.
    pub reason: String,
    /// Of a peer: where it was.
    pub ip: Option<IpAddr>,
}

impl Ban {
    /// What is left of it at `unix` seconds.
    pub fn left(&self, unix: u64) -> Duration {
        self.until.map_or(Duration::MAX, |until| Duration::from_secs(until.saturating_sub(unix).min(self.secs)))
    }
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
    pub fn ban(&mut self, now: Now, subject: Subject, ban: Ban) -> Option<Vec<Subject>> {
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

    /// The ban of somebody.
    pub fn get(&self, subject: Subject) -> Option<&Ban> {
        self.bans.get(&subject).map(|(_, ban)| ban)
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
