//! Streams that a peer opens and the node does not read: their number, and so their memory, is limited for each connection.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::AsyncWrite;
use libp2p::{
    Multiaddr, Transport,
    core::{
        Endpoint,
        muxing::{StreamMuxer, StreamMuxerBox, SubstreamBox},
        transport::{DialOpts, PortUse},
        upgrade::Version,
    },
    identity::Keypair,
    noise, tcp, yamux,
};
use petrel_tests::{process::DEADLINE, sequencer::Sequencer};

/// Far more streams than a node needs, and fewer than Yamux's default of 512.
const STREAMS: usize = 200;

/// A connection of an authenticated peer without any protocol.
async fn connect(address: &str) -> StreamMuxerBox {
    let identity = Keypair::generate_secp256k1();
    let mut transport = tcp::tokio::Transport::new(tcp::Config::default())
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(&identity).unwrap())
        .multiplex(yamux::Config::default())
        .boxed();
    let mut address: Multiaddr = address.parse().unwrap();
    address.pop();
    let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    transport.dial(address, options).unwrap().await.unwrap().1
}

/// Drives the connection until `step` is ready; `None` when the connection has ended.
fn drive<T>(
    muxer: &mut StreamMuxerBox,
    context: &mut Context<'_>,
    step: impl FnOnce(&mut StreamMuxerBox, &mut Context<'_>) -> Poll<Option<T>>,
) -> Poll<Option<T>> {
    while let Poll::Ready(inbound) = Pin::new(&mut *muxer).poll_inbound(context) {
        if inbound.is_err() {
            return Poll::Ready(None);
        }
    }
    match Pin::new(&mut *muxer).poll(context) {
        Poll::Ready(Err(_)) => Poll::Ready(None),
        _ => step(muxer, context),
    }
}

/// Opens a stream and begins a negotiation that never ends.
async fn open(muxer: &mut StreamMuxerBox) -> Option<SubstreamBox> {
    let opened =
        |muxer: &mut StreamMuxerBox, context: &mut Context<'_>| Pin::new(muxer).poll_outbound(context).map(Result::ok);
    let mut stream = poll_fn(|context| drive(muxer, context, opened)).await?;
    poll_fn(|context| {
        drive(muxer, context, |_, context| Pin::new(&mut stream).poll_write(context, b"\x13").map(Result::ok))
    })
    .await?;
    poll_fn(|context| drive(muxer, context, |_, context| Pin::new(&mut stream).poll_flush(context).map(Result::ok)))
        .await?;
    Some(stream)
}

#[tokio::test]
async fn a_tcp_connection_with_too_many_streams_ends() {
    let sequencer = Sequencer::started();
    let opened = async {
        let mut muxer = connect(&sequencer.address).await;
        let mut streams = Vec::new();
        while streams.len() < STREAMS
            && let Some(stream) = open(&mut muxer).await
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
