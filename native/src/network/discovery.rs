//! Discovery (discv5): which nodes of this chain there are, and where.
//!
//! A task of its own beside the loop, which it tells whom it found; whether they are dialled the node decides. While there
//! are too few peers it walks to a random place every [`NEEDY`], otherwise every [`EASY`] (op-node's two ticks). Whoever is
//! met on the way is looked at; nodes without an `opstack` entry, of other chains, or without an address are counted and
//! let go. Our own record keeps its number over restarts, in the store.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use discv5::{ConfigBuilder, Discv5, Enr, Event, ListenConfig};
use enr::NodeId;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use libp2p::{Multiaddr, PeerId, identity::Keypair};
use serde::Serialize;
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    time::{Instant, interval, sleep_until},
};

mod bootnode;
mod node_record;
mod pending_bootnodes;

pub use bootnode::{Boot, presets};
pub use node_record::{NotAPeer, Place, entry, ours, peer_id, peer_of, read_entry, signing_key};
use pending_bootnodes::{Unasked, ask};

use crate::{network::nat::Mapped, store::Store};

/// How often there is a walk while there are too few peers (op-node).
pub const NEEDY: Duration = Duration::from_secs(5);
/// How often otherwise (op-node).
pub const EASY: Duration = Duration::from_secs(20);
/// Peers that wait for the loop to take them.
const WAITING: usize = 64;
/// Peers that must agree on where we are until our record says it.
const AGREE: usize = 3;
/// The record's name among the store's notes.
const NOTE: &str = "enr";

/// What discovery is told at its start.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The chain.
    pub chain: u64,
    /// Where to listen: at most one IPv4 and one IPv6 address.
    pub listen: Vec<IpAddr>,
    /// UDP port; `None` takes that of TCP.
    pub udp: Option<u16>,
    /// What others are told of where we are.
    pub advertise: Advertise,
    /// Whom to ask first.
    pub boot: Vec<Boot>,
    /// Whether private and loopback addresses belong to the network: then many nodes share one.
    pub near: bool,
}

/// What others are told of where we are; what is `None` is where we listen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertise {
    /// An IP, or a name.
    pub host: Option<String>,
    /// TCP port.
    pub tcp: Option<u16>,
    /// UDP port.
    pub udp: Option<u16>,
}

/// A peer of this chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Who.
    pub peer: PeerId,
    /// Where, at least one.
    pub addresses: Vec<Multiaddr>,
}

/// Our own record, which others may take for a boot node: `{"event":"record", …}` among the JSON events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "record")]
pub struct OurRecord {
    /// As text, `enr:…`.
    pub record: String,
    /// Its number.
    pub seq: u64,
    /// The UDP port on which discovery listens.
    pub udp: u16,
}

/// What was met, counted since the start, for the log.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Records of peers of this chain.
    ours: u64,
    /// Records of other chains, of other networks than the OP Stack, and malformed ones.
    foreign: u64,
    /// Records of this chain without an address.
    nowhere: u64,
}

/// The task, as the loop sees it; it ends with this.
pub struct Discovery {
    discv5: Arc<Discv5>,
    /// Whether the operator has said where we are.
    is_fixed: bool,
    found: mpsc::Receiver<Found>,
    needy: watch::Sender<bool>,
    /// The TCP port on which the node listens.
    pub tcp: u16,
    /// Our record, as of its start or of the last move.
    pub record: OurRecord,
    /// Where others may dial us, where that is known.
    pub external: Option<Multiaddr>,
}

impl Discovery {
    /// Starts it; `tcp` is the port on which the node listens.
    ///
    /// # Errors
    /// The UDP port is taken, `--p2p.advertise.ip` does not resolve, or the identity is no secp256k1 key.
    pub async fn start(plan: Plan, identity: &Keypair, tcp: u16, store: Store) -> Result<Self, String> {
        let sockets = bind(&plan, tcp).await?;
        let udp = sockets.iter().find_map(|socket| Some(socket.local_addr().ok()?.port())).unwrap_or(tcp);
        let place = place(&plan, tcp, udp).await?;
        let key = signing_key(identity)?;
        let kept = store.note(NOTE).ok().flatten().and_then(|text| String::from_utf8(text).ok()?.parse::<Enr>().ok());
        let local = ours(&key, plan.chain, place, kept.as_ref())?;
        let record = OurRecord { record: local.to_base64(), seq: local.seq(), udp };
        tracing::info!(record = record.record, seq = record.seq, udp, boot = plan.boot.len(), "discovering");
        let mut discv5 = Discv5::new(local, key, config(sockets, plan.near)).map_err(str::to_owned)?;
        discv5.start().await.map_err(|error| error.to_string())?;
        let (tell, found) = mpsc::channel(WAITING);
        let (needy, needs) = watch::channel(true);
        let discv5 = Arc::new(discv5);
        let is_fixed = plan.advertise.host.is_some();
        let walker = Walker {
            discv5: discv5.clone(),
            chain: plan.chain,
            tell,
            needs,
            counts: Counts::default(),
            store,
            kept_seq: 0,
            walking: false,
        };
        tokio::spawn(walker.run(plan.boot));
        let external = place.ip.map(|ip| Multiaddr::from(ip).with(libp2p::multiaddr::Protocol::Tcp(place.tcp)));
        Ok(Self { discv5, is_fixed, found, needy, tcp, record, external })
    }

