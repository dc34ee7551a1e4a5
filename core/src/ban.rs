//! A ban: who it concerns, until when, and why.

use core::{fmt, time::Duration};
use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::peer::PeerId;

/// Who is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BanTarget {
    /// A peer, wherever it is.
    Peer(PeerId),
    /// An IPv4 address, or of an IPv6 address the /64 that it is in: see [`BanTarget::address`].
    Ip(IpAddr),
    /// A network. Only an operator bans one.
    Net(IpNet),
}

impl BanTarget {
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

impl fmt::Display for BanTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(peer) => peer.fmt(f),
            Self::Ip(ip) => ip.fmt(f),
            Self::Net(net) => net.fmt(f),
        }
    }
}

impl FromStr for BanTarget {
    type Err = NotABanTarget;

    fn from_str(text: &str) -> Result<Self, NotABanTarget> {
        if let Ok(ip) = text.parse() {
            return Ok(Self::address(ip));
        }
        match text.parse::<IpNet>() {
            Ok(net) => Ok(Self::Net(net.trunc())),
            Err(_) => text.parse().map(Self::Peer).map_err(|_| NotABanTarget),
        }
    }
}

/// Text that names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a peer id (16Uiu2HA…) nor an IP address nor a network (10.0.0.0/8)")]
pub struct NotABanTarget;

impl Serialize for BanTarget {
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
