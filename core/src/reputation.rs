//! Reputation: offences and contributions of peers make up their score ([`Score`](crate::score::Score)); a low score
//! leads to a ban ([`BanList`]); banned peers and addresses may not connect.
//!
//! gossipsub's own scores come in once a second; our part, the application score, goes out to gossipsub. A peer whose
//! own score here is below the ban threshold is banned at once: by the fifth invalid message, or by a response that
//! contradicts itself. A peer whose gossipsub score stays below the graylist threshold is banned too: for
//! [`Reputation::GRAYLIST_BAN`] when only gossipsub's score is low, for the configured ban duration when its total
//! score is below the ban threshold. Bounds: those of [`BanList`]; one entry for each connected peer; one blocked peer
//! for each entry of the peer store.

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

/// An input of [`Reputation`].
#[derive(Debug)]
pub enum ReputationInput {
    /// A peer's first connection was established.
    Connected(PeerId),
    /// A peer's last connection ended.
    Disconnected(PeerId),
    /// A peer committed an offence.
    Offence(PeerId, Offence),
    /// A peer made a contribution.
    Contribution(PeerId, Contribution),
    /// gossipsub's scores of all connected peers.
    Scores(Vec<(PeerId, f64)>),
    /// An operator bans a peer, an address or a network.
    Ban(BanTarget, Ban),
    /// An operator lifts a ban.
    Unban(BanTarget),
}

/// An output of [`Reputation`].
#[derive(Debug)]
pub enum ReputationOutput {
    /// Block this target in the connection gater.
    Block(BanTarget),
    /// Unblock this target in the connection gater.
    Unblock(BanTarget),
    /// Set a peer's application score in gossipsub.
    Score(PeerId, f64),
    /// Persist this.
    Persist(Persist),
    /// Close a peer's connections.
    Disconnect(PeerId, DisconnectReason),
    /// Emit an event.
    Emit(Event),
}

/// The scores of a connected peer.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeerScore {
    /// gossipsub's latest score of it.
    pub gossip: f64,
    /// The application score that was last set in gossipsub.
    pub application: f64,
    /// Verified blocks that it delivered first on this connection (gossipsub's P2 counts the same).
    pub first_deliveries: u64,
    /// Since when gossipsub's score is below the graylist threshold (monotonic), and whether the peer was already
    /// banned for it.
    graylisted: Option<(Duration, bool)>,
}

/// The reputation machine. See the module.
#[derive(Debug)]
pub struct Reputation {
    config: Settled,
    bans: BanList,
    connected: BTreeMap<PeerId, PeerScore>,
    /// Disconnected peers that are blocked for their score alone.
    low_scores: BTreeSet<PeerId>,
    outputs: VecDeque<ReputationOutput>,
}

impl Reputation {
    /// Length of the ban of a peer of which only gossipsub's score is low. gossipsub removes its score a little
    /// earlier.
    pub const GRAYLIST_BAN: Duration = Duration::from_secs(600);
    /// Maximum length of the ban of an address: others may get it, or may be behind it.
    pub const ADDRESS_BAN: Duration = Duration::from_secs(600);
    /// Below this score gossipsub ignores a peer (op-node's `GraylistThreshold`).
    pub const GRAYLIST: f64 = -40.0;
    /// gossipsub's weight of invalid messages (P4), on the square of their number: see [`Score`](crate::score::Score).
    pub const INVALID_MESSAGES: f64 = -0.5;

    /// With the bans that an earlier run persisted; those that have ended meanwhile are removed. Writes
    /// [`Context::blocked`].
    pub fn new(config: Settled, restored: &[(BanTarget, Ban)], context: &mut Context) -> Self {
        let (bans, ended) = BanList::restored(context.now, restored.iter().cloned());
        let (connected, low_scores, outputs) = (BTreeMap::new(), BTreeSet::new(), VecDeque::new());
        let mut reputation = Self { config, bans, connected, low_scores, outputs };
        let targets: Vec<BanTarget> = reputation.bans.iter().map(|(target, _)| target).collect();
        targets.into_iter().for_each(|target| reputation.block(context, target));
        for target in ended {
            reputation.persist(Persist::Ban(target, None));
        }
        reputation
    }

    /// The ban list.
    pub const fn bans(&self) -> &BanList {
        &self.bans
    }

    /// The scores of a connected peer; zero for any other.
    pub fn of(&self, peer: PeerId) -> PeerScore {
        self.connected.get(&peer).copied().unwrap_or_default()
    }

    /// A peer's total score: gossipsub's, which includes our application score, and the penalty for invalid messages on
    /// top of it.
    pub fn total(&self, context: &Context, peer: PeerId) -> f64 {
        self.of(peer).gossip + context.store.score(context.now.mono, peer).invalid_messages()
    }

    /// Whether a peer is protected from bans: a static one, as with op-node, which does not ban peers that it tags
    /// `static`. Peers that are protected through op-node's API (`opp2p_protectPeer`) are banned there like any other;
    /// this node has no such call.
    pub fn is_protected(&self, context: &Context, peer: PeerId) -> bool {
        self.config.reputation.protect_static && context.static_peers.contains(&peer)
    }

    /// Blocks a target in the connection gater, and in [`Context::blocked`].
    fn block(&mut self, context: &mut Context, target: BanTarget) {
        if let BanTarget::Peer(peer) = target {
            context.blocked.insert(peer);
        }
        self.outputs.push_back(ReputationOutput::Block(target));
    }

    /// Unblocks a target in the connection gater, and in [`Context::blocked`].
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
