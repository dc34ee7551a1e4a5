//! QUIC, for nodes.

use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, timeout::TransportTimeout},
    },
    identity::Keypair,
    multiaddr::Protocol,
    quic,
};
use petrel_core::net::Bandwidth;

use super::names::ResolvingTransport;
use crate::network::config::NetworkConfig;

/// Streams of one connection at most, for both sides; libp2p's default of 256 is for many protocols.
const STREAMS: u32 = 64;
/// Unread bytes of one stream and of one connection, at most: as WebTransport's.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

pub(super) fn build(identity: &Keypair, network: &NetworkConfig, flow: Bandwidth) -> Boxed<(PeerId, StreamMuxerBox)> {
    let mut config = quic::Config::new(identity);
    config.max_concurrent_stream_limit = STREAMS;
    config.max_stream_data = STREAM_WINDOW;
    config.max_connection_data = CONNECTION_WINDOW;
    config.handshake_timeout = network.timeout;
    let resolving = ResolvingTransport::new(quic::tokio::Transport::new(config), is_quic, network.timeout);
    let counted = resolving.map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(flow.count_streams(muxer))));
    TransportTimeout::new(counted, network.timeout).boxed()
}

fn is_quic(address: &Multiaddr) -> bool {
    let has = |wanted: Protocol<'_>| address.iter().any(|part| part == wanted);
    has(Protocol::QuicV1) && !has(Protocol::WebTransport)
}
