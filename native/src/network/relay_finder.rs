//! Finds other relays of this chain, for browsers that know only this one: reads the signed relay records of daemons that say in
//! their node record that they serve browsers ([`RelayEntry`](super::discovery::RelayEntry)).
//!
//! A relay is found when its record is of this chain, valid, and signed by the key of its node record. Of its addresses those are
//! passed on that are at the node's own IP, or at the name or IP where the record was read, so that nobody can direct browsers to a
//! third party. Node records are of strangers, so the requests are bounded: one at a time, one in [`INTERVAL`], without redirects,
//! of [`fetch::TIMEOUT`] and 64 kB; to public addresses alone, unless the network itself is private; and of each
//! public network to few nodes (see [`candidates`]).

use std::time::Duration;

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

mod candidates;
mod fetch;
mod found;

use candidates::Candidates;
pub use found::FoundRelay;

use super::discovery::DiscoveredRelay;
use crate::system::clock::since_epoch;

/// Between the beginnings of two requests.
const INTERVAL: Duration = Duration::from_secs(2);
/// Discovered relays that wait for the task; further ones are dropped, and discovered again later.
const WAITING: usize = 32;

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
    found::usable(&fetched.document, relay, &fetched.ips, chain, since_epoch())
}

#[cfg(test)]
mod tests;