    /// The next peer of this chain that was met; the same one may come again.
    pub async fn next(&mut self) -> Option<Found> {
        self.found.recv().await
    }

    /// A router forwards ports to us: our record says so from now on, unless `--p2p.advertise.ip` has said where we are.
    /// The new record; `None` when it says the same as before.
    pub fn moved(&mut self, mapped: &Mapped) -> Option<&OurRecord> {
        if self.is_fixed {
            return None;
        }
        let tcp = self.discv5.update_local_enr_socket(SocketAddr::new(mapped.ip, mapped.tcp), true);
        let udp = mapped.udp.is_some_and(|udp| self.discv5.update_local_enr_socket((mapped.ip, udp).into(), false));
        (tcp || udp).then(|| self.renewed("our record says where the router is"))
    }

    /// Peers agree that we are here (TCP): the same, with the same exception. Of our UDP port discv5 has votes of its own,
    /// of [`AGREE`] nodes that it asked itself.
    pub fn seen(&mut self, at: SocketAddr) -> Option<&OurRecord> {
        let changes = !self.is_fixed && self.discv5.update_local_enr_socket(at, true);
        changes.then(|| self.renewed("our record says where peers see us"))
    }

    fn renewed(&mut self, why: &str) -> &OurRecord {
        let local = self.discv5.local_enr();
        self.record = OurRecord { record: local.to_base64(), seq: local.seq(), udp: self.record.udp };
        tracing::info!(record = self.record.record, seq = self.record.seq, "{why}");
        &self.record
    }

    /// Whether the operator has said where we are.
    pub fn is_fixed(&self) -> bool {
        self.is_fixed
    }

    /// Whether there are too few peers.
    pub fn set_needy(&self, needy: bool) {
        self.needy.send_if_modified(|known| std::mem::replace(known, needy) != needy);
    }
}

/// The UDP sockets. A port that was not asked for by number may be another one than TCP's.
async fn bind(plan: &Plan, tcp: u16) -> Result<Vec<UdpSocket>, String> {
    let mut sockets = Vec::new();
    for ip in &plan.listen {
        let port = plan.udp.unwrap_or(tcp);
        let bound = match UdpSocket::bind((*ip, port)).await {
            Err(error) if plan.udp.is_none() && error.kind() == std::io::ErrorKind::AddrInUse => {
                tracing::warn!(port, "the UDP port of this number is taken; discovery takes another");
                UdpSocket::bind((*ip, 0)).await
            }
            bound => bound,
        };
        sockets.push(bound.map_err(|error| format!("--p2p.listen.udp: cannot listen on {ip}:{port}: {error}"))?);
    }
    Ok(sockets)
}

/// What our record says: what is advertised, or where we listen when that is one address.
async fn place(plan: &Plan, tcp: u16, udp: u16) -> Result<Place, String> {
    let Advertise { host, tcp: other_tcp, udp: other_udp } = &plan.advertise;
    let ip = match host {
        Some(host) => Some(resolve(host).await?),
        None => plan.listen.iter().copied().find(|ip| !ip.is_unspecified()),
    };
    Ok(Place { ip, tcp: other_tcp.unwrap_or(tcp), udp: other_udp.unwrap_or(udp) })
}

/// An IP, or the first IPv4 address of a name, as op-node takes it; else its first IPv6 address.
async fn resolve(host: &str) -> Result<IpAddr, String> {
    let wrong = |error: String| format!("--p2p.advertise.ip: {host:?} cannot be resolved: {error}");
    let found = tokio::net::lookup_host((host, 0)).await.map_err(|error| wrong(error.to_string()))?;
    let found: Vec<IpAddr> = found.map(|at| at.ip()).collect();
    let first = found.iter().find(|ip| ip.is_ipv4()).or_else(|| found.first());
    first.copied().ok_or_else(|| wrong("it has no address".to_owned()))
}

fn config(sockets: Vec<UdpSocket>, near: bool) -> discv5::Config {
    let (mut ipv4, mut ipv6) = (None, None);
    for socket in sockets {
        let is_v4 = socket.local_addr().is_ok_and(|at| at.is_ipv4());
        let place = if is_v4 { &mut ipv4 } else { &mut ipv6 };
        *place = Some(Arc::new(socket));
    }
    let mut config = ConfigBuilder::new(ListenConfig::FromSockets { ipv4, ipv6 });
    config.enr_peer_update_min(AGREE);
    if !near {
        // Whoever has many names at one address gets no more of the table for it.
        config.ip_limit().enable_packet_filter();
    }
    config.build()
}

