//! Discovery (discv5): finds nodes of this chain and their addresses.
//!
//! A separate task ([`task`]) reports the peers that it finds to the event loop; the node decides which of them are dialled. It
//! looks up a random node id every 5 s while there are too few peers, otherwise every 20 s (op-node's two intervals). Nodes
//! without an `opstack` entry, of other chains, or without an address are counted ([`record_counts`]) and ignored. Our own record keeps
//! its sequence number over restarts, in the store; it changes at most once a minute. discv5 itself never changes it: when the operator
//! has given an address nobody votes on it, and otherwise nodes of three networks have to agree ([`votes`]).

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use discv5::{ConfigBuilder, Discv5, Enr, ListenConfig};
use enr::CombinedKey;
use libp2p::{Multiaddr, identity::Keypair};
use petrel_core::config::AddressScope;
use serde::Serialize;
use socket2::{Domain, Socket, Type};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

mod advertised_name;
mod bootnode;
mod config;
mod node_record;
mod pending_bootnodes;
mod record_changes;
mod record_counts;
mod relay_entry;
mod relay_sessions;
mod task;
mod votes;
mod voting;

pub use bootnode::{Bootnode, default_bootnodes};
pub use config::{AdvertisedEndpoint, DiscoveryConfig};
pub use node_record::{
    RecordEndpoint, RecordRejection, build_record, decode_opstack_entry, opstack_entry, peer_from_record, peer_id,
    signing_key,
};
pub use relay_entry::{RelayEntry, is_host_name};
pub use relay_sessions::DiscoveredRelay;
pub use task::{DiscoveredPeer, DiscoveryEvent};

use super::address::RecordUpdate;
use crate::store::Store;
use advertised_name::AdvertisedName;
use record_changes::{IpVersion, RecordChanges};
use task::{DiscoveryTask, STORE_KEY};
use voting::Voting;

/// Events that wait for the event loop.
const EVENTS: usize = 64;

/// Our own record, which others may use as a boot node: `{"event":"record", …}` among the JSON events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "record")]
pub struct LocalNodeRecord {
    /// As text, `enr:…`.
    pub record: String,
    /// Its sequence number.
    pub seq: u64,
    /// The UDP port on which discovery listens.
    pub udp: u16,
}

/// The event loop's side of the task, which ends when this is dropped.
pub struct Discovery {
    discv5: Arc<Discv5>,
    /// Signs the record.
    key: CombinedKey,
    /// Whether the record has the operator's host.
    is_fixed: bool,
    events: mpsc::Receiver<DiscoveryEvent>,
    needs_peers: watch::Sender<bool>,
    /// The TCP port on which the node listens.
    pub tcp: u16,
    /// Our record, as of the start or the last update.
    pub record: LocalNodeRecord,
    /// The address in the record, if it has one.
    pub external: Option<Multiaddr>,
    start: Instant,
    /// What is to be written into the record.
    changes: RecordChanges,
}

impl Discovery {
    /// Starts it; `tcp` is the port on which the node listens.
    ///
    /// # Errors
    /// The UDP port is taken, or the identity is not a secp256k1 key.
    pub async fn start(config: DiscoveryConfig, identity: &Keypair, tcp: u16, store: Store) -> Result<Self, String> {
        let sockets = bind(&config, tcp)?;
        let udp = sockets.iter().find_map(|socket| Some(socket.local_addr().ok()?.port())).unwrap_or(tcp);
        let (endpoint, name) = endpoint(&config, tcp, udp).await;
        let key = signing_key(identity)?;
        let local = build_record(&key, config.chain, endpoint, config.relay.as_ref(), stored_record(&store).as_ref())?;
        let record = LocalNodeRecord { record: local.to_base64(), seq: local.seq(), udp };
        tracing::info!(record = record.record, seq = record.seq, udp, boot = config.boot.len(), "discovery starts");
        let mut discv5 = Discv5::new(local, signing_key(identity)?, discv5_config(sockets, config.private_network))
            .map_err(str::to_owned)?;
        discv5.start().await.map_err(|error| error.to_string())?;
        let (event_sender, events) = mpsc::channel(EVENTS);
        let (needs_peers, needs) = watch::channel(true);
        let discv5 = Arc::new(discv5);
        if let Some(name) = name {
            tokio::spawn(name.watch(endpoint, event_sender.clone()));
        }
        let voting = voting(&config, &discv5);
        let task = DiscoveryTask::new(discv5.clone(), config.chain, event_sender, needs, store, voting);
        tokio::spawn(task.run(config.boot));
        let external = endpoint.ip.map(|ip| Multiaddr::from(ip).with(libp2p::multiaddr::Protocol::Tcp(endpoint.tcp)));
        let is_fixed = config.advertise.host.is_some();
        let (start, changes) = (Instant::now(), RecordChanges::default());
        Ok(Self { discv5, key, is_fixed, events, needs_peers, tcp, record, external, start, changes })
    }

