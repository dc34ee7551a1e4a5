//! A model of gossipsub: one node's mesh of one topic, IHAVE and IWANT, and its scores of its peers. Pure: each call returns
//! what is to be sent.
//!
//! As in gossipsub 1.1 with the degrees of the node's configuration (op-node's: D 8, Dlo 6, Dhi 12, Dlazy 6), a heartbeat each half second, IHAVE of the ids of
//! three heartbeats, P4 ([`Reputation::INVALID_MESSAGES`]) on the square of false messages, a tenth left after ten minutes. Left out: outbound quotas,
//! opportunistic grafts, peer exchange, P7.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petrel_core::{
    config::Mesh,
    fork::Version,
    message::{Message, MessageId},
    reputation::Reputation,
};

use crate::random::SplitMix64;

/// What one node says to another beside blocks.
#[derive(Clone, Debug)]
pub(super) enum Control {
    /// Send me what you accept.
    Graft,
    /// Do so no more.
    Prune,
    /// Messages that I have.
    Have(Vec<MessageId>),
    /// Messages that I want.
    Want(Vec<MessageId>),
}

/// Time between heartbeats.
pub(super) const BEAT: Duration = Duration::from_millis(500);
/// Heartbeats for which a message is offered, and for which it can be had.
const OFFERED: usize = 3;
const HISTORY: usize = 40;
/// How long a pruned peer is not grafted.
const BACKOFF: Duration = Duration::from_secs(60);
/// How long a message that was asked for is awaited before another is asked.
const FOLLOW_UP: Duration = Duration::from_secs(3);
/// Below this score nobody is offered or given anything.
const GOSSIP: f64 = -10.0;

/// See the module. Peers are entries of the world.
#[derive(Debug, Default)]
pub(super) struct Router {
    degrees: Mesh,
    mesh: BTreeSet<usize>,
    backoff: BTreeMap<usize, Duration>,
    /// Ids by heartbeat, the latest first; at most [`HISTORY`].
    windows: VecDeque<Vec<MessageId>>,
    bodies: BTreeMap<MessageId, (Version, Message)>,
    asked: BTreeMap<MessageId, Duration>,
    /// False messages of a peer, and when that was reckoned.
    invalid: BTreeMap<usize, (f64, Duration)>,
    /// The application's part of a score.
    application: BTreeMap<usize, f64>,
}

impl Router {
    /// With these degrees and no peers.
    pub(super) fn new(degrees: Mesh) -> Self {
        Self { degrees, ..Self::default() }
    }

    /// From now on nobody hears what there is.
    pub(super) const fn stop_offers(&mut self) {
        self.degrees.lazy = 0;
    }

    /// To whom what is accepted goes.
    pub(super) fn mesh(&self) -> Vec<usize> {
        self.mesh.iter().copied().collect()
    }

    /// A message was accepted, or made here: it can be had from now on.
    pub(super) fn store(&mut self, id: MessageId, version: Version, message: Message) {
        if self.windows.is_empty() {
            self.windows.push_front(Vec::new());
        }
        self.windows[0].push(id);
        self.bodies.insert(id, (version, message));
    }

    /// A peer is gone; what it did is remembered.
    pub(super) fn left(&mut self, peer: usize) {
        self.mesh.remove(&peer);
    }

    /// The application's part of a peer's score.
    pub(super) fn told(&mut self, peer: usize, score: f64) {
        self.application.insert(peer, score);
    }

    /// A peer sent what is false.
    pub(super) fn charge(&mut self, peer: usize, now: Duration) {
        let left = self.invalid(peer, now);
        self.invalid.insert(peer, (left + 1.0, now));
    }

    fn invalid(&self, peer: usize, now: Duration) -> f64 {
        let Some((count, at)) = self.invalid.get(&peer) else { return 0.0 };
        count * 0.1_f64.powf(now.saturating_sub(*at).as_secs_f64() / 600.0)
    }

    /// A peer's score.
    pub(super) fn score(&self, peer: usize, now: Duration) -> f64 {
        self.application.get(&peer).unwrap_or(&0.0) + Reputation::INVALID_MESSAGES * self.invalid(peer, now).powi(2)
    }

    /// Whether nothing of a peer is heard.
    pub(super) fn graylists(&self, peer: usize, now: Duration) -> bool {
        self.score(peer, now) < Reputation::GRAYLIST
    }

