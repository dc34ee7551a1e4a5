//! Connections with as many streams as the daemon allows, each with a negotiation that never ends and bytes behind it: they try
//! to make the daemon hold bytes that it does not read.

use std::time::Duration;

use futures::future::join_all;
use libp2p::Multiaddr;

use super::{
    addresses::{Role, source},
    attacker::Attacker,
    counts::Counts,
    target::Target,
};
use crate::muxed_connection::MuxedConnection;

/// Connections at a time, each from a network of its own.
const CONNECTIONS: u8 = 16;
/// Streams that are tried on each: Yamux's default limit.
const STREAMS: usize = 512;
/// Bytes that are written to each: Yamux's default window.
const BYTES: usize = 256 << 10;
/// Time for which a connection is kept, and time until the next one.
const KEPT: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(2);

pub(super) fn start(target: &Target) -> Attacker {
    let target = target.clone();
    Attacker::start("unread streams", async move |counts| {
        join_all(
            (0..CONNECTIONS).map(|network| repeat(target.tcp_from(source(Role::UnreadStreams, network)), &counts)),
        )
        .await;
    })
}

async fn repeat(address: Multiaddr, counts: &Counts) {
    loop {
        if let Some(connection) = MuxedConnection::connect(&address).await {
            let is_kept = fill(connection, counts).await;
            counts.add(if is_kept { "connections kept for 10 s" } else { "connections ended by the daemon" }, 1);
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Opens all streams and keeps them; `false` when the daemon has ended the connection.
async fn fill(mut connection: MuxedConnection, counts: &Counts) -> bool {
    // The length of a protocol's name, and never its end.
    let bytes = vec![0x13; BYTES];
    let mut streams = Vec::new();
    while streams.len() < STREAMS {
        let Some(stream) = connection.open(&bytes).await else { return false };
        streams.push(stream);
        counts.add("streams", 1);
    }
    connection.keep(KEPT).await
}
