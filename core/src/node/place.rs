//! Where this node is: see [`Observed`](crate::peers::Observed).

use core::net::{IpAddr, SocketAddr};

use super::Node;
use crate::{
    event::{Event, SeenAt},
    peer::PeerId,
    peers::{Moved, address},
};

impl Node {
    /// A peer says at which multiaddr it sees us.
    pub(super) fn seen_at(&mut self, peer: PeerId, seen: Option<&str>) {
        let (Some(reach), Some(at)) = (self.config.place, self.peers.ip(peer)) else { return };
        let Some((ip, port)) = seen.and_then(address::tcp).filter(|_| !self.peers.is_leaf(peer)) else { return };
        let moved = self.observed.heard(reach, peer, at, SocketAddr::new(ip, port));
        self.moved_to(moved);
    }

    /// Tells where we no longer are, and where we are.
    pub(super) fn moved_to(&mut self, moved: Option<Moved>) {
        let Some(Moved { from, to }) = moved else { return };
        for (place, agreed) in [(from, false), (to, true)] {
            if let Some(place) = place {
                self.tell(Event::Observed(SeenAt { address: multiaddr(place), agreed }));
            }
        }
    }
}

/// As a multiaddr.
pub(super) fn multiaddr(place: SocketAddr) -> String {
    let kind = if matches!(place.ip(), IpAddr::V4(_)) { "ip4" } else { "ip6" };
    format!("/{kind}/{}/tcp/{}", place.ip(), place.port())
}
