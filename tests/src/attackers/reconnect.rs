//! An attack that goes on over one connection after the other, each with a new identity.

use std::time::Duration;

use libp2p::Multiaddr;

use super::counts::Counts;
use crate::raw_peer::RawPeer;

/// Time between the end of a connection and the next one.
const RECONNECT: Duration = Duration::from_millis(500);
/// What [`reconnect`] counts.
const ENDED: &str = "connections that ended";
const REFUSED: &str = "connections refused";

/// Connects again and again, and attacks on each connection until the attack ends or the connection does.
pub(super) async fn reconnect(address: &Multiaddr, counts: &Counts, attack: impl AsyncFn(&mut RawPeer)) {
    loop {
        if let Some(mut peer) = RawPeer::connect(address).await {
            counts.connected(peer.id());
            attack(&mut peer).await;
            counts.add(ENDED, 1);
        } else {
            counts.add(REFUSED, 1);
        }
        tokio::time::sleep(RECONNECT).await;
    }
}
