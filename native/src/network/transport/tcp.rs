//! TCP with Yamux, for nodes; also the byte stream below WebSocket.

use std::time::Duration;

use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    multiaddr::Protocol,
    tcp, yamux,
};
use petrel_core::net::Bandwidth;

use super::{names::ResolvingTransport, security::SecurityUpgrade};
use crate::network::config::NetworkConfig;

/// Streams of one connection at most, for both sides. A node has some 14: two each of gossip, identify, ping and AutoNAT, and up
/// to six of requests. Yamux keeps up to 256 KiB of each that nobody reads, so a connection holds at most 6 MiB.
const STREAMS: usize = 24;

/// TCP streams without TCP's delay, whose bytes are counted in `flow`.
pub(super) fn streams(
    timeout: Duration,
    flow: Bandwidth,
) -> impl Transport<
    Output = impl futures::AsyncRead + futures::AsyncWrite + Send + Unpin + 'static,
    Error = std::io::Error,
    ListenerUpgrade = impl Send,
    Dial = impl Send,
> + Send
+ Unpin {
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true));
    ResolvingTransport::new(tcp, is_tcp, timeout).map(move |stream, _| flow.count(stream))
}

pub(super) fn build(
    config: &NetworkConfig,
    upgrade: SecurityUpgrade,
    flow: Bandwidth,
) -> Boxed<(PeerId, StreamMuxerBox)> {
    let secured = streams(config.timeout, flow).upgrade(Version::V1).authenticate(upgrade);
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(STREAMS);
    secured.multiplex(yamux).timeout(config.timeout).boxed()
}

/// An address that has only `/dnsaddr` is resolved by TCP.
fn is_tcp(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Tcp(_) | Protocol::Dnsaddr(_)))
}