    /// The next event; `None` when the task has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<DiscoveryEvent> {
        let due = self.changes.due().map(|due| self.start + due);
        tokio::select! {
            event = self.events.recv() => event,
            () = sleep_until(due.unwrap_or(self.start)), if due.is_some() => Some(DiscoveryEvent::RecordDue),
        }
    }

    /// Writes our sockets into the record; the new record, or `None` when it had them already, or may not change yet: then
    /// [`DiscoveryEvent::RecordDue`] comes later.
    pub fn update_record(&mut self, update: &RecordUpdate) -> Option<&LocalNodeRecord> {
        self.changes.add(update);
        self.write_due()
    }

    /// Writes what is due into the record; the new record, or `None` when it has not changed.
    pub fn write_due(&mut self) -> Option<&LocalNodeRecord> {
        let now: Duration = self.start.elapsed();
        let change = self.changes.take(now)?;
        let mut has_changed = false;
        for (sockets, is_tcp) in [(change.tcp, true), (change.udp, false)] {
            for socket in sockets {
                has_changed |= self.discv5.update_local_enr_socket(socket, is_tcp);
            }
        }
        has_changed |= change.removed.is_some_and(|version| self.remove_sockets(version));
        if !has_changed {
            return None;
        }
        self.changes.changed(now);
        let local = self.discv5.local_enr();
        self.record = LocalNodeRecord { record: local.to_base64(), seq: local.seq(), udp: self.record.udp };
        tracing::info!(record = self.record.record, seq = self.record.seq, "{}", change.reason);
        Some(&self.record)
    }

    /// Removes what the record has of an IP version; whether there was anything.
    fn remove_sockets(&self, version: IpVersion) -> bool {
        let (record, entries) = (self.discv5.external_enr(), version.entries());
        let mut record = record.write();
        let added = std::iter::empty::<(&str, &[u8])>();
        entries.iter().any(|entry| record.get_raw_rlp(entry).is_some())
            && record.remove_insert(entries.iter(), added, &self.key).is_ok()
    }

    /// Whether the record has the operator's host.
    pub fn is_fixed(&self) -> bool {
        self.is_fixed
    }

    /// Whether there are too few peers.
    pub fn set_needs_peers(&self, needs_peers: bool) {
        self.needs_peers.send_if_modified(|known| std::mem::replace(known, needs_peers) != needs_peers);
    }
}

/// Our record of an earlier run.
fn stored_record(store: &Store) -> Option<Enr> {
    let text = store.value(STORE_KEY).ok().flatten()?;
    String::from_utf8(text).ok()?.parse().ok()
}

/// Binds the UDP sockets. If no port was given and the number of the TCP port is taken, another port is used.
fn bind(config: &DiscoveryConfig, tcp: u16) -> Result<Vec<UdpSocket>, String> {
    let mut sockets = Vec::new();
    for ip in &config.listen {
        let port = config.udp.unwrap_or(tcp);
        let bound = match bind_udp((*ip, port).into()) {
            Err(error) if config.udp.is_none() && error.kind() == io::ErrorKind::AddrInUse => {
                tracing::warn!(port, "the UDP port of this number is taken; discovery uses another one");
                bind_udp((*ip, 0).into())
            }
            bound => bound,
        };
        sockets.push(bound.map_err(|error| format!("--p2p.listen.udp: cannot listen on {ip}:{port}: {error}"))?);
    }
    Ok(sockets)
}

/// An IPv6 socket leaves IPv4 alone: `::` and `0.0.0.0` are two addresses, and no IPv4 node is seen at a mapped address.
fn bind_udp(at: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    UdpSocket::from_std(socket.into())
}

