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
<<<<<<< HEAD
        self.chain.update(status);
        self.sync.update(status);
        self.gossip.update(status);
        self.peers.update(status);
        self.signer.update(status);
        self.process.update(status, traffic);
=======
        self.head.set(whole(status.head.map_or(0, |BlockRef { number, .. }| number)));
        self.interval.set(status.interval_ms as f64 / 1e3);
        advance(&self.served, status.served);
        advance(&self.messages, status.validation.messages);
        advance(&self.message_bytes, status.validation.wire_bytes);
        advance(&self.verdicts.with_label_values(&["none"]), status.validation.accepted);
        for (fault, count) in &status.validation.faults {
            advance(&self.verdicts.with_label_values(&[*fault]), *count);
        }
        self.gap.set(whole(status.gap.map_or(0, |(from, to)| to.saturating_sub(from) + 1)));
        self.checks.set(whole(status.validation.tasks as u64));
        self.leaves_waiting.set(whole(status.traffic.leaves.waiting));
        advance(&self.leaves_passed, status.traffic.leaves.passed);
        self.clock_doubt.set(i64::from(status.validation.clock_skew));
        self.sequencer_clock_doubt.set(i64::from(status.validation.sequencer_skew));
        self.reachable.set(status.peering.reachable.map_or(-1, i64::from));
        let backs = status.traffic.dial_backs;
        for (result, count) in [("reached", backs.reached), ("unreached", backs.unreached), ("refused", backs.refused)]
        {
            advance(&self.dial_backs.with_label_values(&[result]), count);
        }
        let [blocks, bytes] = &self.store;
        blocks.set(whole(self.holdings.blocks()));
        bytes.set(whole(self.holdings.bytes()));
        self.look_at_peers(now);
        for (name, flow) in traffic.flows() {
            advance(&self.bytes.with_label_values(&[name, "in"]), flow.read());
            advance(&self.bytes.with_label_values(&[name, "out"]), flow.written());
        }
        for (name, carried) in &status.traffic.protocol_bytes {
            advance(&self.protocol_bytes.with_label_values(&[*name, "in"]), carried.read);
            advance(&self.protocol_bytes.with_label_values(&[*name, "out"]), carried.written);
        }
    }

    fn look_at_peers(&self, now: &Snapshot) {
        self.peers.reset();
        for peer in &now.status.peering.peers {
            let direction = match peer.connected.direction {
                Direction::Inbound => "inbound",
                Direction::Outbound => "outbound",
            };
            self.peers.with_label_values(&[peer.connected.transport, direction]).inc();
        }
        let kind = |who: &BanTarget| match who {
            BanTarget::Peer(_) => "peer",
            BanTarget::Ip(_) => "ip",
            BanTarget::Net(_) => "net",
        };
        for name in ["peer", "ip", "net"] {
            let count = now.status.peering.bans.iter().filter(|ban| kind(&ban.who) == name).count();
            self.bans.with_label_values(&[name]).set(whole(count as u64));
        }
>>>>>>> wip-prose
    }
}
