//! AutoNAT: a daemon's Driver on loopback, and libp2p's own behaviour on the other side.

use std::{io, net::TcpListener, time::Duration};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm,
    autonat::{Behaviour, Config as Nat, Event as NatEvent, OutboundProbeError, OutboundProbeEvent, ResponseError},
    core::{Transport, upgrade::Version},
    identity::Keypair,
    noise,
    request_response::{self, Codec, Message, ProtocolSupport},
    swarm::{self, NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use petrel_core::{
    Event,
    chain::Chain,
    config::{AddressScope, Config},
    node::Status,
};
use petrel_node::{
    identity::Identity,
    network::NetworkConfig,
    network::{DriverResources, build_driver},
};
use tokio::sync::{mpsc, watch};

const ANYWHERE: &str = "/ip4/127.0.0.1/tcp/0";

/// A daemon's node: its address, its events and its status.
struct Node {
    address: Multiaddr,
    events: mpsc::UnboundedReceiver<Event>,
    status: watch::Receiver<Option<Status>>,
}

impl Node {
    async fn start(reach: AddressScope) -> Self {
        let mut config = Config::new(Chain::preset("op-mainnet").unwrap());
        config.observe_scope = Some(reach);
        let net = NetworkConfig::new(vec![ANYWHERE.parse().unwrap()], "test");
        let mut driver =
            build_driver(&Identity::generate(), config.settle().unwrap(), &net, DriverResources::default()).unwrap();
        let (sender, mut events) = mpsc::unbounded_channel();
        let (show, status) = watch::channel(None);
        tokio::spawn(async move {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            loop {
                tokio::select! {
                    event = driver.next() => if sender.send(event.unwrap()).is_err() { return },
                    _ = look.tick() => show.send_modify(|status| *status = Some(driver.status())),
                }
            }
        });
        let address = loop {
            if let Event::Listening(listening) = events.recv().await.unwrap() {
                break listening.address.parse().unwrap();
            }
        };
        Self { address, events, status }
    }

    /// Waits for a status that `wanted` accepts.
    async fn until(&mut self, wanted: impl Fn(&Status) -> bool) -> Status {
        self.status.wait_for(|status| status.as_ref().is_some_and(&wanted)).await.unwrap().clone().unwrap()
    }
}

/// A peer that listens on loopback and is connected to the node.
async fn peer<B: NetworkBehaviour>(behaviour: impl FnOnce(PeerId) -> B, node: &Node) -> Swarm<B> {
    let key = Keypair::generate_secp256k1();
    let transport = tcp::tokio::Transport::default().upgrade(Version::V1);
    let transport = transport.authenticate(noise::Config::new(&key).unwrap()).multiplex(yamux::Config::default());
    let local = key.public().to_peer_id();
    let config = swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(60));
    let mut swarm = Swarm::new(transport.boxed(), behaviour(local), local, config);
    swarm.listen_on(ANYWHERE.parse().unwrap()).unwrap();
    swarm.dial(node.address.clone()).unwrap();
    swarm
}

/// libp2p's own client and server, with short intervals.
fn fast_behaviour(local: PeerId) -> Behaviour {
    let hurry = Duration::from_millis(200);
    let config = Nat {
        boot_delay: hurry,
        retry_interval: hurry,
        refresh_interval: hurry,
        throttle_server_period: Duration::ZERO,
        only_global_ips: false,
        ..Nat::default()
    };
    Behaviour::new(local, config)
}

/// How often the node reached this peer until it refused five times in a row, which an unfinished dial cannot cause.
async fn reached(swarm: &mut Swarm<Behaviour>) -> usize {
    let (mut reached, mut refused) = (0, 0);
    while refused < 5 {
        let SwarmEvent::Behaviour(NatEvent::OutboundProbe(event)) = swarm.select_next_some().await else { continue };
        match event {
            OutboundProbeEvent::Response { address, .. } => {
                assert!(swarm.listeners().any(|ours| address.to_string().starts_with(&ours.to_string())));
                (reached, refused) = (reached + 1, 0);
            }
            OutboundProbeEvent::Error { error: OutboundProbeError::Response(error), .. } => {
                assert_eq!(error, ResponseError::DialRefused);
                refused += 1;
            }
            _ => {}
        }
    }
    reached
}

