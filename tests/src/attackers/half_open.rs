//! Half-open handshakes on every transport: TCP connections without a byte, WebSocket connections that are upgraded and say
//! nothing more, and first packets of QUIC and WebTransport whose answers nobody reads.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use libp2p::{
    Multiaddr, Transport,
    core::{
        Endpoint,
        transport::{DialOpts, PortUse},
    },
    identity::Keypair,
    multiaddr::Protocol,
    quic,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, UdpSocket},
};

use super::{addresses, attacker::Attacker, target::Target};

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(1);
/// Connections without a byte in a round, and rounds for which they stay open.
const STREAMS: usize = 25;
const KEPT: usize = 12;
/// First packets of QUIC and of WebTransport in a round, from each address.
const DATAGRAMS: usize = 5;
/// Time between two datagrams of the same flight, at most.
const FLIGHT: Duration = Duration::from_millis(20);
/// Largest datagram.
const DATAGRAM: usize = 1500;
/// What a browser sends first.
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// The two addresses of the attack.
const SOURCES: [Ipv4Addr; 2] =
    [addresses::source(addresses::Role::HalfOpen, 1), addresses::source(addresses::Role::HalfOpen, 2)];

/// TCP and WebSocket.
pub(super) fn start_streams(target: &Target) -> Attacker {
    let target = target.clone();
    Attacker::start("half-open TCP and WebSocket", async move |counts| {
        let daemon = SOURCES.map(addresses::towards);
        let mut interval = tokio::time::interval(ROUND);
        let mut rounds = std::collections::VecDeque::new();
        loop {
            interval.tick().await;
            let mut open = Vec::new();
            for turn in 0..STREAMS {
                let ip = daemon[turn % daemon.len()];
                if let Ok(stream) = TcpStream::connect((ip, target.tcp)).await {
                    open.push(stream);
                    counts.add("TCP connections without a byte", 1);
                }
                if let Ok(mut stream) = TcpStream::connect((ip, target.ws)).await
                    && stream.write_all(UPGRADE.as_bytes()).await.is_ok()
                {
                    open.push(stream);
                    counts.add("WebSockets without a byte", 1);
                }
            }
            rounds.push_back(open);
            if rounds.len() > KEPT {
                rounds.pop_front();
            }
        }
    })
}

/// QUIC and WebTransport.
pub(super) fn start_datagrams(target: &Target) -> Attacker {
    let target = target.clone();
    Attacker::start("half-open QUIC and WebTransport", async move |counts| {
        let daemon = SOURCES.map(addresses::towards);
        let mut interval = tokio::time::interval(ROUND);
        let open = async || -> io::Result<()> {
            let sender = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
            for ip in daemon.iter().cycle().take(DATAGRAMS * daemon.len()) {
                for packet in first_packets(quic_dial).await? {
                    sender.send_to(&packet, (*ip, target.quic)).await?;
                    counts.add("first packets of QUIC", 1);
                }
                for packet in first_packets(webtransport_dial).await? {
                    sender.send_to(&packet, (*ip, target.webtransport)).await?;
                    counts.add("first packets of WebTransport", 1);
                }
            }
            Ok(())
        };
        loop {
            interval.tick().await;
            open().await.expect("datagrams on loopback");
        }
    })
}

/// The datagrams with which a dial begins, to whom nobody answers.
async fn first_packets(dial: impl AsyncFnOnce(SocketAddr)) -> io::Result<Vec<Vec<u8>>> {
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut dial = std::pin::pin!(dial(sink.local_addr()?));
    let mut packets = Vec::new();
    loop {
        let mut buffer = vec![0; DATAGRAM];
        tokio::select! {
            () = &mut dial, if packets.is_empty() => return Ok(packets),
            received = sink.recv(&mut buffer) => {
                buffer.truncate(received?);
                packets.push(buffer);
            }
            () = tokio::time::sleep(FLIGHT), if !packets.is_empty() => return Ok(packets),
        }
    }
}

async fn quic_dial(sink: SocketAddr) {
    let identity = Keypair::generate_ed25519();
    let mut transport = quic::tokio::Transport::new(quic::Config::new(&identity));
    let address = Multiaddr::from(sink.ip()).with(Protocol::Udp(sink.port())).with(Protocol::QuicV1);
    let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    let _unanswered = transport.dial(address, options).expect("a QUIC address").await;
}

async fn webtransport_dial(sink: SocketAddr) {
    let config = wtransport::ClientConfig::builder().with_bind_default();
    let config = config.with_server_certificate_hashes([wtransport::tls::Sha256Digest::new([0; 32])]).build();
    let endpoint = wtransport::Endpoint::client(config).expect("a UDP socket");
    let url = format!("https://{sink}/.well-known/libp2p-webtransport?type=noise");
    let _unanswered = endpoint.connect(url).await;
}
