//! The task: boot nodes, lookups of random node ids, and the records that come in.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use discv5::{Discv5, Enr, Event};
use enr::NodeId;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use libp2p::{Multiaddr, PeerId};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, interval, sleep_until},
};

use super::{
    bootnode::Bootnode,
    node_record::{RecordEndpoint, peer_from_record},
    pending_bootnodes::{PendingBootnodes, request_record},
    record_counts::RecordCounts,
    relay_sessions::{DiscoveredRelay, Sessions},
    votes::Vote,
    voting::Voting,
};
use crate::store::Store;

/// Time between two lookups while there are too few peers (op-node).
const INTERVAL_FEW_PEERS: Duration = Duration::from_secs(5);
/// Time between two lookups otherwise (op-node).
const INTERVAL_ENOUGH_PEERS: Duration = Duration::from_secs(20);
/// The key of our record in the store's table of values.
pub(super) const STORE_KEY: &str = "enr";

/// What the task reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoveryEvent {
    /// A peer of this chain; the same one may come again.
    Peer(DiscoveredPeer),
    /// A peer of this chain that serves browsers; the same one may come again.
    Relay(DiscoveredRelay),
    /// Nodes of enough networks agree on our UDP socket.
    Voted(SocketAddr),
    /// The name in `--p2p.advertise.ip` has this address from now on, with the advertised ports.
    Resolved(RecordEndpoint),
    /// Something that waits to be written into the record may be written.
    RecordDue,
}

/// A peer of this chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveredPeer {
    /// Its peer id.
    pub peer: PeerId,
    /// Its addresses, at least one.
    pub addresses: Vec<Multiaddr>,
}

/// See the module.
pub(super) struct DiscoveryTask {
    discv5: Arc<Discv5>,
    chain: u64,
    events: mpsc::Sender<DiscoveryEvent>,
    needs_peers: watch::Receiver<bool>,
    start: Instant,
    counts: RecordCounts,
    sessions: Sessions,
    store: Store,
    /// The sequence number of our record in the store.
    stored_seq: u64,
    /// Whether a lookup is under way: there is one at a time.
    is_looking_up: bool,
    /// `None` when the operator has given our address.
    voting: Option<Voting>,
}

/// Completes when nodes are to be asked where they see us; pending without voting.
async fn next_round(voting: Option<&Voting>) {
    match voting {
        Some(voting) => sleep_until(voting.next_round()).await,
        None => std::future::pending().await,
    }
}

/// A query that has ended.
enum QueryResult {
    /// A lookup, with the closest nodes.
    LookedUp(Vec<Enr>),
    /// A boot node's record, or why there is none.
    Bootnode(Bootnode, Result<Enr, String>),
    /// Where a node sees us, if it has answered.
    Vote(Option<Vote>),
}

type Queries = FuturesUnordered<BoxFuture<'static, QueryResult>>;

impl DiscoveryTask {
    pub(super) fn new(
        discv5: Arc<Discv5>,
        chain: u64,
        events: mpsc::Sender<DiscoveryEvent>,
        needs_peers: watch::Receiver<bool>,
        store: Store,
        voting: Option<Voting>,
    ) -> Self {
        Self {
            discv5,
            chain,
            events,
            needs_peers,
            start: Instant::now(),
            counts: RecordCounts::default(),
            sessions: Sessions::new(chain),
            store,
            stored_seq: 0,
            is_looking_up: false,
            voting,
        }
    }

