//! Metrics for Prometheus: op-node's names, so that dashboards and alerts made for it go on, and our own.
//!
//! They are fed from the [`Driver`](petrel_core::net::Driver)'s events and, when somebody asks, from its status. Nothing that
//! a peer chooses becomes a label: each value of a label would be a series of its own, for as long as the process lives.

use std::sync::{Mutex, PoisonError};

use petrel_core::{Event, net::EndedRequest, node::PeerReport};
use prometheus::{IntCounter, Registry, TextEncoder, core::Collector};

mod endpoint;
mod op_node;
mod peer_scores;
mod petrel;

pub use endpoint::{CONNECTIONS, serve};
use op_node::OpNode;
pub use peer_scores::{log as log_peers, ticks as peer_ticks};
use petrel::Own;

use crate::{network::transport::Traffic, serve::control::service::Snapshot};

/// See the module.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    op_node: OpNode,
    own: Own,
    traffic: Traffic,
    /// One looks at a time: what is counted up to a value must not be counted twice.
    looking: Mutex<()>,
}

impl Metrics {
    /// All at zero. `traffic` is what the transport counts; `holdings` what the store has, where there is one.
    ///
    /// # Errors
    /// Two metrics have one name: a defect.
    pub fn new(traffic: Traffic, holdings: std::sync::Arc<crate::store::Holdings>) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let (op_node, own) = (OpNode::new(&registry)?, Own::new(&registry, holdings)?);
        Ok(Self { registry, op_node, own, traffic, looking: Mutex::default() })
    }

    /// Takes what happened.
    pub fn note(&self, event: &Event) {
        self.op_node.note(event);
        self.own.note(event);
    }

    /// Takes requests that have ended.
    pub fn ended(&self, ended: impl Iterator<Item = EndedRequest>) {
        ended.for_each(|ended| self.op_node.ended(&ended));
    }

    /// Takes the peers' scores; to be told every [`peer_scores::PERIOD`](peer_ticks).
    pub fn scores(&self, peers: &[PeerReport]) {
        self.op_node.scores(peers);
    }

    /// Everything as text, with what the node says of itself now.
    ///
    /// # Errors
    /// A value cannot be told: a defect.
    pub fn text(&self, now: &Snapshot) -> Result<String, prometheus::Error> {
        let _alone = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        self.op_node.look(now, &self.traffic);
        self.own.look(now, &self.traffic);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// Makes a metric known to the registry.
fn add<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: Result<C, prometheus::Error>,
) -> Result<C, prometheus::Error> {
    let made = made?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

/// A counter that somebody else counts.
fn advance(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}
