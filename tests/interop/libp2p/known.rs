//! Checks that cannot work, and why: limits of the other side, each found in its sources, and one decision of Petrel.

use crate::row::{Check, Direction, Transport, Who};

/// Why there is no such connection, because the other side lacks the transport.
pub(crate) const fn absent(transport: Transport, who: Who, direction: Direction) -> Option<&'static str> {
    match (who, transport, direction) {
        (Who::Tab, Transport::Tcp | Transport::Quic, _) => {
            Some("a tab has no sockets, only WebSocket and WebTransport")
        }
        (Who::Tab, _, Direction::Dials) => Some("a tab cannot listen"),
        (Who::Node, Transport::Quic, _) => Some("js-libp2p has no QUIC"),
        (Who::Node, Transport::WebTransport, _) => Some("Node has no WebTransport"),
        _ => None,
    }
}

/// Petrel's own decision.
const LEAF: (&str, &str) = ("Petrel requests no blocks from browsers, which store none", NOT_REQUESTED);
/// The harness' error when no block was requested.
pub(crate) const NOT_REQUESTED: &str = "it was not fetched";

/// Why this check must fail, and a part of its error.
pub(crate) const fn limit(
    transport: Transport,
    who: Who,
    direction: Direction,
    check: Check,
) -> Option<(&'static str, &'static str)> {
    match (who, transport, direction, check) {
        (Who::GoNewest, Transport::WebTransport, Direction::IsDialled, Check::Handshake) => Some((
            "go-libp2p 0.51 dials no WebTransport listener without QUIC's RESET_STREAM_AT, which quinn does not have",
            "reset partial delivery",
        )),
        (Who::Node | Who::Tab, _, _, Check::ToPetrel(3)) => {
            Some(("js-libp2p's gossipsub frames no more than 4 MiB", "length too long"))
        }
        (_, Transport::WebSocket | Transport::WebTransport, Direction::IsDialled, Check::PetrelRequests) => Some(LEAF),
        (Who::Petrel, Transport::WebSocket | Transport::WebTransport, Direction::Dials, Check::OtherRequests) => {
            Some(LEAF)
        }
        _ => None,
    }
}
