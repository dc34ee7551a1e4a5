//! Metrics for Prometheus: op-node's under its names, so that its dashboards and alerts work, and Petrel's own.
//!
//! They are updated by the [`Driver`](petrel_core::net::Driver)'s events and, at a scrape, from its status. No value that
//! a peer chooses becomes a label: each value of a label is a series of its own for the life of the process.

use std::sync::{Arc, Mutex, PoisonError};

use petrel_core::{Event, net::EndedRequest, node::PeerReport};
use prometheus::{Registry, TextEncoder};

mod endpoint;
mod op_node;
mod peer_scores;
mod petrel;
mod registry;

pub use endpoint::{CONNECTIONS, serve};
use op_node::OpNodeMetrics;
pub use peer_scores::{log as log_peer_scores, ticks as peer_score_ticks};
use petrel::PetrelMetrics;

use super::control::NodeSnapshot;
use crate::{network::transport::TrafficCounters, store::StoreUsage};

/// See the module.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    op_node: OpNodeMetrics,
    petrel: PetrelMetrics,
    traffic: TrafficCounters,
    /// One update at a time, or two could raise a counter to the same total twice.
    updating: Mutex<()>,
}

impl Metrics {
    /// All at zero. `traffic` has the transports' counters, `usage` the store's.
    ///
    /// # Errors
    /// Two metrics have one name: a defect.
    pub fn new(traffic: TrafficCounters, usage: Arc<StoreUsage>) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let (op_node, petrel) = (OpNodeMetrics::new(&registry)?, PetrelMetrics::new(&registry, usage)?);
        Ok(Self { registry, op_node, petrel, traffic, updating: Mutex::default() })
    }

    /// Counts an event.
    pub fn on_event(&self, event: &Event) {
        self.op_node.on_event(event);
        self.petrel.on_event(event);
    }

    /// Counts completed requests.
    pub fn on_requests_ended(&self, ended: impl Iterator<Item = EndedRequest>) {
        ended.for_each(|ended| self.op_node.on_request_ended(&ended));
    }

    /// Counts the peers' scores; to be called at each tick of [`peer_score_ticks`].
    pub fn on_peer_scores(&self, peers: &[PeerReport]) {
        self.op_node.on_peer_scores(peers);
    }

    /// All metrics as text, updated from the given status.
    ///
    /// # Errors
    /// A value cannot be encoded: a defect.
    pub fn text(&self, now: &NodeSnapshot) -> Result<String, prometheus::Error> {
        let _guard = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        self.op_node.update(now, &self.traffic);
        self.petrel.update(now, &self.traffic);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
