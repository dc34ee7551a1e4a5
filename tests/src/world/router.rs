//! A model of gossipsub: one node's mesh of one topic, IHAVE and IWANT, and its scores of its peers. Pure: each call returns
//! the messages to send.
//!
//! As in gossipsub 1.1: the degrees of the node's configuration (op-node's: D 8, Dlo 6, Dhi 12, Dlazy 6), a heartbeat each half
//! second, IHAVE with the ids of three heartbeats, and P4 ([`Reputation::INVALID_MESSAGES`]) on the square of the counter of
//! invalid messages, which decays to a tenth in ten minutes. Not modelled: outbound quotas, opportunistic grafting, peer exchange, P7.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petrel_core::{
    config::Mesh,
    fork::Version,
    message::{Message, MessageId},
    reputation::Reputation,
};

use crate::random::SplitMix64;

/// A control message.
#[derive(Clone, Debug)]
pub(super) enum Control {
    /// Asks the peer to forward accepted messages.
    Graft,
    /// Asks the peer to stop that.
    Prune,
    /// IHAVE: ids of messages that the sender has.
    Have(Vec<MessageId>),
    /// IWANT: ids of messages that the sender requests.
    Want(Vec<MessageId>),
}

/// Time between heartbeats.
pub(super) const BEAT: Duration = Duration::from_millis(500);
/// Heartbeats for which a message is advertised by IHAVE.
const OFFERED: usize = 3;
/// Heartbeats for which a message can be requested by IWANT.
const HISTORY: usize = 40;
/// Time after a prune in which the peer is not grafted.
const BACKOFF: Duration = Duration::from_secs(60);
/// Time after an IWANT before the message is requested from another peer.
const FOLLOW_UP: Duration = Duration::from_secs(3);
/// A peer with a score below this gets no IHAVE and no answer to IWANT.
const GOSSIP: f64 = -10.0;

/// See the module. A peer is an index in the world.
#[derive(Debug, Default)]
pub(super) struct Router {
    degrees: Mesh,
    mesh: BTreeSet<usize>,
    backoff: BTreeMap<usize, Duration>,
    /// Ids by heartbeat, the latest first; at most [`HISTORY`].
    windows: VecDeque<Vec<MessageId>>,
    bodies: BTreeMap<MessageId, (Version, Message)>,
    asked: BTreeMap<MessageId, Duration>,
    /// The counter of invalid messages of a peer, and when it was computed (monotonic).
    invalid: BTreeMap<usize, (f64, Duration)>,
    /// The application score of a peer.
    application: BTreeMap<usize, f64>,
}

impl Router {
    /// A router with these degrees and no peers.
    pub(super) fn new(degrees: Mesh) -> Self {
        Self { degrees, ..Self::default() }
    }

    /// Sends no more IHAVE.
    pub(super) const fn stop_offers(&mut self) {
        self.degrees.lazy = 0;
    }

    /// The peers in the mesh, to which accepted messages are forwarded.
    pub(super) fn mesh(&self) -> Vec<usize> {
        self.mesh.iter().copied().collect()
    }

    /// A message was accepted or published: from now on it can be requested by IWANT.
    pub(super) fn store(&mut self, id: MessageId, version: Version, message: Message) {
        if self.windows.is_empty() {
            self.windows.push_front(Vec::new());
        }
        self.windows[0].push(id);
        self.bodies.insert(id, (version, message));
    }

    /// A peer disconnected; its score is kept.
    pub(super) fn left(&mut self, peer: usize) {
        self.mesh.remove(&peer);
    }

    /// Sets the application score of a peer.
    pub(super) fn set_application_score(&mut self, peer: usize, score: f64) {
        self.application.insert(peer, score);
    }

    /// A peer sent an invalid message.
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

    /// Whether all messages of a peer are ignored.
    pub(super) fn graylists(&self, peer: usize, now: Duration) -> bool {
        self.score(peer, now) < Reputation::GRAYLIST
    }

    /// A heartbeat: maintains the mesh, and sends IHAVE to some of the other peers.
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

    /// A peer sent GRAFT. Returns the answer.
    pub(super) fn graft(&mut self, peer: usize, now: Duration) -> Option<Control> {
        let rests = self.backoff.get(&peer).is_some_and(|until| *until > now);
        if rests || self.score(peer, now) < 0.0 || self.mesh.len() >= self.degrees.hi {
            return Some(Control::Prune);
        }
        self.mesh.insert(peer);
        None
    }

    /// A peer sent PRUNE.
    pub(super) fn pruned(&mut self, peer: usize, now: Duration) {
        self.prune(peer, now);
    }

    /// A peer sent IHAVE. Returns the IWANT for the missing messages.
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

    /// A peer sent IWANT. Returns the requested messages that are stored.
    pub(super) fn wanted(&self, peer: usize, ids: &[MessageId], now: Duration) -> Vec<(Version, Message)> {
        if self.score(peer, now) < GOSSIP {
            return Vec::new();
        }
        ids.iter().filter_map(|id| self.bodies.get(id)).cloned().collect()
    }
}

/// `count` random elements.
fn some(mut of: Vec<usize>, count: usize, random: &mut SplitMix64) -> Vec<usize> {
    let mut taken = Vec::new();
    while taken.len() < count && !of.is_empty() {
        taken.push(of.swap_remove(random.below(of.len() as u64) as usize));
    }
    taken
}
