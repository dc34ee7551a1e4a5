//! Finds other relays of this chain, for browsers that know only this one: reads the signed relay records of daemons that say in
//! their node record that they serve browsers ([`RelayEntry`](super::discovery::RelayEntry)).
//!
//! A relay is found when its record is of this chain, valid, and signed by the key of its node record. Of its addresses those are
//! passed on that are at the node's own IP, or at the name or IP where the record was read, so that nobody can direct browsers to a
//! third party. Node records are of strangers, so the requests are bounded: one at a time, one in [`INTERVAL`], without redirects,
//! of [`fetch::TIMEOUT`] and [`RelayRecord::MAX`] bytes; to public addresses alone, unless the network itself is private; and of each
//! public network to few nodes (see [`candidates`]).

use std::{net::IpAddr, time::Duration};

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{peer::PeerId, peer_store::PeerStore, relay_record::RelayRecord};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

mod candidates;
mod fetch;

use candidates::Candidates;

use super::{
    browser_address::{ip_of, is_browser_address},
    discovery::DiscoveredRelay,
};
use crate::system::clock::since_epoch;

/// Between the beginnings of two requests.
const INTERVAL: Duration = Duration::from_secs(2);
/// Discovered relays that wait for the task; further ones are dropped, and discovered again later.
const WAITING: usize = 32;

/// A relay whose record was read and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRelay {
    /// Its peer id.
    pub peer: PeerId,
    /// The IP of its node.
    pub ip: IpAddr,
    /// Addresses that browsers can dial, with its peer id: at most one of WebTransport and one of WebSocket, at least one.
    pub addresses: Vec<String>,
}

/// The task; it ends when this is dropped.
#[derive(Debug)]
pub struct RelayFinder {
    discovered: mpsc::Sender<DiscoveredRelay>,
    _task: JoinSet<()>,
}

impl RelayFinder {
    /// Starts it for this chain. `private_network`: relays at private addresses belong to the network. `on_change` gets all found
    /// relays, whenever these have changed.
    pub fn start(
        chain: u64,
        private_network: bool,
        on_change: impl Fn(Vec<FoundRelay>) + Send + Sync + 'static,
    ) -> Self {
        let (discovered, received) = mpsc::channel(WAITING);
        let mut task = JoinSet::new();
        task.spawn(run(chain, private_network, received, on_change));
        Self { discovered, _task: task }
    }

    /// Discovery has found a relay.
    pub fn add(&self, relay: DiscoveredRelay) {
        let _full = self.discovered.try_send(relay);
    }
}

async fn run(
    chain: u64,
    private_network: bool,
    mut discovered: mpsc::Receiver<DiscoveredRelay>,
    on_change: impl Fn(Vec<FoundRelay>) + Send + Sync,
) {
    let start = Instant::now();
    let mut candidates = Candidates::default();
    let mut earliest = start;
    loop {
        let due = candidates.due().map(|due| (start + due).max(earliest));
        tokio::select! {
            relay = discovered.recv() => match relay {
                Some(relay) => candidates.add(relay, start.elapsed()),
                None => return,
            },
            () = sleep_until(due.unwrap_or(start)), if due.is_some() => {
                earliest = Instant::now() + INTERVAL;
                let Some(relay) = candidates.next(start.elapsed()) else { continue };
                let found = find(&relay, chain, private_network).await;
                match &found {
                    Ok(found) => tracing::debug!(peer = %relay.peer, addresses = ?found.addresses, "another relay"),
                    Err(error) => tracing::debug!(peer = %relay.peer, ip = %relay.ip, error, "no record of another relay"),
                }
                if candidates.answered(&relay, start.elapsed(), found.ok()) {
                    on_change(candidates.found());
                }
            }
        }
    }
}

/// Reads and verifies the record of a relay.
///
/// # Errors
/// Why it is not found, as text.
async fn find(relay: &DiscoveredRelay, chain: u64, private_network: bool) -> Result<FoundRelay, String> {
    let fetched = fetch::fetch(relay, private_network).await?;
    usable(&fetched.document, relay, &fetched.ips, chain, since_epoch())
}

/// What is used of a document that was read at these addresses.
fn usable(
    document: &[u8],
    relay: &DiscoveredRelay,
    ips: &[IpAddr],
    chain: u64,
    now: Duration,
) -> Result<FoundRelay, String> {
    let record = RelayRecord::verify(document, chain, now).map_err(|error| error.to_string())?;
    if record.peer != relay.peer.to_string() {
        return Err(format!("it is the record of {}", record.peer));
    }
    let peer = PeerId::from_bytes(&relay.peer.to_bytes()).map_err(|_| "its peer id is too long".to_owned())?;
    let is_own = |address: &Multiaddr| match ip_of(address) {
        Some(ip) => ip == relay.ip || ips.contains(&ip),
        None => name_of(address).is_some_and(|name| relay.entry.host.as_deref() == Some(&*name)),
    };
    let mut addresses = Vec::new();
    for by_webtransport in [true, false] {
        let usable = record.addresses.iter().find(|text| {
            let address =
                text.parse::<Multiaddr>().ok().filter(|address| is_browser_address(address) && is_own(address));
            address.is_some_and(|address| is_webtransport(&address) == by_webtransport)
                && text.len() <= PeerStore::ADDRESS
        });
        addresses.extend(usable.cloned());
    }
    if addresses.is_empty() {
        return Err("its record has no address of its own that browsers can dial".to_owned());
    }
    Ok(FoundRelay { peer, ip: relay.ip, addresses })
}

fn is_webtransport(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::WebTransport)
}

/// The name at the beginning of an address.
fn name_of(address: &Multiaddr) -> Option<String> {
    match address.iter().next()? {
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
