//! A ban: its target, its end and its reason.

use core::{fmt, time::Duration};
use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::peer::PeerId;

/// The target of a ban. As text: a peer id, an IP address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BanTarget {
    /// A peer, at any address.
    Peer(PeerId),
    /// An IPv4 address, or the /64 network of an IPv6 address: see [`BanTarget::address`].
    Ip(IpAddr),
    /// A network. Only an operator bans networks.
    Net(IpNet),
}

impl BanTarget {
    /// The target for `ip`: an IPv4 address itself; of an IPv6 address its /64, which belongs to one subscriber.
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

/// Text that is no ban target.
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
    /// When it ends, Unix seconds; `None` when it lasts until an operator lifts it.
    pub until: Option<u64>,
    /// Its length when it began, seconds, so that setting the clock back makes no ban longer. 0 without an end.
    pub secs: u64,
    /// The reason, as text.
    pub reason: String,
    /// The IP address of a banned peer.
    pub ip: Option<IpAddr>,
    /// Whether an operator gave it: no automatic ban takes its place.
    #[serde(default)]
    pub by_operator: bool,
}

impl Ban {
    /// The rest of the ban at `unix` seconds.
    pub fn left(&self, unix: u64) -> Duration {
        self.until.map_or(Duration::MAX, |until| Duration::from_secs(until.saturating_sub(unix).min(self.secs)))
    }
}
