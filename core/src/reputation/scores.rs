//! Scores: records offences and contributions, takes gossipsub's scores, and sets the application score in gossipsub.

use core::time::Duration;
use std::collections::BTreeSet;

use super::{Reputation, ReputationOutput};
use crate::{
    ban::BanTarget,
    context::Context,
    event::{BanCause, Event, Graylisted},
    fault::Offence,
    peer::PeerId,
    score::Contribution,
};

impl Reputation {
    /// A change of the application score smaller than this is not reported to gossipsub.
    const MIN_CHANGE: f64 = 0.05;

    /// Records an offence; bans the peer when its score falls below the ban threshold.
    pub(super) fn penalize(&mut self, context: &mut Context, peer: PeerId, offence: Offence) {
        if !self.config.reputation.scoring {
            return;
        }
        let from = (context.peers.ip(peer), context.peers.is_leaf(peer));
        let score = context.store.penalize(context.now, peer, from, offence);
        if score.own() < self.config.reputation.ban_threshold {
            self.ban_for_score(context, peer, score.own());
        }
    }

    /// Records a contribution.
    pub(super) fn credit(&mut self, context: &mut Context, peer: PeerId, contribution: Contribution) {
        if contribution == Contribution::FirstDelivery
            && let Some(score) = self.connected.get_mut(&peer)
        {
            score.first_deliveries += 1;
        }
        if self.config.reputation.scoring && !context.peers.is_leaf(peer) {
            context.store.credit(context.now, peer, context.peers.ip(peer), contribution);
        }
    }

    /// Takes gossipsub's current scores of the connected peers.
    pub(super) fn scored(&mut self, context: &mut Context, scores: Vec<(PeerId, f64)>) {
        if !self.config.reputation.scoring {
            return;
        }
        let is_graylisted = |peer| scores.iter().any(|(other, gossip)| *other == peer && *gossip < Self::GRAYLIST);
        for (peer, score) in self.connected.iter_mut().filter(|(_, score)| score.graylisted.is_some()) {
            score.graylisted = score.graylisted.filter(|_| is_graylisted(*peer));
        }
        for (peer, gossip) in scores {
            let Some(score) = self.connected.get_mut(&peer) else { continue };
            score.gossip = gossip;
            self.report_application(context, peer);
            if gossip < Self::GRAYLIST {
                self.graylisted(context, peer, gossip);
            }
        }
        self.block_low_scores(context);
    }

    /// Sets a peer's application score in gossipsub, when it has changed.
    fn report_application(&mut self, context: &Context, peer: PeerId) {
        let application = context.store.score(context.now.mono, peer).application();
        let Some(score) = self.connected.get_mut(&peer) else { return };
        if (application - score.application).abs() > Self::MIN_CHANGE {
            score.application = application;
            self.outputs.push_back(ReputationOutput::Score(peer, application));
        }
    }

    /// A peer's gossipsub score is below the graylist threshold. A program that has restarted does not know its
    /// backoffs, and its early grafts lower its score for a moment (P7): so only a peer whose score stays low is
    /// banned.
    fn graylisted(&mut self, context: &mut Context, peer: PeerId, gossip: f64) {
        let (now, delay) = (context.now.mono, context.interval.max(Duration::from_secs(1)) + Duration::from_secs(1));
        let Some(score) = self.connected.get_mut(&peer) else { return };
        let (since, banned) = score.graylisted.get_or_insert((now, false));
        if *banned || now.saturating_sub(*since) < delay {
            return;
        }
        *banned = true;
        self.emit(Event::Graylisted(Graylisted { peer, score: gossip }));
        let total = self.total(context, peer);
        if total < self.config.reputation.ban_threshold {
            self.ban_for_score(context, peer, total);
        } else {
            let reason = format!("gossipsub's score of it is {gossip:.1}, below {}", Self::GRAYLIST);
            self.ban_peer(context, peer, Self::GRAYLIST_BAN, reason, BanCause::Graylist);
        }
    }

    /// Blocks disconnected peers whose score is too low, until it has recovered.
    fn block_low_scores(&mut self, context: &mut Context) {
        let rule = &self.config.reputation;
        let min_score = rule.min_score.unwrap_or(rule.ban_threshold);
        let is_low = |peer: PeerId| context.store.score(context.now.mono, peer).own() < min_score;
        let may_block = |peer: PeerId| !context.peers.contains(peer) && !self.is_protected(context, peer);
        let low: BTreeSet<PeerId> = context.store.scored().filter(|peer| may_block(*peer) && is_low(*peer)).collect();
        let before = core::mem::replace(&mut self.low_scores, low);
        let fell: Vec<PeerId> = self.low_scores.difference(&before).copied().collect();
        let rose: Vec<PeerId> = before.difference(&self.low_scores).copied().collect();
        for peer in fell {
            self.block(context, BanTarget::Peer(peer));
        }
        for peer in rose {
            if !self.bans.contains(BanTarget::Peer(peer)) {
                self.unblock(context, BanTarget::Peer(peer));
            }
        }
    }
}
