//! Attackers against one daemon, for `long/flood` and `long/soak`. Each runs on a thread of its own and counts what it did.
//!
//! They need a network namespace with the routes of [`addresses`]: the daemon's limits by address and network do not
//! apply to private addresses, so every attacker has a public one.

pub mod addresses;
mod counts;
mod framers;
mod gossip;
mod half_open;
mod identify_pushes;
mod key_mill;
mod leaf_squatters;
mod messages;
mod raw_peer;
mod rpc;
mod slow_headers;
mod subscription_flaps;
mod unlinked_answers;
mod unread_streams;

use std::{
    fs,
    net::Ipv4Addr,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use petrel_core::chain::Chain;

use counts::Counts;
pub use counts::Outcome;
pub use raw_peer::RawPeer;
use rpc::subscription;
pub use unlinked_answers::serve;

/// The latest honest message as on the wire, for replays and for changed copies.
pub type Latest = Arc<Mutex<Vec<u8>>>;

/// The daemon that is attacked.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its chain.
    pub chain: Chain,
    /// Its peer id.
    pub peer: PeerId,
    /// Its port for nodes.
    pub tcp: u16,
    /// Its port for browsers.
    pub ws: u16,
    /// Its QUIC port.
    pub quic: u16,
    /// Its WebTransport port.
    pub webtransport: u16,
    /// The port of its page.
    pub page: u16,
}

impl Target {
    /// Its TCP address, as a peer with the address `source` dials it.
    #[must_use]
    pub fn tcp_from(&self, source: Ipv4Addr) -> Multiaddr {
        Multiaddr::from(addresses::towards(source)).with(Protocol::Tcp(self.tcp)).with(Protocol::P2p(self.peer))
    }

    /// Its WebSocket address, as a browser with the address `source` dials it.
    #[must_use]
    pub fn ws_from(&self, source: Ipv4Addr) -> Multiaddr {
        let address = Multiaddr::from(addresses::towards(source)).with(Protocol::Tcp(self.ws));
        address.with(Protocol::Ws("/".into())).with(Protocol::P2p(self.peer))
    }

    /// The topic of the blocks.
    #[must_use]
    pub fn topic(&self) -> String {
        self.chain.topic(petrel_core::fork::Fork::Jovian.version())
    }
}

/// One attacker.
#[derive(Debug)]
pub struct Attacker {
    name: &'static str,
    counts: Arc<Counts>,
    thread: JoinHandle<()>,
}

impl Attacker {
    /// Starts an attack. It is dropped at the end, wherever it waits.
    fn start<A: Future<Output = ()>>(
        name: &'static str,
        attack: impl FnOnce(Arc<Counts>) -> A + Send + 'static,
    ) -> Self {
        let counts = Arc::new(Counts::default());
        let shared = counts.clone();
        let thread = thread::spawn(move || {
            lower_priority();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = attack(shared.clone()) => {}
                    () = shared.stopped() => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { name, counts, thread }
    }

    /// Ends the attack.
    ///
    /// # Panics
    /// The attack has panicked.
    #[must_use]
    pub fn end(self) -> Outcome {
        self.counts.stop();
        self.thread.join().expect("an attack does not panic");
        self.counts.outcome(self.name)
    }
}

/// Starts one attacker of each kind, and three that send messages of all kinds. `honest` is the address of an honest peer and
/// that of an honest browser, which the framers share.
#[must_use]
pub fn start_all(target: &Target, latest: &Latest, honest: [Ipv4Addr; 2]) -> Vec<Attacker> {
    let mut attackers: Vec<_> = (0..3).map(|seed| gossip::start(seed, target, latest)).collect();
    attackers.extend([
        key_mill::start(target),
        leaf_squatters::start(target),
        half_open::start_streams(target),
        half_open::start_datagrams(target),
        unread_streams::start(target),
        slow_headers::start(target),
        unlinked_answers::start(target),
        subscription_flaps::start(target),
        identify_pushes::start(target),
        framers::start(target, latest, honest),
    ]);
    attackers
}

/// The latest honest message.
fn honest(latest: &Latest) -> Vec<u8> {
    latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Lowers the priority of this thread. Real attackers run on other machines; here they share the daemon's processors.
fn lower_priority() {
    let thread = fs::read_link("/proc/thread-self").ok();
    if let Some(id) = thread.as_deref().and_then(Path::file_name) {
        let _without = Command::new("renice").args(["-n", "19", "-p"]).arg(id).stdout(Stdio::null()).status();
    }
}
