//! A peer without any protocol of its own: a connection on which its owner opens and accepts streams. Received gossip is
//! read and dropped.

use std::time::Duration;

use futures::{AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, Transport,
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    identity::Keypair,
    multiaddr::Protocol,
    noise,
    swarm::{SwarmEvent, dial_opts::DialOpts},
    tcp, websocket, yamux,
};
use libp2p_stream::{Control, IncomingStreams};

const MESHSUB: StreamProtocol = StreamProtocol::new("/meshsub/1.1.0");
/// Timeout of a connection, and of opening a stream.
const TIMEOUT: Duration = Duration::from_secs(12);
/// Time between two attempts to open a stream.
const RETRY: Duration = Duration::from_millis(100);

/// See the module.
pub struct RawPeer {
    swarm: Swarm<libp2p_stream::Behaviour>,
    control: Control,
    target: PeerId,
    public_key: Vec<u8>,
}

impl RawPeer {
    /// Connects with a new identity, over TCP or WebSocket; `None` when that fails.
    ///
    /// # Panics
    /// The address names no peer.
    pub async fn connect(address: &Multiaddr) -> Option<Self> {
        let Some(Protocol::P2p(target)) = address.iter().last() else { panic!("{address} names no peer") };
        let identity = Keypair::generate_secp256k1();
        let public_key = identity.public().encode_protobuf();
        let mut swarm = swarm(address, &identity);
        let mut control = swarm.behaviour().new_control();
        drop_gossip(control.accept(MESHSUB).expect("nobody else accepts it"));
        swarm.dial(DialOpts::peer_id(target).addresses(vec![address.clone()]).build()).ok()?;
        let established = async {
            loop {
                match swarm.select_next_some().await {
                    SwarmEvent::ConnectionEstablished { .. } => return true,
                    SwarmEvent::OutgoingConnectionError { .. } => return false,
                    _ => {}
                }
            }
        };
        let is_established = tokio::time::timeout(TIMEOUT, established).await.unwrap_or(false);
        is_established.then_some(Self { swarm, control, target, public_key })
    }

    /// Its peer id.
    #[must_use]
    pub fn id(&self) -> PeerId {
        *self.swarm.local_peer_id()
    }

    /// Its public key, as protobuf.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Streams of this protocol that the daemon opens.
    ///
    /// # Panics
    /// They are accepted already.
    pub fn accept(&mut self, protocol: StreamProtocol) -> IncomingStreams {
        self.control.accept(protocol).expect("accepted once")
    }

    /// What opens streams, for work beside the connection.
    #[must_use]
    pub fn opener(&self) -> StreamOpener {
        StreamOpener { control: self.control.clone(), target: self.target }
    }

    /// Drives the connection until the work is done, or the connection ends; `true` when it has ended.
    pub async fn run(&mut self, work: impl Future<Output = ()>) -> bool {
        tokio::select! {
            () = work => false,
            () = closed(&mut self.swarm) => true,
        }
    }
}

async fn closed(swarm: &mut Swarm<libp2p_stream::Behaviour>) {
    while !matches!(swarm.select_next_some().await, SwarmEvent::ConnectionClosed { .. }) {}
}

/// Opens streams to the daemon.
#[derive(Clone)]
pub struct StreamOpener {
    control: Control,
    target: PeerId,
}

impl StreamOpener {
    /// A new gossipsub stream.
    pub async fn gossip(&mut self) -> Stream {
        self.open(MESHSUB).await
    }

    /// A new stream of this protocol, as soon as one can be opened.
    pub async fn open(&mut self, protocol: StreamProtocol) -> Stream {
        loop {
            match self.control.open_stream(self.target, protocol.clone()).await {
                Ok(stream) => return stream,
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }

    /// Opens a gossipsub stream, writes these bytes, and keeps the stream open for ever.
    pub async fn write_gossip(&mut self, bytes: &[u8]) {
        let mut stream = self.gossip().await;
        let _ended = stream.write_all(bytes).await;
        let _ended = stream.flush().await;
        std::future::pending::<()>().await;
    }
}

fn drop_gossip(mut incoming: IncomingStreams) {
    tokio::spawn(async move {
        while let Some((_, mut stream)) = incoming.next().await {
            tokio::spawn(async move {
                let _ended = futures::io::copy(&mut stream, &mut futures::io::sink()).await;
            });
        }
    });
}

fn swarm(address: &Multiaddr, identity: &Keypair) -> Swarm<libp2p_stream::Behaviour> {
    let config = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(3600));
    let transport = transport(address, identity);
    Swarm::new(transport, libp2p_stream::Behaviour::new(), identity.public().to_peer_id(), config)
}

fn transport(address: &Multiaddr, identity: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)> {
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true));
    let noise = noise::Config::new(identity).expect("a keypair signs its noise key");
    if address.iter().any(|part| matches!(part, Protocol::Ws(_))) {
        let ws = websocket::Config::new(tcp).upgrade(Version::V1);
        return ws.authenticate(noise).multiplex(yamux::Config::default()).boxed();
    }
    tcp.upgrade(Version::V1).authenticate(noise).multiplex(yamux::Config::default()).boxed()
}