#[tokio::test]
async fn each_peer_is_dialled_back_five_times_a_minute_and_all_peers_together_ten_times() {
    let mut node = Node::start(AddressScope::Any).await;
    for expected in [5, 5, 0] {
        let mut swarm = peer(fast_behaviour, &node).await;
        assert_eq!(reached(&mut swarm).await, expected);
        // Connections that were dialled back are closed; only the peer's own connection stays.
        let connections = swarm.network_info().connection_counters().num_established();
        assert_eq!(connections, 1);
    }
    let backs = node.until(|status| status.traffic.dial_backs.refused >= 15).await.traffic.dial_backs;
    assert_eq!((backs.reached, backs.unreached), (10, 0));
}

#[tokio::test]
async fn private_addresses_are_not_dialled_back_on_a_public_network() {
    let node = Node::start(AddressScope::Public).await;
    assert_eq!(reached(&mut peer(fast_behaviour, &node).await).await, 0);
}

#[tokio::test]
async fn a_node_requests_dial_backs_and_reports_its_reachability() {
    let mut node = Node::start(AddressScope::Any).await;
    let mut swarm = peer(|local| Behaviour::new(local, Nat { only_global_ips: false, ..Nat::default() }), &node).await;
    tokio::spawn(async move { while swarm.next().await.is_some() {} });
    let reachable = async {
        loop {
            if let Event::Reachable(found) = node.events.recv().await.unwrap() {
                return found.reachable;
            }
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(120), reachable).await.unwrap());
    assert_eq!(node.until(|status| status.peering.reachable.is_some()).await.peering.reachable, Some(true));
}

/// A codec of AutoNAT's messages as unchanged bytes.
#[derive(Clone, Default)]
struct Bytes;

impl Codec for Bytes {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: Send>(&mut self, _: &StreamProtocol, _: &mut T) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: futures::AsyncRead + Unpin + Send,
    {
        let mut bytes = Vec::new();
        io.take(1024).read_to_end(&mut bytes).await.map(|_| bytes)
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Vec<u8>) -> io::Result<()>
    where
        T: futures::AsyncWrite + Unpin + Send,
    {
        io.write_all(&request).await?;
        io.close().await
    }

    async fn write_response<T: Send>(&mut self, _: &StreamProtocol, _: &mut T, _: Vec<u8>) -> io::Result<()> {
        Ok(())
    }
}

/// A length-delimited protobuf field; with `None` the whole message with its length prefix. Lengths are below 128.
fn field(tag: Option<u8>, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).ok().filter(|length| *length < 128).unwrap();
    [tag.map_or(vec![], |tag| vec![tag << 3 | 2]), vec![length], bytes.to_vec()].concat()
}

#[tokio::test]
async fn an_address_with_a_second_ip_or_a_name_is_not_dialled() {
    let mut node = Node::start(AddressScope::Any).await;
    // The target of the second address.
    let victim = TcpListener::bind(("127.0.0.2", 0)).unwrap();
    victim.set_nonblocking(true).unwrap();
    let port = victim.local_addr().unwrap().port();
    for (count, trick) in
        [format!("/ip4/1.2.3.4/tcp/1/ip4/127.0.0.2/tcp/{port}"), format!("/dns4/localhost/tcp/{port}/ip4/1.2.3.4")]
            .iter()
            .enumerate()
    {
        let raw = |_| {
            let name = StreamProtocol::new("/libp2p/autonat/1.0.0");
            request_response::Behaviour::with_codec(Bytes, [(name, ProtocolSupport::Outbound)], Default::default())
        };
        let mut swarm = peer(raw, &node).await;
        let server = loop {
            if let SwarmEvent::ConnectionEstablished { peer_id, .. } = swarm.select_next_some().await {
                break peer_id;
            }
        };
        let trick: Multiaddr = trick.parse().unwrap();
        let info = [field(Some(1), &swarm.local_peer_id().to_bytes()), field(Some(2), &trick.to_vec())].concat();
        // Type DIAL, with the requesting peer and its address.
        let request = [vec![8, 0], field(Some(2), &field(Some(1), &info))].concat();
        swarm.behaviour_mut().send_request(&server, field(None, &request));
        let answer = loop {
            if let SwarmEvent::Behaviour(event) = swarm.select_next_some().await {
                let request_response::Event::Message { message, .. } = event else { panic!("{event:?}") };
                let Message::Response { response, .. } = message else { continue };
                break response;
            }
        };
        // Status E_DIAL_ERROR.
        assert!(answer.windows(2).any(|two| two == [8, 100]), "{answer:?}");
        let unreached = count as u64 + 1;
        node.until(|status| status.traffic.dial_backs.unreached == unreached).await;
    }
    assert_eq!(victim.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock, "the victim was dialled");
}
