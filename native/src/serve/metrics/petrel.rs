//! Petrel's own metrics, for which op-node has no name. Each group is a file: [`chain`], [`sync`], [`gossip`], [`peers`],
//! [`signer`], [`process`]. A new metric is a field of its group.

use std::sync::Arc;

use petrel_core::Event;
use prometheus::Registry;

use super::registry::Registrar;
use crate::{network::transport::TrafficCounters, serve::control::NodeSnapshot, store::StoreUsage};

mod chain;
mod gossip;
mod peers;
mod process;
mod signer;
mod sync;

use chain::ChainMetrics;
use gossip::GossipMetrics;
use peers::PeerMetrics;
use process::ProcessMetrics;
use signer::SignerMetrics;
use sync::SyncMetrics;

/// See the module.
#[derive(Debug)]
pub(super) struct PetrelMetrics {
    chain: ChainMetrics,
    sync: SyncMetrics,
    gossip: GossipMetrics,
    peers: PeerMetrics,
    signer: SignerMetrics,
    process: ProcessMetrics,
}

impl PetrelMetrics {
    pub(super) fn new(registry: &Registry, usage: Arc<StoreUsage>) -> Result<Self, prometheus::Error> {
        let register = Registrar { registry, namespace: "petrel" };
        Ok(Self {
            chain: ChainMetrics::new(register)?,
            sync: SyncMetrics::new(register, usage)?,
            gossip: GossipMetrics::new(register)?,
            peers: PeerMetrics::new(register)?,
            signer: SignerMetrics::new(register)?,
            process: ProcessMetrics::new(register)?,
        })
    }

    pub(super) fn on_event(&self, event: &Event) {
        self.chain.on_event(event);
        self.sync.on_event(event);
        self.gossip.on_event(event);
        self.peers.on_event(event);
        self.signer.on_event(event);
        self.process.on_event(event);
    }

    pub(super) fn update(&self, now: &NodeSnapshot, traffic: &TrafficCounters) {
        let status = &now.status;
        self.chain.update(status);
        self.sync.update(status);
        self.gossip.update(status);
        self.peers.update(status);
        self.signer.update(status);
        self.process.update(status, traffic);
    }
}
