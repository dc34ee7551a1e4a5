//! Of peers: who comes and goes, and what became of them.

use core::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

#[cfg(doc)]
use crate::event::Event;
use crate::{ban::BanTarget, fork::Version, peer::PeerId};

/// Which side opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The peer dialled us.
    Inbound,
    /// We dialled the peer.
    Outbound,
}

/// See [`Event::Connected`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connected {
    /// Who.
    pub peer: PeerId,
    /// The remote multiaddr.
    pub address: String,
    /// `tcp`, `quic`, `ws`, `wss`, `webtransport`, `memory`: the last transport part of the address.
    pub transport: &'static str,
    /// Who dialled.
    pub direction: Direction,
    /// Whether it came in as a browser does: it gets blocks pushed and takes no mesh slot.
    pub leaf: bool,
    /// The remote IP, where the address has one.
    #[serde(skip)]
    pub ip: Option<IpAddr>,
    /// Other addresses of this peer that were dialled first and in vain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
}

/// An address that did not answer as it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// The multiaddr.
    pub address: String,
    /// PruneReason there is no connection to it, in words.
    pub error: String,
}

/// See [`Event::Disconnected`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disconnected {
    /// Who.
    pub peer: PeerId,
    /// PruneReason, in words: ours when we closed the connection, what the transport said otherwise.
    pub reason: String,
}

/// See [`Event::DialFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DialFailed {
    /// Who was dialled.
    pub peer: PeerId,
    /// What the transport said, one clause an address.
    pub error: String,
    /// Milliseconds until the next try.
    pub retry_ms: u64,
}

/// See [`Event::TopicJoined`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TopicChange {
    /// Who.
    pub peer: PeerId,
    /// The topic by its payload version.
    #[serde(serialize_with = "super::serialize::version")]
    pub version: Version,
}

/// See [`Event::SharedKey`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedKey {
    /// Where the other node is.
    pub address: String,
}

/// See [`Event::Identified`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identified {
    /// Who.
    pub peer: PeerId,
    /// Its agent version, cut at 128 characters.
    pub agent: String,
    /// Where it listens, as it says: multiaddrs.
    #[serde(skip)]
    pub addresses: Vec<String>,
}

/// See [`Event::Observed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenAt {
    /// The multiaddr, IP and TCP port.
    pub address: String,
    /// Whether they agree on it from now on, or no longer.
    pub agreed: bool,
}

/// See [`Event::Reachable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reachable {
    /// Whether they could.
    pub reachable: bool,
}

/// See [`Event::Discovered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Discovered {
    /// Who.
    pub peer: PeerId,
    /// Where, as a multiaddr.
    pub address: String,
}

/// See [`Event::Graylisted`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Graylisted {
    /// Who.
    pub peer: PeerId,
    /// gossipsub's score of it.
    pub score: f64,
}

/// See [`Event::Banned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Banned {
    /// A peer, or an address.
    pub who: BanTarget,
    /// When it ends, Unix seconds; `None` until somebody lifts it.
    pub until: Option<u64>,
    /// PruneReason, in words.
    pub reason: String,
    /// The rule, for those who count.
    #[serde(skip)]
    pub cause: BanCause,
}

/// By which rule somebody is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BanCause {
    /// Its points in sum are below the threshold of bans.
    Score,
    /// gossipsub's score of it is below the graylist.
    Graylist,
    /// So many peers of this address are banned that the address is.
    Crowd,
    /// An operator says so.
    Operator,
}

impl BanCause {
    /// As a label: one word in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Graylist => "graylist",
            Self::Crowd => "crowd",
            Self::Operator => "operator",
        }
    }
}

/// See [`Event::Unbanned`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unbanned {
    /// A peer, or an address.
    pub who: BanTarget,
}

/// See [`Event::Pruned`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pruned {
    /// So many are to stay.
    pub low: usize,
    /// There were more than this.
    pub high: usize,
    /// Who stays, the most useful first.
    pub stay: Vec<PrunedPeer>,
    /// Who goes.
    pub gone: Vec<PrunedPeer>,
}

/// What became of a peer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrunedPeer {
    /// Who.
    pub peer: PeerId,
    /// PruneReason, in words.
    pub why: PruneReason,
}

/// What a peer's fate is decided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PruneReason {
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

impl fmt::Display for PruneReason {
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

impl Serialize for PruneReason {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
/// Why a peer loses its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// It sent faster than it may wait: see [`crate::validation::ValidationQueue`].
    Flooding,
    /// It did not take what was sent to it, several times.
    Slow,
    /// It joined a topic a second time: it has forgotten what we told it, and sends us nothing any more.
    Muted,
    /// Nobody has sent anything for long, and it is worth a new connection.
    Silent,
    /// It answered a request with what cannot come from an honest program.
    Lied,
    /// gossipsub's score of it has fallen below the threshold at which nothing of it is heard any more.
    Graylisted,
    /// It is banned.
    Banned,
    /// There are more peers than the high tide, and others are more useful.
    Pruned,
    /// There is room for nobody.
    Full,
    /// There is room for no more leaves.
    FullOfLeaves,
    /// There are too many from where it is.
    Crowded,
}

impl DisconnectReason {
    /// In words, as [`crate::event::Disconnected`] tells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flooding => "flooding: more messages than may wait for their judgement",
            Self::Slow => "slow: it does not take what is sent to it",
            Self::Muted => "muted: it has begun anew on this connection and forgotten our subscriptions",
            Self::Lied => "lied: it answered a request with what is provably false",
            Self::Graylisted => "graylisted: nothing of what it sends is of use",
            Self::Banned => "banned: see the event that says until when and why",
            Self::Pruned => "too many peers: others are more useful, see the event that says how",
            Self::Full => "full: twice as many peers as the high tide are here",
            Self::FullOfLeaves => "full: as many browsers as may be are here",
            Self::Crowded => "crowded: too many peers come from its address or network",
            Self::Silent => "silent: nothing came from anybody, a new connection may help",
        }
    }
}