/// The task.
struct Walker {
    discv5: Arc<Discv5>,
    chain: u64,
    tell: mpsc::Sender<Found>,
    needs: watch::Receiver<bool>,
    counts: Counts,
    store: Store,
    /// The number of our record that the store has.
    kept_seq: u64,
    /// Whether a walk is under way: there is one at once.
    walking: bool,
}

/// What ended.
enum Step {
    /// A walk, with those at its end.
    Walked(Vec<Enr>),
    /// A boot node was asked for its record.
    Met(Boot, Result<Enr, String>),
}

type Steps = FuturesUnordered<BoxFuture<'static, Step>>;

impl Walker {
    async fn run(mut self, boot: Vec<Boot>) {
        let Ok(mut events) = self.discv5.event_stream().await else {
            return tracing::error!("discovery has ended; peers are no longer sought");
        };
        self.seed(&boot).await;
        let mut unasked = Unasked::new(boot);
        let mut steps = Steps::new();
        let mut walk = interval(NEEDY);
        walk.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut walked = None::<Instant>;
        loop {
            self.keep_record();
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.take(event).await,
                    None => return tracing::error!("discovery has ended; peers are no longer sought"),
                },
                Some(step) = steps.next() => self.end(step, &mut unasked).await,
                () = sleep_until(unasked.at()), if unasked.is_due() => self.ask(&mut unasked, &steps),
                _ = walk.tick() => {
                    let is_due = *self.needs.borrow() || walked.is_none_or(|at| at.elapsed() >= EASY);
                    if is_due && !self.walking {
                        walked = Some(Instant::now());
                        self.walk(&steps);
                    }
                }
                // The loop has ended.
                () = self.tell.closed() => return,
            }
        }
    }

    /// The boot nodes whose record is known are used before they have answered.
    async fn seed(&mut self, boot: &[Boot]) {
        for boot in boot {
            if let Boot::Record(record) = boot {
                self.meet((**record).clone()).await;
            }
        }
    }

    /// Takes a boot node's record.
    async fn meet(&mut self, record: Enr) {
        self.look_at(&record).await;
        if let Err(error) = self.discv5.add_enr(record) {
            tracing::debug!(%error, "a boot node is not taken into the table");
        }
    }

    /// Asks the boot nodes for their records, all at once.
    fn ask(&self, unasked: &mut Unasked, steps: &Steps) {
        for boot in unasked.take() {
            let discv5 = self.discv5.clone();
            steps.push(Box::pin(async move {
                let record = ask(&discv5, &boot).await;
                Step::Met(boot, record)
            }));
        }
    }

    /// Walks to a random place; whoever is met is told by events, and those at its end by the answer.
    fn walk(&mut self, steps: &Steps) {
        self.walking = true;
        let query = self.discv5.find_node(NodeId::random());
        steps.push(Box::pin(async move {
            Step::Walked(query.await.unwrap_or_else(|error| {
                tracing::debug!(%error, "a walk came to nothing");
                Vec::new()
            }))
        }));
    }

    async fn end(&mut self, step: Step, unasked: &mut Unasked) {
        match step {
            Step::Walked(records) => {
                self.walking = false;
                for record in records {
                    self.look_at(&record).await;
                }
                let Counts { ours, foreign, nowhere } = self.counts;
                tracing::debug!(table = self.discv5.connected_peers(), ours, foreign, nowhere, "walked");
            }
            Step::Met(boot, Ok(record)) => {
                unasked.answered(&boot);
                self.meet(record).await;
            }
            Step::Met(boot, Err(error)) => unasked.failed(boot, &error),
        }
    }

    async fn take(&mut self, event: Event) {
        match event {
            Event::Discovered(record) | Event::SessionEstablished(record, _) => self.look_at(&record).await,
            Event::SocketUpdated(at) => tracing::info!(%at, "peers agree that this is where we are"),
            _ => {}
        }
    }

    async fn look_at(&mut self, record: &Enr) {
        let counter = match peer_of(record, self.chain) {
            Ok((peer, addresses)) => {
                // An error means that the loop has ended.
                let _ended = self.tell.send(Found { peer, addresses }).await;
                &mut self.counts.ours
            }
            Err(NotAPeer::Nowhere) => &mut self.counts.nowhere,
            Err(_) => &mut self.counts.foreign,
        };
        *counter += 1;
    }

    /// Keeps our record when it has changed, so that its number goes on after a restart.
    fn keep_record(&mut self) {
        let record = self.discv5.local_enr();
        if record.seq() != self.kept_seq {
            self.kept_seq = record.seq();
            // Nothing waits for it: a record that is lost with the machine is made anew from the one before it.
            drop(self.store.keep_note(NOTE, record.to_base64().into_bytes()));
        }
    }
}
