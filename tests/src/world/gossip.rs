//! How gossip goes through a world: over every link, or through a modelled mesh; and where the nodes are.

use core::time::Duration;
use std::{collections::BTreeSet, net::IpAddr};

use petrel_core::{Event, Input, fault::Acceptance, fork::Version, message::{Message, MessageId}, peer::PeerId};

use super::{
    Fact, Traffic, World,
    mesh::{BEAT, Control},
};

impl World {
    /// From now on gossip goes through meshes, and scores are told once a second.
    pub fn mesh(&mut self) {
        self.meshed = true;
        for index in 0..self.places.len() {
            self.plan(Duration::from_millis(100 + index as u64 * 7 % 500), index, Fact::Beat);
        }
    }

    /// From now on nobody offers what it has: IHAVE is not sent, so nothing is asked for by IWANT. What a model without
    /// them would show.
    pub fn hush(&mut self) {
        self.places.iter_mut().for_each(|place| place.router.hush());
    }

    /// Where a node is seen by those with whom it is linked from now on.
    pub fn at(&mut self, index: usize, ip: IpAddr) {
        self.places[index].ip = Some(ip);
    }

    /// A node takes everything and gossips nothing.
    pub fn mute(&mut self, index: usize) {
        self.places[index].mute = true;
    }

    /// With whom a node is linked.
    pub fn links(&self, index: usize) -> &BTreeSet<usize> {
        &self.places[index].links
    }

    /// To whom a node has sent a block or an answer, linked or not.
    pub fn told_to(&self, index: usize) -> &BTreeSet<usize> {
        &self.places[index].told
    }

    /// What a node has told, and when (monotonic).
    pub fn told_by(&self, index: usize) -> impl Iterator<Item = (Duration, &Event)> {
        self.places[index].told_at.iter().copied().zip(&self.places[index].events)
    }

    /// What a node has sent and received as gossip.
    pub fn traffic(&self, index: usize) -> Traffic {
        self.places[index].traffic
    }

    /// A liar sends a message to all its neighbours, past its own rules and its mesh.
    pub fn spread(&mut self, index: usize, version: Version, message: &Message) {
        for to in self.places[index].links.clone() {
            self.send(index, to, version, message);
        }
    }

    pub(super) fn send(&mut self, from: usize, to: usize, version: Version, message: &Message) {
        self.places[from].told.insert(to);
        let sent = &mut self.places[from].traffic.sent;
        *sent = (sent.0 + 1, sent.1 + message.wire as u64);
        if self.chance.percent(self.weather.loss) {
            return;
        }
        let copies = 1 + u64::from(self.chance.percent(self.weather.duplication));
        for _ in 0..copies {
            let latency = self.latency();
            self.plan(latency, to, Fact::Arrives { from, version, message: message.clone() });
        }
    }

    pub(super) fn arrives(&mut self, index: usize, from: usize, version: Version, message: Message) {
        let (now, meshed) = (self.now.mono, self.meshed);
        let place = &mut self.places[index];
        let deaf = place.mute || (meshed && place.router.graylists(from, now));
        if deaf || !place.links.contains(&from) {
            return;
        }
        let received = &mut place.traffic.received;
        *received = (received.0 + 1, received.1 + message.wire as u64);
        let id = message.id(&self.chain.topic(version));
        if !place.known.insert(id) {
            return;
        }
        place.undecided.insert(id, (version, message.clone()));
        self.give(index, Input::Gossiped { peer: Self::peer(from), id, version, message });
    }

    pub(super) fn judged(&mut self, index: usize, id: MessageId, peer: PeerId, acceptance: Acceptance) {
        let Some((version, message)) = self.places[index].undecided.remove(&id) else { return };
        match (acceptance, self.place(peer)) {
            (Acceptance::Accept, _) => self.forward(index, Some(peer), id, version, &message),
            (Acceptance::Charge, Some(from)) => self.places[index].router.charge(from, self.now.mono),
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
            self.places[index].router.store(id, version, message.clone());
            self.places[index].router.mesh()
        } else {
            self.places[index].links.iter().copied().collect()
        };
        for to in targets {
            if Some(Self::peer(to)) != from {
                self.send(index, to, version, message);
            }
        }
    }

    pub(super) fn beat(&mut self, index: usize) {
        self.plan(BEAT, index, Fact::Beat);
        let now = self.now.mono;
        let place = &mut self.places[index];
        let controls = place.router.beat(now, &place.links, &mut self.chance);
        let scores = place.links.iter().map(|peer| (Self::peer(*peer), place.router.score(*peer, now))).collect();
        for (to, control) in controls {
            self.control(index, to, control);
        }
        if (now.as_millis() / 500).is_multiple_of(2) {
            self.give(index, Input::Scored(scores));
        }
    }

    fn control(&mut self, from: usize, to: usize, control: Control) {
        self.places[from].traffic.control += 1;
        let is_lost = matches!(control, Control::Have(_) | Control::Want(_)) && self.chance.percent(self.weather.loss);
        if !is_lost {
            let latency = self.latency();
            self.plan(latency, to, Fact::Control { from, control });
        }
    }

    pub(super) fn controlled(&mut self, index: usize, from: usize, control: Control) {
        let now = self.now.mono;
        let place = &mut self.places[index];
        if !place.links.contains(&from) || place.router.graylists(from, now) {
            return;
        }
        let answer = match control {
            Control::Graft => place.router.graft(from, now),
            Control::Prune => {
                place.router.pruned(from, now);
                None
            }
            Control::Have(_) if place.mute => None,
            Control::Have(ids) => place.router.offered(from, &ids, &place.known, now),
            Control::Want(ids) => {
                for (version, message) in place.router.wanted(from, &ids, now) {
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
