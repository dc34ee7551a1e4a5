//! What cannot work, and why: limits of the other side, each seen in its sources, and one choice of Petrel's.

use crate::row::{Check, Direction, Transport, Who};

/// Why there is no such connection, where the other side has no such thing at all.
pub(crate) const fn absent(transport: Transport, who: Who, direction: Direction) -> Option<&'static str> {
    match (who, transport, direction) {
        (Who::Tab, Transport::Tcp | Transport::Quic, _) => {
            Some("a tab has no sockets: WebSocket and WebTransport alone")
        }
        (Who::Tab, _, Direction::Dials) => Some("a tab cannot listen"),
        (Who::Node, Transport::Quic, _) => Some("js-libp2p has no QUIC"),
        (Who::Node, Transport::WebTransport, _) => Some("Node has no WebTransport"),
        _ => None,
    }
}

/// Petrel's own choice.
const LEAF: (&str, &str) = ("Petrel asks nobody who came in as browsers do: they keep no blocks", NOT_ASKED);
/// What the harness says when nobody asked.
pub(crate) const NOT_ASKED: &str = "it was not fetched";

/// Why this must fail when it is tried, and words that the error has.
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
        (_, Transport::WebSocket | Transport::WebTransport, Direction::IsDialled, Check::PetrelAsks) => Some(LEAF),
        (Who::Petrel, Transport::WebSocket | Transport::WebTransport, Direction::Dials, Check::OtherAsks) => Some(LEAF),
        _ => None,
    }
}
