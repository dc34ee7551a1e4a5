//! Reputation: what peers do becomes points ([`Score`](crate::score::Score)), points become bans ([`BanList`]), and who is banned
//! may not connect.
//!
//! gossipsub's own score comes in once a second; what is ours goes out to it. Our own points below the threshold of bans ban
//! at once: the fifth false message does it, and a response that proves itself false. A score that stays below gossipsub's
//! graylist costs the peer its connection too: for [`Reputation::GRAYLIST_BAN`] when it only misbehaved, for the length of a ban
//! when the sum of its points is below the threshold of bans.
//!
//! Bounds: those of [`BanList`]; one entry for each connected peer; one blocked peer for each entry of the peer store.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod ban_list;
mod bans;
mod scores;

pub use ban_list::BanList;

use crate::{
    ban::{Ban, BanTarget},
    config::Settled,
    context::{Context, Machine, earliest},
    event::{DisconnectReason, Event},
    fault::Offence,
    peer::PeerId,
    persistence::Persist,
    score::Contribution,
    time::{Deadline, Now},
};

/// A fact for [`Reputation`].
#[derive(Debug)]
pub enum ReputationInput {
    /// A peer's first connection was established.
    Connected(PeerId),
    /// A peer's last connection ended.
    Disconnected(PeerId),
    /// A peer did wrong.
    Offence(PeerId, Offence),
    /// A peer was of use.
    Contribution(PeerId, Contribution),
    /// gossipsub's scores of all connected peers.
    Scores(Vec<(PeerId, f64)>),
    /// An operator bans somebody.
    Ban(BanTarget, Ban),
    /// An operator lifts a ban.
    Unban(BanTarget),
}

/// What [`Reputation`] wants, or tells.
#[derive(Debug)]
pub enum ReputationOutput {
    /// Nobody of these may connect.
    Block(BanTarget),
    /// They may again.
    Unblock(BanTarget),
    /// Tell gossipsub our part of a peer's score.
    Score(PeerId, f64),
    /// Persist this.
    Persist(Persist),
    /// A peer's connections are to be closed.
    Disconnect(PeerId, DisconnectReason),
    /// For the outside.
    Emit(Event),
}

/// What is known of a connected peer.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeerScore {
    /// gossipsub's score of it, as it was told last.
    pub gossip: f64,
    /// Our part of it, as gossipsub was told last.
    pub application: f64,
    /// Of how many verified blocks it brought the first copy on this connection (gossipsub's P2 counts such).
    pub first_deliveries: u64,
    /// Since when gossipsub's score is below the graylist threshold (monotonic), and whether what follows has followed.
    low: Option<(Duration, bool)>,
}

/// See the module.
#[derive(Debug)]
pub struct Reputation {
    config: Settled,
    bans: BanList,
    connected: BTreeMap<PeerId, PeerScore>,
    /// Peers that are away and may not connect for their score alone.
    low: BTreeSet<PeerId>,
    outputs: VecDeque<ReputationOutput>,
}

impl Reputation {
    /// How long a peer is kept out whose score fell for misbehaving alone. gossipsub forgets it a little earlier.
    pub const GRAYLIST_BAN: Duration = Duration::from_secs(600);
    /// Below this score gossipsub listens to a peer no more (op-node's `GraylistThreshold`).
    pub const GRAYLIST: f64 = -40.0;
    /// gossipsub's weight of false messages (P4), on the square of their number: see [`Score`](crate::score::Score).
    pub const FALSE_MESSAGES: f64 = -0.5;

    /// At `now`, with the bans that an earlier run persisted: those that have ended meanwhile are forgotten.
    pub fn new(config: Settled, restored: &[(BanTarget, Ban)], context: &mut Context) -> Self {
        let (bans, ended) = BanList::restored(context.now, restored.iter().cloned());
        let (connected, low, outputs) = (BTreeMap::new(), BTreeSet::new(), VecDeque::new());
        let mut reputation = Self { config, bans, connected, low, outputs };
        let targets: Vec<BanTarget> = reputation.bans.iter().map(|(target, _)| target).collect();
        targets.into_iter().for_each(|target| reputation.block(context, target));
        for target in ended {
            reputation.persist(Persist::Ban(target, None));
        }
        reputation
    }

    /// Every ban.
    pub const fn bans(&self) -> &BanList {
        &self.bans
    }

    /// What is known of a connected peer.
    pub fn of(&self, peer: PeerId) -> PeerScore {
        self.connected.get(&peer).copied().unwrap_or_default()
    }

    /// A peer's points in sum: gossipsub's, in which our application score is, and what false messages cost beside.
    pub fn total(&self, context: &Context, peer: PeerId) -> f64 {
        self.of(peer).gossip + context.store.score(context.now.mono, peer).false_messages()
    }

    /// Whether a peer is never banned: a static one, as with op-node, which spares those that it tags `static`. Those that are
    /// protected through op-node's API (`opp2p_protectPeer`) are banned there like any other; here there is no such call.
    pub fn is_protected(&self, context: &Context, peer: PeerId) -> bool {
        self.config.reputation.protect_static && context.static_peers.contains(&peer)
    }

    /// Nobody of these may connect.
    fn block(&mut self, context: &mut Context, target: BanTarget) {
        if let BanTarget::Peer(peer) = target {
            context.blocked.insert(peer);
        }
        self.outputs.push_back(ReputationOutput::Block(target));
    }

    /// They may again.
    fn unblock(&mut self, context: &mut Context, target: BanTarget) {
        if let BanTarget::Peer(peer) = target {
            context.blocked.remove(&peer);
        }
        self.outputs.push_back(ReputationOutput::Unblock(target));
    }

    fn persist(&mut self, item: Persist) {
        self.outputs.push_back(ReputationOutput::Persist(item));
    }

    fn disconnect(&mut self, peer: PeerId, reason: DisconnectReason) {
        self.outputs.push_back(ReputationOutput::Disconnect(peer, reason));
    }

    fn emit(&mut self, event: Event) {
        self.outputs.push_back(ReputationOutput::Emit(event));
    }
}

impl Machine for Reputation {
    type Input = ReputationInput;
    type Output = ReputationOutput;

    fn handle(&mut self, context: &mut Context, input: ReputationInput) {
        match input {
            ReputationInput::Connected(peer) => _ = self.connected.insert(peer, PeerScore::default()),
            ReputationInput::Disconnected(peer) => _ = self.connected.remove(&peer),
            ReputationInput::Offence(peer, offence) => self.penalize(context, peer, offence),
            ReputationInput::Contribution(peer, contribution) => self.credit(context, peer, contribution),
            ReputationInput::Scores(scores) => self.scored(context, scores),
            ReputationInput::Ban(target, ban) => self.ban_by_operator(context, target, ban),
            ReputationInput::Unban(target) => {
                if self.bans.lift(target) {
                    self.unbanned(context, target);
                }
            }
        }
    }

    fn handle_timeout(&mut self, context: &mut Context) {
        for target in self.bans.ended(context.now.mono) {
            self.unbanned(context, target);
        }
    }

    fn poll_output(&mut self) -> Option<ReputationOutput> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self, _: &Context, _: Now) -> Option<Deadline> {
        earliest([(self.bans.due(), "ban")])
    }
}
