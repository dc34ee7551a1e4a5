//! A row of the table: one connection, and what was tried over it.

use std::time::Duration;

/// How the two are connected.
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

    /// As Petrel's events have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::WebSocket => "ws",
            Self::Quic => "quic",
            Self::WebTransport => "webtransport",
        }
    }

    /// Where to listen on loopback; the system chooses the port.
    pub(crate) const fn anywhere(self) -> &'static str {
        match self {
            Self::Tcp => "/ip4/127.0.0.1/tcp/0",
            Self::WebSocket => "/ip4/127.0.0.1/tcp/0/ws",
            Self::Quic => "/ip4/127.0.0.1/udp/0/quic-v1",
            Self::WebTransport => "/ip4/127.0.0.1/udp/0/quic-v1/webtransport",
        }
    }

    /// Whether it is an address of this transport.
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

/// Who is on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Petrel,
    Go,
    GoNewest,
    Node,
    Tab,
}

impl Who {
    /// All but ourselves.
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

/// What the daemon does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    Dials,
    IsDialled,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::Dials, Self::IsDialled];
}

/// One thing that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Check {
    /// They know each other and the topic that both are on.
    Handshake,
    /// A block that Petrel relays, of this size ([`crate::blocks::SIZES`]).
    FromPetrel(usize),
    /// A block that the other publishes.
    ToPetrel(usize),
    /// Petrel asks the other for a block by its number.
    PetrelAsks,
    /// The other asks Petrel.
    OtherAsks,
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
        Self::PetrelAsks,
        Self::OtherAsks,
    ];
}

/// What came of it: how long it took, or what went wrong.
pub(crate) type Outcome = Result<Duration, String>;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) transport: Transport,
    pub(crate) who: Who,
    pub(crate) direction: Direction,
    /// What was not tried is not here.
    pub(crate) outcomes: Vec<(Check, Outcome)>,
}

impl Row {
    pub(crate) const fn new(transport: Transport, who: Who, direction: Direction) -> Self {
        Self { transport, who, direction, outcomes: Vec::new() }
    }

    /// Notes it, in the place of what was noted before; whether it went well.
    pub(crate) fn note(&mut self, check: Check, outcome: Outcome) -> bool {
        let fine = outcome.is_ok();
        self.outcomes.retain(|(tried, _)| *tried != check);
        self.outcomes.push((check, outcome));
        fine
    }

    /// Nothing could be tried.
    pub(crate) fn wrong(&mut self, why: &str) {
        self.outcomes = vec![(Check::Handshake, Err(why.to_owned()))];
    }

    pub(crate) fn outcome(&self, check: Check) -> Option<&Outcome> {
        self.outcomes.iter().find(|(tried, _)| *tried == check).map(|(_, outcome)| outcome)
    }
}
