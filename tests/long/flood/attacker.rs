//! An attacker: connects, sends as fast as it can, and reconnects with another identity when it is disconnected.

use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use futures::{AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, Transport,
    core::upgrade::Version,
    identity::Keypair,
    multiaddr::Protocol,
    noise,
    swarm::{SwarmEvent, dial_opts::DialOpts},
    tcp, yamux,
};
use libp2p_stream::Control;
use petrel_core::chain::Chain;

use crate::{
    Latest,
    kinds::{self, KINDS},
};

const MESHSUB: StreamProtocol = StreamProtocol::new("/meshsub/1.1.0");
/// Time for which one kind is sent.
const ROUND: Duration = Duration::from_millis(700);
/// Time without an event after which the next identity is used.
const DEADLINE: Duration = Duration::from_secs(12);
/// Time between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(100);

/// Numbers of sent RPCs by kind, and the identities with the times of their first connection.
pub(crate) type Sent = ([u64; KINDS.len()], Vec<(String, Instant)>);

#[derive(Default)]
struct Counts {
    stop: AtomicBool,
    sent: [AtomicU64; KINDS.len()],
    lives: Mutex<Vec<(String, Instant)>>,
    half_open: AtomicU64,
}

/// See the module.
pub(crate) struct Attacker {
    counts: Arc<Counts>,
    thread: JoinHandle<()>,
}

impl Attacker {
    pub(crate) fn start(seed: u64, chain: &Chain, target: &str, latest: &Latest) -> Self {
        let counts = Arc::new(Counts::default());
        let (shared, target, latest, id) = (counts.clone(), target.parse().unwrap(), latest.clone(), chain.id);
        let thread = thread::spawn(move || {
            yield_to_the_daemon();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for life in 0.. {
                    if shared.stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let turn = seed << 48 | life << 24;
                    live((seed + life) as usize, turn, id, &target, &latest, &shared).await;
                }
            });
        });
        Self { counts, thread }
    }

    pub(crate) fn end(self) -> Sent {
        self.counts.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        let sent = std::array::from_fn(|kind| self.counts.sent[kind].load(Ordering::Relaxed));
        let lives = std::mem::take(&mut *self.counts.lives.lock().unwrap());
        (sent, lives)
    }
}

/// Lowers the priority of this thread. Real attackers run on other machines; here they share the daemon's processors.
fn yield_to_the_daemon() {
    let thread = fs::read_link("/proc/thread-self").ok();
    if let Some(id) = thread.as_deref().and_then(Path::file_name) {
        let _without = Command::new("renice").args(["-n", "19", "-p"]).arg(id).stdout(Stdio::null()).status();
    }
}

/// Runs one identity, from its connection until it is disconnected.
async fn live(kind: usize, turn: u64, chain: u64, target: &Multiaddr, latest: &Latest, counts: &Arc<Counts>) {
    let identity = Keypair::generate_secp256k1();
    let Some(Protocol::P2p(peer)) = target.iter().last() else { panic!("{target} names no peer") };
    let mut swarm = swarm(&identity);
    let mut control = swarm.behaviour().new_control();
    // Received gossip is read and dropped.
    let mut incoming = control.accept(MESHSUB).unwrap();
    tokio::spawn(async move {
        while let Some((_, mut stream)) = incoming.next().await {
            tokio::spawn(async move {
                let _gone = futures::io::copy(&mut stream, &mut futures::io::sink()).await;
            });
        }
    });
    swarm.dial(DialOpts::peer_id(peer).addresses(vec![target.clone()]).build()).unwrap();
    let sending = send(control, peer, kind, turn, chain, latest, counts);
    let mut sending = std::pin::pin!(sending);
    let mut is_counted = false;
    loop {
        tokio::select! {
            event = swarm.select_next_some() => match event {
                SwarmEvent::ConnectionEstablished { .. } if !is_counted => {
                    is_counted = true;
                    counts.lives.lock().unwrap().push((identity.public().to_peer_id().to_string(), Instant::now()));
                }
                SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => break,
                _ => {}
            },
            () = &mut sending => break,
            () = tokio::time::sleep(DEADLINE) => break,
        }
    }
    tokio::time::sleep(AGAIN).await;
}

/// Sends one kind after the other until the stream ends.
async fn send(
    mut control: Control,
    peer: PeerId,
    first: usize,
    mut turn: u64,
    chain: u64,
    latest: &Latest,
    counts: &Counts,
) {
    let mut stream = loop {
        match control.open_stream(peer, MESHSUB).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    };
    for kind in first.. {
        let kind = kind % KINDS.len();
        let end = Instant::now() + ROUND;
        while Instant::now() < end {
            turn += 1;
            let rpc = kinds::rpc(kind, chain, turn, latest);
            if counts.stop.load(Ordering::Relaxed) || stream.write_all(&rpc).await.is_err() {
                return;
            }
            counts.sent[kind].fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn swarm(identity: &Keypair) -> Swarm<libp2p_stream::Behaviour> {
    let transport = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(identity).unwrap())
        .multiplex(yamux::Config::default())
        .boxed();
    let config = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(60));
    Swarm::new(transport, libp2p_stream::Behaviour::new(), identity.public().to_peer_id(), config)
}

/// Handshakes that never complete: 50 connections that send nothing, opened again each second.
pub(crate) struct HalfOpen {
    counts: Arc<Counts>,
    thread: JoinHandle<()>,
}

pub(crate) fn half_open(target: &str) -> HalfOpen {
    let target: Multiaddr = target.parse().unwrap();
    let port = target.iter().find_map(|part| if let Protocol::Tcp(port) = part { Some(port) } else { None }).unwrap();
    let counts = Arc::new(Counts::default());
    let shared = counts.clone();
    let thread = thread::spawn(move || {
        while !shared.stop.load(Ordering::Relaxed) {
            let open: Vec<_> = (0..50).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
            shared.half_open.fetch_add(open.len() as u64, Ordering::Relaxed);
            thread::sleep(Duration::from_secs(1));
        }
    });
    HalfOpen { counts, thread }
}

impl HalfOpen {
    pub(crate) fn end(self) -> u64 {
        self.counts.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.counts.half_open.load(Ordering::Relaxed)
    }
}
