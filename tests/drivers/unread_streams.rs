//! Streams that a peer opens and the node does not read: their number, and so their memory, is limited for each connection.

use std::time::Duration;

use petrel_tests::{muxed_connection::MuxedConnection, process::DEADLINE, sequencer::Sequencer};

/// Far more streams than a node needs, and fewer than Yamux's default of 512.
const STREAMS: usize = 200;

#[tokio::test]
async fn a_tcp_connection_with_too_many_streams_ends() {
    let sequencer = Sequencer::started();
    let opened = async {
        let mut connection = MuxedConnection::connect(&sequencer.address.parse().unwrap()).await.unwrap();
        let mut streams = Vec::new();
        // Each begins a negotiation that never ends.
        while streams.len() < STREAMS
            && let Some(stream) = connection.open(b"\x13").await
        {
            streams.push(stream);
            // The node's answer, which may end the connection, needs a moment on loopback.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        streams.len()
    };
    let opened = tokio::time::timeout(DEADLINE, opened).await.unwrap();
    assert!((8..STREAMS).contains(&opened), "{opened} streams were open at once");
}
