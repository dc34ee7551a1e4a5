//! The relays as JavaScript gives them: multiaddrs that a browser can dial, each with the relay's peer id at its end.

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{config::StaticPeer, peer::PeerId};

use crate::{
    error::{Error, ErrorCode},
    transport::{self, staggered::LastKinds},
};

/// Whether this is the address of a relay that a browser can dial.
pub(crate) fn can_dial(relay: &str) -> bool {
    peer(relay).is_ok()
}

/// The relays in the order in which they are given, one entry a peer; the addresses of each in the order of their rank.
pub(crate) fn static_peers(relays: &[String]) -> Result<Vec<StaticPeer>, Error> {
    let mut peers: Vec<(PeerId, Vec<(u8, String)>)> = Vec::new();
    let mut mistakes = Vec::new();
    for relay in relays {
        match peer(relay) {
            Ok((peer, rank)) => match peers.iter_mut().find(|(known, _)| *known == peer) {
                Some((_, addresses)) => addresses.push((rank, relay.clone())),
                None => peers.push((peer, vec![(rank, relay.clone())])),
            },
            Err(mistake) => mistakes.push(format!("{relay:?} {mistake}")),
        }
    }
    if !mistakes.is_empty() {
        let remedy = "give relays as /…/udp/PORT/quic-v1/webtransport/certhash/…/p2p/PEER, /dns4/HOST/tcp/PORT/wss/p2p/PEER \
                      or /ip4/ADDRESS/tcp/PORT/ws/p2p/PEER";
        return Err(Error::new(ErrorCode::BadRelay, mistakes.join("; "), remedy));
    }
    let ordered = |mut addresses: Vec<(u8, String)>| {
        addresses.sort_by_key(|(rank, _)| *rank);
        addresses.into_iter().map(|(_, address)| address).collect()
    };
    Ok(peers.into_iter().map(|(peer, addresses)| StaticPeer { peer, addresses: ordered(addresses) }).collect())
}

/// The kind of the first of these addresses of each relay.
pub(crate) fn first_kinds(relays: impl Iterator<Item = String>) -> LastKinds {
    let mut kinds = LastKinds::new();
    for address in relays.filter_map(|relay| relay.parse::<Multiaddr>().ok()) {
        if let (Some(Protocol::P2p(peer)), Some(kind)) = (address.iter().last(), transport::kind(&address)) {
            kinds.entry(peer).or_insert(kind);
        }
    }
    kinds
}

/// The peer id at the end of a relay's address, and the address's [`rank`](transport::rank).
fn peer(relay: &str) -> Result<(PeerId, u8), &'static str> {
    let address: Multiaddr = relay.parse().map_err(|_| "is no multiaddr")?;
    let Some(Protocol::P2p(peer)) = address.iter().last() else {
        return Err("does not end with /p2p/ and the relay's peer id");
    };
    let rank =
        transport::rank(&address).ok_or("is no WebTransport or WebSocket address, and a browser can dial no other")?;
    let peer = PeerId::from_bytes(&peer.to_bytes()).map_err(|_| "has a peer id that is too long")?;
    Ok((peer, rank))
}

#[cfg(test)]
mod tests {
    use super::static_peers;

    const PEER: &str = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";
    const OTHER: &str = "12D3KooWSwjjwmyEMLhEWCDprjd6jj4oTzTHvfYe5mf6d6AkBLS7";

    #[test]
    fn relays_keep_their_order_and_addresses_of_each_are_ordered_by_rank() {
        let hash = "uEiCaDd1Ca1A8IVJ3hsIxIyi11cwxaDKqzVrBkGJbKZU5ng";
        let relays = [
            format!("/ip4/127.0.0.1/tcp/1/ws/p2p/{OTHER}"),
            format!("/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}"),
            format!("/dns4/a.example/tcp/443/tls/ws/p2p/{OTHER}"),
            format!("/ip4/127.0.0.1/udp/1/quic-v1/webtransport/certhash/{hash}/p2p/{OTHER}"),
        ];
        let peers = static_peers(&relays).unwrap();
        assert_eq!(peers.iter().map(|peer| peer.peer.to_string()).collect::<Vec<_>>(), [OTHER, PEER]);
        assert_eq!(peers[0].addresses, [&relays[3], &relays[2], &relays[0]].map(Clone::clone));
    }

    #[test]
    fn every_wrong_relay_is_named() {
        let wrong =
            ["nonsense".to_owned(), "/ip4/127.0.0.1/tcp/1/ws".to_owned(), format!("/ip4/127.0.0.1/tcp/1/p2p/{PEER}")];
        let error = static_peers(&wrong).unwrap_err();
        assert_eq!(error.code, crate::error::ErrorCode::BadRelay);
        assert!(error.message.contains("\"nonsense\" is no multiaddr"), "{error}");
        assert!(error.message.contains("does not end with /p2p/"), "{error}");
        assert!(error.message.contains("is no WebTransport or WebSocket address"), "{error}");
    }
}
