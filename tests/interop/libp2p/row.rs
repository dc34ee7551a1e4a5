//! A row of the table: one connection, and the checks made over it.

use std::time::Duration;

/// The transport of the connection.
#[allow(clippy::enum_variant_names, reason = "WebTransport is its name")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transport {
    Tcp,
    WebSocket,
    Quic,
    WebTransport,
}

impl Transport {
    pub(crate) const ALL: [Self; 4] = [Self::Tcp, Self::WebSocket, Self::Quic, Self::WebTransport];

    /// Its name in Petrel's events.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::WebSocket => "ws",
            Self::Quic => "quic",
            Self::WebTransport => "webtransport",
        }
    }

    /// A multiaddr to listen on loopback; the system chooses the port.
    pub(crate) const fn anywhere(self) -> &'static str {
        match self {
            Self::Tcp => "/ip4/127.0.0.1/tcp/0",
            Self::WebSocket => "/ip4/127.0.0.1/tcp/0/ws",
            Self::Quic => "/ip4/127.0.0.1/udp/0/quic-v1",
            Self::WebTransport => "/ip4/127.0.0.1/udp/0/quic-v1/webtransport",
        }
    }

    /// Whether an address is of this transport.
    pub(crate) fn has(self, address: &str) -> bool {
        let (websocket, webtransport) = (address.contains("/ws/"), address.contains("/webtransport/"));
        match self {
            Self::Tcp => address.contains("/tcp/") && !websocket,
            Self::WebSocket => websocket,
            Self::Quic => address.contains("/quic-v1/") && !webtransport,
            Self::WebTransport => webtransport,
        }
    }
}

/// The implementation on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Petrel,
    Go,
    GoNewest,
    Node,
    Tab,
}

impl Who {
    /// All but Petrel.
    pub(crate) const THEIRS: [Self; 4] = [Self::Go, Self::GoNewest, Self::Node, Self::Tab];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Petrel => "Petrel",
            Self::Go => "go-libp2p 0.46.0",
            Self::GoNewest => "go-libp2p 0.51.0",
            Self::Node => "js-libp2p 3.3.11, Node",
            Self::Tab => "js-libp2p 3.3.11, Chromium",
        }
    }
}

/// Whether the daemon dials or is dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    Dials,
    IsDialled,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::Dials, Self::IsDialled];
}

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Check {
    /// Both are connected and have seen the other join the topic.
    Handshake,
    /// A block that Petrel relays, of this size ([`crate::blocks::SIZES`]).
    FromPetrel(usize),
    /// A block that the other publishes.
    ToPetrel(usize),
    /// Petrel requests a block from the other by number.
    PetrelRequests,
    /// The other requests a block from Petrel.
    OtherRequests,
}

impl Check {
    pub(crate) const ALL: [Self; 11] = [
        Self::Handshake,
        Self::FromPetrel(0),
        Self::FromPetrel(1),
        Self::FromPetrel(2),
        Self::FromPetrel(3),
        Self::ToPetrel(0),
        Self::ToPetrel(1),
        Self::ToPetrel(2),
        Self::ToPetrel(3),
        Self::PetrelRequests,
        Self::OtherRequests,
    ];
}

/// The result of a check: how long it took, or the error.
pub(crate) type Outcome = Result<Duration, String>;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) transport: Transport,
    pub(crate) who: Who,
    pub(crate) direction: Direction,
    /// The checks that were made.
    pub(crate) outcomes: Vec<(Check, Outcome)>,
}

impl Row {
    pub(crate) const fn new(transport: Transport, who: Who, direction: Direction) -> Self {
        Self { transport, who, direction, outcomes: Vec::new() }
    }

    /// Sets the outcome of a check; returns whether it succeeded.
    pub(crate) fn note(&mut self, check: Check, outcome: Outcome) -> bool {
        let fine = outcome.is_ok();
        self.outcomes.retain(|(tried, _)| *tried != check);
        self.outcomes.push((check, outcome));
        fine
    }

    /// No check could be made.
    pub(crate) fn wrong(&mut self, why: &str) {
        self.outcomes = vec![(Check::Handshake, Err(why.to_owned()))];
    }

    pub(crate) fn outcome(&self, check: Check) -> Option<&Outcome> {
        self.outcomes.iter().find(|(tried, _)| *tried == check).map(|(_, outcome)| outcome)
    }
}
