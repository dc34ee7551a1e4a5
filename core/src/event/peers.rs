//! Of peers: who comes and goes, and what became of them.

use std::net::IpAddr;

use serde::Serialize;

#[cfg(doc)]
use super::Event;
use super::version;
use crate::{
    fork::Version,
    peer::PeerId,
    peers::{Subject, Why},
};

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
    /// Why there is no connection to it, in words.
    pub error: String,
}

/// See [`Event::Disconnected`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disconnected {
    /// Who.
    pub peer: PeerId,
    /// Why, in words: ours when we closed the connection, what the transport said otherwise.
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
    #[serde(serialize_with = "version")]
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
    pub who: Subject,
    /// When it ends, Unix seconds; `None` until somebody lifts it.
    pub until: Option<u64>,
    /// Why, in words.
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
    pub who: Subject,
}

/// See [`Event::Tided`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tided {
    /// So many are to stay.
    pub low: usize,
    /// There were more than this.
    pub high: usize,
    /// Who stays, the most useful first.
    pub stay: Vec<Fared>,
    /// Who goes.
    pub gone: Vec<Fared>,
}

/// What became of a peer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fared {
    /// Who.
    pub peer: PeerId,
    /// Why, in words.
    pub why: Why,
}
