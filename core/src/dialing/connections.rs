//! Limits on connections: which inbound peers are refused, and which peers are pruned (see [`ConnectionManager`]).

use std::{collections::BTreeMap, net::IpAddr};

use super::{ConnectionManager, Dialing, DialingOutput, PruneCandidate, PruneDecision, leaf_places};
use crate::{
    address::{is_public, network_of},
    ban::BanTarget,
    context::Context,
    event::{Connected, Direction, DisconnectReason, Event, Pruned, PrunedPeer},
    peer::PeerId,
    peers::Peer,
};

impl Dialing {
    /// A peer connected, inbound or outbound.
    pub(super) fn connected(&mut self, context: &mut Context, connected: &Connected) {
        if connected.leaf {
            return self.leaf_connected(context, connected);
        }
        self.static_peers.connected(connected.peer, context.now.mono);
        self.dialer.connected(connected.peer);
        if let Some(reason) = self.refuses(context, connected) {
            self.outputs.push_back(DialingOutput::Disconnect(connected.peer, reason));
        } else {
            context.store.connected(context.now, connected);
        }
    }

    /// A leaf connected: it must subscribe in time, and when there are too many leaves one of them goes.
    fn leaf_connected(&mut self, context: &Context, connected: &Connected) {
        self.leaf_places.connected(connected.peer, context.now.mono);
        let excess = leaf_places::excess_leaf(&context.peers, connected, self.config.connections.leaves);
        if let Some(leaf) = excess {
            self.outputs.push_back(DialingOutput::Disconnect(leaf, DisconnectReason::FullOfLeaves));
        }
    }

    /// Disconnects leaves whose time to subscribe is over.
    pub(super) fn check_leaves(&mut self, context: &Context) {
        while let Some(overdue) = self.leaf_places.pop_due(&context.peers, context.now.mono) {
            if let Some(leaf) = overdue {
                self.outputs.push_back(DialingOutput::Disconnect(leaf, DisconnectReason::Unsubscribed));
            }
        }
    }

    /// Why a node that has just connected is refused, if it is. Outbound peers are not refused.
    fn refuses(&self, context: &Context, connected: &Connected) -> Option<DisconnectReason> {
        let limits = &self.config.connections;
        if connected.direction == Direction::Outbound || context.static_peers.contains(&connected.peer) {
            return None;
        }
        // The count includes this peer.
        if context.peers.node_count() > limits.most() {
            return Some(DisconnectReason::Full);
        }
        let ip = connected.ip.filter(|ip| is_public(*ip))?;
        let at = |same: &dyn Fn(IpAddr) -> bool| {
            context.peers.nodes().filter_map(|peer| peer.connected.ip).filter(|ip| same(*ip)).count()
        };
        let (address, network) = (BanTarget::address(ip), network_of(ip));
        let is_full = at(&|other| BanTarget::address(other) == address) > ConnectionManager::ADDRESS
            || at(&|other| network_of(other) == network) > ConnectionManager::NETWORK;
        is_full.then_some(DisconnectReason::AddressLimit)
    }

    /// Disconnects the least useful peers when there are too many, and emits which peers stay and why.
    pub(super) fn prune(&mut self, context: &Context, totals: &BTreeMap<PeerId, f64>) {
        let candidates = context.peers.nodes().map(|peer| candidate(context, peer, totals)).collect();
        let decisions = self.manager.prune(context.now.mono, candidates);
        let (stay, gone): (Vec<_>, Vec<_>) = decisions.into_iter().partition(|decision| decision.stays);
        if gone.is_empty() {
            return; // there are not too many, or all of them are in their grace period
        }
        for decision in &gone {
            self.outputs.push_back(DialingOutput::Disconnect(decision.peer, DisconnectReason::Pruned));
        }
        let pruned = |decisions: Vec<PruneDecision>| {
            decisions.into_iter().map(|decision| PrunedPeer { peer: decision.peer, why: decision.why }).collect()
        };
        let (low, high) = (self.config.connections.low, self.config.connections.high);
        self.emit(Event::Pruned(Pruned { low, high, stay: pruned(stay), gone: pruned(gone) }));
    }
}

fn candidate(context: &Context, peer: &Peer, totals: &BTreeMap<PeerId, f64>) -> PruneCandidate {
    let id = peer.connected.peer;
    PruneCandidate {
        peer: id,
        is_static: context.static_peers.contains(&id),
        outbound: peer.connected.direction == Direction::Outbound,
        since: peer.since,
        score: totals.get(&id).copied().unwrap_or_default(),
        useful: context.store.score(context.now.mono, id).useful(),
    }
}