    /// A heartbeat: the mesh is put in order, and some of the others hear what there is.
    pub(super) fn beat(
        &mut self,
        now: Duration,
        links: &BTreeSet<usize>,
        random: &mut SplitMix64,
    ) -> Vec<(usize, Control)> {
        let mut out = Vec::new();
        let low: Vec<usize> = self.mesh().into_iter().filter(|peer| self.score(*peer, now) < 0.0).collect();
        for peer in low {
            self.prune(peer, now);
            out.push((peer, Control::Prune));
        }
        let ready = |peer: &usize| !self.mesh.contains(peer) && self.score(*peer, now) >= 0.0;
        let rested = |peer: &usize| self.backoff.get(peer).is_none_or(|until| *until <= now);
        if self.mesh.len() < self.degrees.lo {
            let candidates = links.iter().copied().filter(ready).filter(rested).collect();
            for peer in some(candidates, self.degrees.d - self.mesh.len(), random) {
                self.mesh.insert(peer);
                out.push((peer, Control::Graft));
            }
        } else if self.mesh.len() > self.degrees.hi {
            for peer in some(self.mesh(), self.mesh.len() - self.degrees.d, random) {
                self.prune(peer, now);
                out.push((peer, Control::Prune));
            }
        }
        out.extend(self.offers(now, links, random));
        self.windows.push_front(Vec::new());
        for id in self.windows.split_off(HISTORY.min(self.windows.len())).into_iter().flatten() {
            self.bodies.remove(&id);
        }
        out
    }

    fn offers(&self, now: Duration, links: &BTreeSet<usize>, random: &mut SplitMix64) -> Vec<(usize, Control)> {
        let ids: Vec<MessageId> = self.windows.iter().take(OFFERED).flatten().copied().collect();
        if ids.is_empty() || self.degrees.lazy == 0 {
            return Vec::new();
        }
        let others = links.iter().copied().filter(|peer| !self.mesh.contains(peer) && self.score(*peer, now) >= GOSSIP);
        let others: Vec<usize> = others.collect();
        let count = self.degrees.lazy.max(others.len() / 4);
        some(others, count, random).into_iter().map(|peer| (peer, Control::Have(ids.clone()))).collect()
    }

    fn prune(&mut self, peer: usize, now: Duration) {
        self.mesh.remove(&peer);
        self.backoff.insert(peer, now + BACKOFF);
    }

    /// A peer wants into the mesh; what it is answered.
    pub(super) fn graft(&mut self, peer: usize, now: Duration) -> Option<Control> {
        let rests = self.backoff.get(&peer).is_some_and(|until| *until > now);
        if rests || self.score(peer, now) < 0.0 || self.mesh.len() >= self.degrees.hi {
            return Some(Control::Prune);
        }
        self.mesh.insert(peer);
        None
    }

    /// A peer does not want us in its mesh.
    pub(super) fn pruned(&mut self, peer: usize, now: Duration) {
        self.prune(peer, now);
    }

    /// A peer has messages: those of them to ask for.
    pub(super) fn offered(
        &mut self,
        peer: usize,
        ids: &[MessageId],
        known: &BTreeSet<MessageId>,
        now: Duration,
    ) -> Option<Control> {
        if self.score(peer, now) < GOSSIP {
            return None;
        }
        let is_wanted = |id: &&MessageId| !known.contains(*id) && self.asked.get(*id).is_none_or(|until| *until <= now);
        let wanted: Vec<MessageId> = ids.iter().filter(is_wanted).copied().collect();
        self.asked.extend(wanted.iter().map(|id| (*id, now + FOLLOW_UP)));
        (!wanted.is_empty()).then_some(Control::Want(wanted))
    }

    /// A peer wants messages: those that there are.
    pub(super) fn wanted(&self, peer: usize, ids: &[MessageId], now: Duration) -> Vec<(Version, Message)> {
        if self.score(peer, now) < GOSSIP {
            return Vec::new();
        }
        ids.iter().filter_map(|id| self.bodies.get(id)).cloned().collect()
    }
}

/// `count` of these, by chance.
fn some(mut of: Vec<usize>, count: usize, random: &mut SplitMix64) -> Vec<usize> {
    let mut taken = Vec::new();
    while taken.len() < count && !of.is_empty() {
        taken.push(of.swap_remove(random.below(of.len() as u64) as usize));
    }
    taken
}
