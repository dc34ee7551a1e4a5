//! Points: what a peer has done is noted, and gossipsub is told.

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
    /// A change of the application score that gossipsub need not hear of.
    const SAME: f64 = 0.05;

    /// A peer did wrong; it may be banned for it.
    pub(super) fn penalize(&mut self, context: &mut Context, peer: PeerId, offence: Offence) {
        if !self.config.reputation.scoring {
            return;
        }
        let score = context.store.penalize(context.now, peer, offence);
        if score.own() < self.config.reputation.ban_threshold {
            self.ban_for_score(context, peer, score.own());
        }
    }

    /// A peer was of use.
    pub(super) fn credit(&mut self, context: &mut Context, peer: PeerId, contribution: Contribution) {
        if contribution == Contribution::FirstDelivery
            && let Some(score) = self.connected.get_mut(&peer)
        {
            score.first_deliveries += 1;
        }
        if self.config.reputation.scoring && !context.peers.is_leaf(peer) {
            context.store.credit(context.now, peer, contribution);
        }
    }

    /// gossipsub's scores of the connected peers, as they are now.
    pub(super) fn scored(&mut self, context: &mut Context, scores: Vec<(PeerId, f64)>) {
        if !self.config.reputation.scoring {
            return;
        }
        let is_low = |peer| scores.iter().any(|(other, gossip)| *other == peer && *gossip < Self::GRAYLIST);
        for (peer, score) in self.connected.iter_mut().filter(|(_, score)| score.low.is_some()) {
            score.low = score.low.filter(|_| is_low(*peer));
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

    /// Tells gossipsub our part of a peer's score, when it has changed.
    fn report_application(&mut self, context: &Context, peer: PeerId) {
        let ours = context.store.score(context.now.mono, peer).application();
        let Some(score) = self.connected.get_mut(&peer) else { return };
        if (ours - score.application).abs() > Self::SAME {
            score.application = ours;
            self.outputs.push_back(ReputationOutput::Score(peer, ours));
        }
    }

    /// A score is too low. A program that begins anew knows of no backoff, and what it grafts too early counts so much
    /// against it that its score is low for a moment: only who stays low is kept out.
    fn graylisted(&mut self, context: &mut Context, peer: PeerId, gossip: f64) {
        let (now, patience) = (context.now.mono, context.interval.max(Duration::from_secs(1)) + Duration::from_secs(1));
        let Some(score) = self.connected.get_mut(&peer) else { return };
        let (since, done) = score.low.get_or_insert((now, false));
        if *done || now.saturating_sub(*since) < patience {
            return;
        }
        *done = true;
        self.emit(Event::Graylisted(Graylisted { peer, score: gossip }));
        let total = self.total(context, peer);
        if total < self.config.reputation.ban_threshold {
            self.ban_for_score(context, peer, total);
        } else {
            let reason = format!("gossipsub's score of it is {gossip:.1}, below {}", Self::GRAYLIST);
            self.ban_peer(context, peer, Self::GRAYLIST_BAN, reason, BanCause::Graylist);
        }
    }

    /// Peers that are away and whose score is too low may not connect, until it is back.
    fn block_low_scores(&mut self, context: &mut Context) {
        let rule = &self.config.reputation;
        let least = rule.min_score.unwrap_or(rule.ban_threshold);
        let is_low = |peer: PeerId| context.store.score(context.now.mono, peer).own() < least;
        let away = |peer: PeerId| !context.peers.contains(peer) && !self.is_protected(context, peer);
        let with_score = context.store.iter().filter(|(_, entry)| !entry.score.is_blank()).map(|(peer, _)| peer);
        let low: BTreeSet<PeerId> = with_score.filter(|peer| away(*peer) && is_low(*peer)).collect();
        let before = core::mem::replace(&mut self.low, low);
        let fell: Vec<PeerId> = self.low.difference(&before).copied().collect();
        let rose: Vec<PeerId> = before.difference(&self.low).copied().collect();
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