/// What our record says: the advertised address, or the listening address if it is a single one. With the advertised name, if it is
/// a name; its address is missing while it does not resolve.
async fn endpoint(config: &DiscoveryConfig, tcp: u16, udp: u16) -> (RecordEndpoint, Option<AdvertisedName>) {
    let AdvertisedEndpoint { host, tcp: other_tcp, udp: other_udp } = &config.advertise;
    let (ip, name) = match host.as_ref().map(|host| (host, host.parse::<IpAddr>())) {
        Some((_, Ok(ip))) => (Some(ip), None),
        Some((host, Err(_))) => {
            let name = AdvertisedName::resolve(host.clone()).await;
            (name.ip(), Some(name))
        }
        None => (config.listen.iter().copied().find(|ip| !ip.is_unspecified()), None),
    };
    (RecordEndpoint { ip, tcp: other_tcp.unwrap_or(tcp), udp: other_udp.unwrap_or(udp) }, name)
}

/// The votes on our UDP socket; `None` when the operator has given an address.
fn voting(config: &DiscoveryConfig, discv5: &Arc<Discv5>) -> Option<Voting> {
    let scope = if config.private_network { AddressScope::Any } else { AddressScope::Public };
    config.advertise.host.is_none().then(|| Voting::new(discv5.clone(), scope))
}

fn discv5_config(sockets: Vec<UdpSocket>, private_network: bool) -> discv5::Config {
    let (mut ipv4, mut ipv6) = (None, None);
    for socket in sockets {
        let is_v4 = socket.local_addr().is_ok_and(|at| at.is_ipv4());
        let slot = if is_v4 { &mut ipv4 } else { &mut ipv6 };
        *slot = Some(Arc::new(socket));
    }
    let mut config = ConfigBuilder::new(ListenConfig::FromSockets { ipv4, ipv6 });
    // discv5 counts votes of nodes, not of networks, and erases the address for six hours when nobody connects for five minutes.
    config.disable_enr_update().auto_nat_listen_duration(None);
    if !private_network {
        // Many node ids at one IP must not fill the table.
        config.ip_limit().enable_packet_filter();
    }
    config.build()
}

#[cfg(test)]
mod tests {
    use libp2p::identity::secp256k1;
    use petrel_core::chain::Chain;

    use super::*;
    use crate::{
        network::address::{AddressAction, OurAddresses},
        store::StoreBudget,
    };

    /// As when the name of `--p2p.advertise.ip` has another address than before.
    #[tokio::test]
    async fn a_name_that_moves_to_ipv6_leaves_nothing_of_ipv4_in_the_record_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain::preset("op-mainnet").unwrap();
        let (store, _) = Store::open(folder.path(), &chain, StoreBudget::default()).unwrap();
        let advertise = AdvertisedEndpoint { host: Some("192.0.2.1".to_owned()), tcp: None, udp: Some(9223) };
        let config = DiscoveryConfig {
            chain: chain.id,
            listen: vec![[127, 0, 0, 1].into()],
            udp: Some(0),
            advertise,
            boot: Vec::new(),
            private_network: true,
            relay: None,
        };
        let identity: Keypair = secp256k1::Keypair::generate().into();
        let mut discovery = Discovery::start(config, &identity, 9222, store).await.unwrap();
        let mut addresses = OurAddresses::new(Some("relay.example"));
        addresses.discovery_started(discovery.external.clone(), true);
        for ip in ["2001:db8::1", "192.0.2.2"] {
            let ip: IpAddr = ip.parse().unwrap();
            let actions = addresses.resolved(ip, 9222, 9223);
            let update = actions.into_iter().find_map(|action| match action {
                AddressAction::UpdateRecord(update) => Some(update),
                _ => None,
            });
            // The next change is made a minute later.
            discovery.changes = RecordChanges::default();
            let record: Enr = discovery.update_record(&update.unwrap()).unwrap().record.parse().unwrap();
            let v4 = (record.ip4().map(IpAddr::V4), record.tcp4(), record.udp4());
            let v6 = (record.ip6().map(IpAddr::V6), record.tcp6(), record.udp6());
            let (has, lacks) = if ip.is_ipv4() { (v4, v6) } else { (v6, v4) };
            assert_eq!((has, lacks), ((Some(ip), Some(9222), Some(9223)), (None, None, None)));
            assert!(record.verify());
        }
    }

    /// Whatever address is given: discv5's own votes, and its erasing of an address, are off.
    #[tokio::test]
    async fn discv5_never_changes_the_record_itself() {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let config = discv5_config(vec![socket], true);
        assert!(!config.enr_update);
        assert_eq!(config.auto_nat_listen_duration, None);
    }
}
