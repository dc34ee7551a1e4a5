//! How many peers: above the high tide the least useful go, down to the low tide.
//!
//! op-node's connection manager has the same three numbers and knows nothing of its peers but their age. Here go first those
//! with points against them; then, of the others, those who came in before those whom we chose to dial; then those who
//! brought the fewest new blocks and answers; then those who came last: many new ones from one hand do not crowd out
//! the old ones. Static peers stay, and whoever came a moment ago has its grace, which takes nobody's place: else those who
//! leave and come back all the time would push out everybody else. Leaves are not counted here.
//!
//! Beyond [`Tide::most`] nobody is let in at all, and of one public address or network only [`Tide::ADDRESS`] and
//! [`Tide::NETWORK`]: what would be left of the others would be of one hand.

use core::{fmt, time::Duration};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Serialize, Serializer};

use crate::peer::PeerId;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tide {
    /// So many stay (op-node `--p2p.peers.lo`).
    pub low: usize,
    /// With more than this some go (op-node `--p2p.peers.hi`).
    pub high: usize,
    /// Who has been here for less stays (op-node `--p2p.peers.grace`).
    pub grace: Duration,
    /// Leaves at most; beyond them none is let in (`--p2p.leaves.max`).
    pub leaves: usize,
    /// Bytes of gossip that may wait for all leaves together; beyond them some do not get a block by gossip
    /// (`--p2p.leaves.bytes`). Three hundred blocks of 1.7 MB, as busy chains have them at most.
    pub leaves_bytes: usize,
}

impl Default for Tide {
    fn default() -> Self {
        Self { low: 20, high: 30, grace: Duration::from_secs(30), leaves: 500, leaves_bytes: 512 << 20 }
    }
}

/// What is known of a peer when somebody must go.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Who.
    pub peer: PeerId,
    /// Whether it stays whatever happens.
    pub is_static: bool,
    /// Whether we dialled it.
    pub outbound: bool,
    /// Since when it is here (monotonic).
    pub since: Duration,
    /// Its points in sum.
    pub score: f64,
    /// How many new blocks and answers it brought of late.
    pub useful: f64,
}

/// What becomes of a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Fate {
    /// Who.
    pub peer: PeerId,
    /// Whether it stays.
    pub stays: bool,
    /// Why.
    pub why: Why,
}

/// What a peer's fate is decided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// It is static.
    Static,
    /// It came so many seconds ago.
    Grace(u64),
    /// Its place among the others, the most useful first, and what it has.
    Rank {
        /// From 1.
        place: usize,
        /// Its points in sum.
        score: f64,
        /// Whether we dialled it.
        outbound: bool,
        /// How many new blocks and answers it brought of late.
        useful: f64,
        /// How long it has been here, seconds.
        age: u64,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static => f.write_str("static"),
            Self::Grace(age) => write!(f, "came {age} s ago"),
            Self::Rank { place, score, outbound, useful, age } => {
                let direction = if *outbound { "dialled" } else { "came in" };
                write!(f, "place {place}: score {score:.1}, {direction}, brought {useful:.1}, here for {age} s")
            }
        }
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl Tide {
    /// Peers of one public address that are no leaves.
    pub const ADDRESS: usize = 8;
    /// Peers of one public network (IPv4 /24, IPv6 /48) that are no leaves.
    pub const NETWORK: usize = 16;

    /// Peers at most, leaves not counted.
    pub const fn most(&self) -> usize {
        self.high.saturating_mul(2)
    }

    /// What becomes of each when there are more than the high tide at `now` (monotonic), the most useful first; nothing
    /// otherwise.
    pub fn turn(&self, now: Duration, mut peers: Vec<Standing>) -> Vec<Fate> {
        if peers.len() <= self.high {
            return Vec::new();
        }
        peers.sort_by(|a, b| {
            let against = |standing: &Standing| standing.score.min(0.0);
            against(b)
                .total_cmp(&against(a))
                .then(b.outbound.cmp(&a.outbound))
                .then(b.useful.total_cmp(&a.useful))
                .then(a.since.cmp(&b.since))
                .then(a.peer.cmp(&b.peer))
        });
        let fresh = |standing: &Standing| now.saturating_sub(standing.since) < self.grace;
        let mut room = self.low.saturating_sub(peers.iter().filter(|peer| peer.is_static).count());
        let mut place = 0;
        let mut fates = Vec::new();
        for standing in peers {
            let age = now.saturating_sub(standing.since).as_secs();
            let Standing { peer, score, outbound, useful, .. } = standing;
            let (stays, why) = if standing.is_static {
                (true, Why::Static)
            } else if fresh(&standing) {
                (true, Why::Grace(age))
            } else {
                place += 1;
                let stays = room > 0;
                room = room.saturating_sub(1);
                (stays, Why::Rank { place, score, outbound, useful, age })
            };
            fates.push(Fate { peer, stays, why });
        }
        fates
    }
}

/// The network that an address is in: an IPv4 /24, an IPv6 /48.
pub fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & 0xffff_ff00).into(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => network(ip.into()),
            None => Ipv6Addr::from_bits(ip.to_bits() >> 80 << 80).into(),
        },
    }
}
