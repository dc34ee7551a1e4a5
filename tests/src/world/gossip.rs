//! Gossip in a simulated network: over every link, or through a modelled mesh; and the addresses of the nodes.

use core::time::Duration;
use std::{collections::BTreeSet, net::IpAddr};

use petrel_core::{
    Event, Input,
    fault::Acceptance,
    fork::Version,
    message::{Message, MessageId},
    peer::PeerId,
};

use super::{
    Pending, Traffic, World,
    router::{BEAT, Control},
};

impl World {
    /// From now on gossip uses a modelled mesh, and each node gets its peers' scores once a second.
    pub fn mesh(&mut self) {
        self.meshed = true;
        for index in 0..self.members.len() {
            self.plan(Duration::from_millis(100 + index as u64 * 7 % 500), index, Pending::Beat);
        }
    }

    /// From now on no IHAVE is sent, and so no IWANT: to show that a comparison detects their absence.
    pub fn stop_offers(&mut self) {
        self.members.iter_mut().for_each(|member| member.router.stop_offers());
    }

    /// Sets the address of a node, as nodes see it that are linked from now on.
    pub fn at(&mut self, index: usize, ip: IpAddr) {
        self.members[index].ip = Some(ip);
    }

    /// The node sends no gossip from now on.
    pub fn receive_only(&mut self, index: usize) {
        self.members[index].receive_only = true;
    }

    /// The nodes with which a node is linked.
    pub fn links(&self, index: usize) -> &BTreeSet<usize> {
        &self.members[index].links
    }

    /// The nodes to which a node has sent a block or a response, linked or not.
    pub fn sent_to(&self, index: usize) -> &BTreeSet<usize> {
        &self.members[index].sent_to
    }

    /// The events that a node has emitted, each with its time (monotonic).
    pub fn events_with_times(&self, index: usize) -> impl Iterator<Item = (Duration, &Event)> {
        self.members[index].emitted_at.iter().copied().zip(&self.members[index].events)
    }

    /// The gossip that a node has sent and received.
    pub fn traffic(&self, index: usize) -> Traffic {
        self.members[index].traffic
    }

    /// A node sends a message to all its peers, without validation and without the mesh.
    pub fn send_to_all(&mut self, index: usize, version: Version, message: &Message) {
        for to in self.members[index].links.clone() {
            self.send(index, to, version, message);
        }
    }

    pub(super) fn send(&mut self, from: usize, to: usize, version: Version, message: &Message) {
        self.members[from].sent_to.insert(to);
        let sent = &mut self.members[from].traffic.sent;
        *sent = (sent.0 + 1, sent.1 + message.wire as u64);
        if self.random.percent(self.conditions.loss) {
            return;
        }
        let copies = 1 + u64::from(self.random.percent(self.conditions.duplication));
        for _ in 0..copies {
            let latency = self.latency();
            self.plan(latency, to, Pending::Arrives { from, version, message: message.clone() });
        }
    }

    pub(super) fn arrives(&mut self, index: usize, from: usize, version: Version, message: Message) {
        let (now, meshed) = (self.now.mono, self.meshed);
        let member = &mut self.members[index];
        let is_ignored = member.receive_only || (meshed && member.router.graylists(from, now));
        if is_ignored || !member.links.contains(&from) {
            return;
        }
        let received = &mut member.traffic.received;
        *received = (received.0 + 1, received.1 + message.wire as u64);
        let id = message.id(&self.chain.topic(version));
        if !member.known.insert(id) {
            return;
        }
        member.undecided.insert(id, (version, message.clone()));
        self.give(index, Input::Gossiped { peer: Self::peer(from), id, version, message });
    }

    pub(super) fn reported(&mut self, index: usize, id: MessageId, peer: PeerId, acceptance: Acceptance) {
        let Some((version, message)) = self.members[index].undecided.remove(&id) else { return };
        match (acceptance, self.member(peer)) {
            (Acceptance::Accept, _) => self.forward(index, Some(peer), id, version, &message),
            (Acceptance::Charge, Some(from)) => self.members[index].router.charge(from, self.now.mono),
            _ => {}
        }
    }

    pub(super) fn forward(
        &mut self,
        index: usize,
        from: Option<PeerId>,
        id: MessageId,
        version: Version,
        message: &Message,
    ) {
        let targets = if self.meshed {
            self.members[index].router.store(id, version, message.clone());
            self.members[index].router.mesh()
        } else {
            self.members[index].links.iter().copied().collect()
        };
        for to in targets {
            if Some(Self::peer(to)) != from {
                self.send(index, to, version, message);
            }
        }
    }

    pub(super) fn beat(&mut self, index: usize) {
        self.plan(BEAT, index, Pending::Beat);
        let now = self.now.mono;
        let member = &mut self.members[index];
        let controls = member.router.beat(now, &member.links, &mut self.random);
        let scores = member.links.iter().map(|peer| (Self::peer(*peer), member.router.score(*peer, now))).collect();
        for (to, control) in controls {
            self.control(index, to, control);
        }
        if (now.as_millis() / 500).is_multiple_of(2) {
            self.give(index, Input::Scored(scores));
        }
    }

    fn control(&mut self, from: usize, to: usize, control: Control) {
        self.members[from].traffic.control += 1;
        let is_lost =
            matches!(control, Control::Have(_) | Control::Want(_)) && self.random.percent(self.conditions.loss);
        if !is_lost {
            let latency = self.latency();
            self.plan(latency, to, Pending::Control { from, control });
        }
    }

    pub(super) fn controlled(&mut self, index: usize, from: usize, control: Control) {
        let now = self.now.mono;
        let member = &mut self.members[index];
        if !member.links.contains(&from) || member.router.graylists(from, now) {
            return;
        }
        let answer = match control {
            Control::Graft => member.router.graft(from, now),
            Control::Prune => {
                member.router.pruned(from, now);
                None
            }
            Control::Have(_) if member.receive_only => None,
            Control::Have(ids) => member.router.offered(from, &ids, &member.known, now),
            Control::Want(ids) => {
                for (version, message) in member.router.wanted(from, &ids, now) {
                    self.send(index, from, version, &message);
                }
                None
            }
        };
        if let Some(answer) = answer {
            self.control(index, from, answer);
        }
    }
}
