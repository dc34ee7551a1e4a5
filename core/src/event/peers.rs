//! Events about peers: connections, identification, discovery, bans and pruning.

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
    /// The peer.
    pub peer: PeerId,
    /// The remote multiaddr.
    pub address: String,
    /// `tcp`, `quic`, `ws`, `wss`, `webtransport`, `memory`: the last transport part of the address.
    pub transport: &'static str,
    /// Which side dialled.
    pub direction: Direction,
    /// Whether it connected to us as a browser does (leaf): blocks are sent to it and it takes no mesh slot.
    pub leaf: bool,
    /// The remote IP, where the address has one.
    #[serde(skip)]
    pub ip: Option<IpAddr>,
    /// Other addresses of this peer that were dialled before and failed, or had not answered when this one did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
}

/// An address at which a dial failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// The multiaddr.
    pub address: String,
    /// Why the dial failed, as text.
    pub error: String,
}

/// See [`Event::Disconnected`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disconnected {
    /// The peer.
    pub peer: PeerId,
    /// The reason, as text: ours when we closed the connection, otherwise the transport's.
    pub reason: String,
}

/// See [`Event::DialFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DialFailed {
    /// The peer that was dialled.
    pub peer: PeerId,
    /// The transport's errors, one clause for each address.
    pub error: String,
    /// Milliseconds until the next dial.
    pub retry_ms: u64,
}

/// See [`Event::TopicJoined`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TopicChange {
    /// The peer.
    pub peer: PeerId,
    /// The topic by its payload version.
    #[serde(serialize_with = "super::serialize::version")]
    pub version: Version,
}

/// See [`Event::SharedKey`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedKey {
    /// The other node's multiaddr.
    pub address: String,
}

/// See [`Event::Identified`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identified {
    /// The peer.
    pub peer: PeerId,
    /// Its agent version, cut at 128 characters.
    pub agent: String,
    /// Its listen multiaddrs, as it states them.
    #[serde(skip)]
    pub addresses: Vec<String>,
}

/// See [`Event::Observed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenAt {
    /// The multiaddr: IP and TCP port.
    pub address: String,
    /// Whether enough peers agree on it from now on, or no longer do.
    pub agreed: bool,
}

/// See [`Event::Reachable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reachable {
    /// Whether they could dial this node.
    pub reachable: bool,
}

/// See [`Event::Discovered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Discovered {
    /// The peer.
    pub peer: PeerId,
    /// Its first multiaddr that may be dialled.
    pub address: String,
}

/// See [`Event::Graylisted`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Graylisted {
    /// The peer.
    pub peer: PeerId,
    /// gossipsub's score of it.
    pub score: f64,
}

/// See [`Event::Banned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Banned {
    /// A peer, an address or a network.
    pub who: BanTarget,
    /// When the ban ends, Unix seconds; `None` when it lasts until an operator lifts it.
    pub until: Option<u64>,
    /// The reason, as text.
    pub reason: String,
    /// The rule behind it, for metrics.
    #[serde(skip)]
    pub cause: BanCause,
}

/// The rule behind a ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BanCause {
    /// The peer's total score is below the ban threshold.
    Score,
    /// gossipsub's score of the peer is below the graylist threshold.
    Graylist,
    /// The number of banned peers at this address has reached its limit, so the address is banned too.
    AddressLimit,
    /// An operator banned it.
    Operator,
}

impl BanCause {
    /// A label for metrics: lower case, words joined by underscores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Graylist => "graylist",
            Self::AddressLimit => "address_limit",
            Self::Operator => "operator",
        }
    }
}

/// See [`Event::Unbanned`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unbanned {
    /// A peer, an address or a network.
    pub who: BanTarget,
}

/// See [`Event::Pruned`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pruned {
    /// The low watermark: the number of peers to keep.
    pub low: usize,
    /// The high watermark, which was exceeded.
    pub high: usize,
    /// The peers that stay, the most useful first.
    pub stay: Vec<PrunedPeer>,
    /// The peers that are disconnected.
    pub gone: Vec<PrunedPeer>,
}

/// One peer of [`Pruned`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrunedPeer {
    /// The peer.
    pub peer: PeerId,
    /// The reason, as text.
    pub why: PruneReason,
}

/// Why a peer stays or is disconnected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PruneReason {
    /// It is static.
    Static,
    /// It connected so few seconds ago that it is in its grace period.
    Grace(u64),
    /// Its rank among the other peers, the most useful first, and the values that decide it.
    Rank {
        /// The rank, from 1.
        place: usize,
        /// Its total score.
        score: f64,
        /// Whether we dialled it.
        outbound: bool,
        /// How many first deliveries and responses it gave recently (a counter that decays).
        useful: f64,
        /// How long it has been connected, seconds.
        age: u64,
    },
}

impl fmt::Display for PruneReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static => f.write_str("static"),
            Self::Grace(age) => write!(f, "connected {age} s ago"),
            Self::Rank { place, score, outbound, useful, age } => {
                let direction = if *outbound { "outbound" } else { "inbound" };
                write!(f, "rank {place}: score {score:.1}, {direction}, usefulness {useful:.1}, connected for {age} s")
            }
        }
    }
}

impl Serialize for PruneReason {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Why this node closes a peer's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// It sent more messages than may be queued, or sent them too fast: see [`crate::validation::ValidationQueue`].
    Flooding,
    /// It did not read what was sent to it, several times.
    Slow,
    /// It subscribed to a topic a second time on one connection: it has lost our subscriptions, and sends us nothing
    /// any more.
    Resubscribed,
    /// No peer has sent a new block for a long time, and a new connection to this one may help (gossip watchdog).
    IdleTimeout,
    /// Its response to a request cannot come from a correct implementation.
    InvalidResponse,
    /// gossipsub's score of it is below the graylist threshold, so gossipsub ignores everything from it.
    Graylisted,
    /// It is banned.
    Banned,
    /// There are more peers than the high watermark, and others are more useful.
    Pruned,
    /// There are twice as many peers as the high watermark: see
    /// [`ConnectionLimits::most`](crate::config::ConnectionLimits::most).
    Full,
    /// The maximum number of leaves is connected, and others stay: see [`crate::dialing::LeafPlaces`].
    FullOfLeaves,
    /// A leaf that subscribed to no topic of the chain in time.
    Unsubscribed,
    /// Too many peers of its address or network are connected.
    AddressLimit,
}

impl DisconnectReason {
    /// The text in [`crate::event::Disconnected`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flooding => "flooding: it sent more messages than may be queued, or sent them too fast",
            Self::Slow => "slow: it does not read what is sent to it",
            Self::Resubscribed => "resubscribed: it subscribed again on this connection and has lost our subscriptions",
            Self::InvalidResponse => "invalid response: no correct implementation sends it",
            Self::Graylisted => "graylisted: its gossipsub score is below the graylist threshold",
            Self::Banned => "banned: the event `banned` has the reason and the end",
            Self::Pruned => "too many peers: others are more useful, the event `pruned` has the ranking",
            Self::Full => "full: twice as many peers as the high watermark are connected",
            Self::FullOfLeaves => "full: the maximum number of browsers is connected, and its network has the most",
            Self::Unsubscribed => "unsubscribed: it subscribed to no topic of the chain in time",
            Self::AddressLimit => "address limit: too many peers of its address or network are connected",
            Self::IdleTimeout => "idle timeout: no peer sent a new block, and a new connection may help",
        }
    }
}