    /// Runs until the event loop drops its side.
    pub(super) async fn run(mut self, boot: Vec<Bootnode>) {
        let Ok(mut events) = self.discv5.event_stream().await else {
            return tracing::error!("discovery has ended; no further peers are searched");
        };
        self.add_known_records(&boot).await;
        let mut pending = PendingBootnodes::new(boot);
        let mut queries = Queries::new();
        let mut ticks = interval(INTERVAL_FEW_PEERS);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut last_lookup = None::<Instant>;
        loop {
            self.store_record();
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.on_event(event).await,
                    None => return tracing::error!("discovery has ended; no further peers are searched"),
                },
                Some(result) = queries.next() => self.on_result(result, &mut pending).await,
                () = sleep_until(pending.next_at()), if pending.has_any() => self.ask_bootnodes(&mut pending, &queries),
                () = next_round(self.voting.as_ref()) => self.ask_for_votes(&queries),
                _ = ticks.tick() => {
                    let is_due = *self.needs_peers.borrow()
                        || last_lookup.is_none_or(|at| at.elapsed() >= INTERVAL_ENOUGH_PEERS);
                    if is_due && !self.is_looking_up {
                        last_lookup = Some(Instant::now());
                        self.look_up(&queries);
                    }
                }
                // The event loop has ended.
                () = self.events.closed() => return,
            }
        }
    }

    /// Boot nodes whose record is known are used before they have answered.
    async fn add_known_records(&mut self, boot: &[Bootnode]) {
        for boot in boot {
            if let Bootnode::Record(record) = boot {
                self.add_bootnode((**record).clone()).await;
            }
        }
    }

    async fn add_bootnode(&mut self, record: Enr) {
        self.report(&record).await;
        if let Some(voting) = &mut self.voting {
            voting.add_bootnode(record.node_id());
        }
        if let Err(error) = self.discv5.add_enr(record) {
            tracing::debug!(%error, "a boot node is not added to the table");
        }
    }

    /// Asks all pending boot nodes for their records, at once.
    fn ask_bootnodes(&self, pending: &mut PendingBootnodes, queries: &Queries) {
        for boot in pending.take() {
            let discv5 = self.discv5.clone();
            queries.push(Box::pin(async move {
                let record = request_record(&discv5, &boot).await;
                QueryResult::Bootnode(boot, record)
            }));
        }
    }

    /// Looks up a random node id. Nodes on the way are reported by events, and the closest ones by the result.
    fn look_up(&mut self, queries: &Queries) {
        self.is_looking_up = true;
        let query = self.discv5.find_node(NodeId::random());
        queries.push(Box::pin(async move {
            QueryResult::LookedUp(query.await.unwrap_or_else(|error| {
                tracing::debug!(%error, "a lookup failed");
                Vec::new()
            }))
        }));
    }

    /// Asks nodes where they see us.
    fn ask_for_votes(&mut self, queries: &Queries) {
        for vote in self.voting.iter_mut().flat_map(Voting::ask) {
            queries.push(Box::pin(async move { QueryResult::Vote(vote.await) }));
        }
    }

    async fn on_vote(&mut self, vote: Vote) {
        if let Some(socket) = self.voting.as_mut().and_then(|voting| voting.voted(vote)) {
            tracing::info!(%socket, "discovery's nodes agree on this node's UDP address");
            self.send(DiscoveryEvent::Voted(socket)).await;
        }
    }

    async fn on_result(&mut self, result: QueryResult, pending: &mut PendingBootnodes) {
        match result {
            QueryResult::LookedUp(records) => {
                self.is_looking_up = false;
                for record in records {
                    self.report(&record).await;
                }
                self.log_counts();
            }
            QueryResult::Bootnode(boot, Ok(record)) => {
                pending.answered(&boot);
                self.add_bootnode(record).await;
            }
            QueryResult::Bootnode(boot, Err(error)) => pending.failed(boot, &error),
            QueryResult::Vote(Some(vote)) => self.on_vote(vote).await,
            QueryResult::Vote(None) => {}
        }
    }

    async fn on_event(&mut self, event: Event) {
        match event {
            Event::Discovered(record) => self.report(&record).await,
            Event::SessionEstablished(record, at) => {
                self.sessions.established(&record, at.ip());
                self.report(&record).await;
            }
            _ => {}
        }
    }

    /// Reports the peer of a record, if it is one of this chain, and also as a relay if it is one.
    async fn report(&mut self, record: &Enr) {
        let found = peer_from_record(record, self.chain);
        self.counts.add(&found);
        if let Ok((peer, addresses)) = found {
            self.send(DiscoveryEvent::Peer(DiscoveredPeer { peer, addresses })).await;
        }
        if let Some(relay) = self.sessions.relay(record) {
            self.send(DiscoveryEvent::Relay(relay)).await;
        }
    }

    /// Logs what was found, after a lookup.
    fn log_counts(&mut self) {
        let RecordCounts { ours, foreign, without_address, .. } = self.counts;
        let table = self.discv5.connected_peers();
        tracing::debug!(table, ours, foreign, without_address, "lookup done");
        if let Some((other, records)) = self.counts.warning(self.start.elapsed()) {
            let chain = self.chain;
            tracing::warn!(
                chain,
                other,
                records,
                "discovery finds nodes of other chains, and none of this chain: check --network or --rollup.config"
            );
        }
    }

    async fn send(&self, event: DiscoveryEvent) {
        // An error means that the event loop has ended.
        let _ended = self.events.send(event).await;
    }

    /// Stores our record when it has changed, so that its sequence number continues after a restart.
    fn store_record(&mut self) {
        let record = self.discv5.local_enr();
        if record.seq() != self.stored_seq {
            self.stored_seq = record.seq();
            // Nothing waits for it: a record that is lost in a crash is built again from the one before it.
            drop(self.store.persist_value(STORE_KEY, record.to_base64().into_bytes()));
        }
    }
}
