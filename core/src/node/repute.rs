//! Who is believed, and who may connect: what peers do becomes points, points become bans, and both are kept.
//!
//! gossipsub's own score comes in once a second; what is ours goes out to it. Our own points below the threshold of bans ban
//! at once: the fifth false message does it, and an answer that proves itself false. A score that stays below gossipsub's
//! graylist costs the peer its connection too: for [`Node::BAR`] when it only misbehaved, for the length of a ban when the
//! sum of its points is below the threshold of bans.

use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{DropReason, Keep, Node, Output};
use crate::{
    event::{BanCause, Banned, Event, Graylisted, Unbanned},
    peer::PeerId,
    peers::{Ban, Deed, Gate, Subject, colocation, is_public},
    time::Now,
};

impl Node {
    /// How long a peer is kept out whose score fell for misbehaving alone. gossipsub forgets it a little earlier.
    pub const BAR: Duration = Duration::from_secs(600);
    /// Below this score gossipsub listens to a peer no more (op-node's `GraylistThreshold`).
    pub const GRAYLIST: f64 = -40.0;
    /// gossipsub's weight of false messages (P4), on the square of their number: see [`Score`](crate::peers::Score).
    pub const FALSE_MESSAGES: f64 = -0.5;
    /// How often what has changed in the book is kept.
    pub const KEEP_PEERS: Duration = Duration::from_secs(30);
    /// A change of the application score that gossipsub need not hear of.
    const SAME: f64 = 0.05;

    /// Takes the bans that an earlier run kept: those that have ended meanwhile are forgotten.
    pub(super) fn remember(&mut self, bans: &[(Subject, Ban)], now: Now) {
        let (gate, ended) = Gate::restored(now, bans.iter().cloned());
        self.gate = gate;
        let subjects: Vec<Subject> = self.gate.iter().map(|(subject, _)| subject).collect();
        self.outputs.extend(subjects.into_iter().map(Output::Shut));
        for subject in ended {
            self.keep(Keep::Ban(subject, None));
        }
    }

    /// A peer did something; it may be banned for it.
    pub(super) fn note(&mut self, now: Now, peer: PeerId, deed: Deed) {
        let good = matches!(deed, Deed::Answered | Deed::Delivered);
        if !self.config.reputation.scoring || (good && self.peers.is_leaf(peer)) {
            return;
        }
        let score = self.book.note(now, peer, deed);
        if !good && score.own() < self.config.reputation.ban_threshold {
            self.condemn(now, peer, score.own());
        }
    }

    /// gossipsub's scores of the connected peers, as they are now.
    pub(super) fn scored(&mut self, now: Now, scores: Vec<(PeerId, f64)>) {
        if !self.config.reputation.scoring {
            return self.ebb(now);
        }
        let low = |score: f64| score < Self::GRAYLIST;
        self.fallen.retain(|peer, _| scores.iter().any(|(who, score)| who == peer && low(*score)));
        let crowds = self.peers.crowds();
        for (peer, score) in scores {
            self.peers.scored(peer, score);
            self.feed_back(now, peer, &crowds);
            if low(score) {
                self.falls(now, peer, score);
            }
        }
        self.mind_the_gate(now);
        self.ebb(now);
    }

    /// A peer's points in sum: gossipsub's, in which our application score is, and what false messages cost beside.
    pub(super) fn total(&self, now: Now, peer: PeerId) -> f64 {
        self.peers.score(peer) + self.book.score(now.mono, peer).false_messages()
    }

    /// Tells gossipsub our part of a peer's score, when it has changed.
    fn feed_back(&mut self, now: Now, peer: PeerId, crowds: &BTreeMap<Subject, usize>) {
        let here = self.peers.ip(peer).filter(|ip| is_public(*ip) && !self.peers.is_leaf(peer)).map(Subject::address);
        let neighbours = here.and_then(|here| crowds.get(&here)).copied().unwrap_or(0);
        let ours = self.book.score(now.mono, peer).application() + colocation(neighbours);
        if (ours - self.peers.told(peer)).abs() > Self::SAME {
            self.peers.tell(peer, ours);
            self.outputs.push_back(Output::Score { peer, score: ours });
        }
    }

    /// A score is too low. A program that begins anew knows of no backoff, and what it grafts too early counts so much
    /// against it that it falls for a moment: only who stays low is kept out.
    fn falls(&mut self, now: Now, peer: PeerId, score: f64) {
        let patience = self.pace.interval(now).max(Duration::from_secs(1)) + Duration::from_secs(1);
        let fallen = self.fallen.entry(peer).or_insert(super::Fallen { since: now.mono, told: false });
        if fallen.told || now.mono.saturating_sub(fallen.since) < patience {
            return;
        }
        fallen.told = true;
        self.tell(Event::Graylisted(Graylisted { peer, score }));
        let total = self.total(now, peer);
        if total < self.config.reputation.ban_threshold {
            self.condemn(now, peer, total);
        } else {
            let reason = format!("gossipsub's score of it is {score:.1}, below {}", Self::GRAYLIST);
            self.ban_peer(now, peer, Self::BAR, reason, BanCause::Graylist);
        }
    }

    /// A peer's points are below the threshold of bans.
    fn condemn(&mut self, now: Now, peer: PeerId, total: f64) {
        let (earned, rule) = (self.book.score(now.mono, peer).in_words(), &self.config.reputation);
        let earned = if earned.is_empty() { "misbehaved in gossip".to_owned() } else { earned };
        let reason = format!("score {total:.1}, below {}: {earned}", rule.ban_threshold);
        self.ban_peer(now, peer, rule.ban_duration, reason, BanCause::Score);
    }

    /// Bans a peer, unless it is static or nobody is banned here; and its address when it is not the first there.
    fn ban_peer(&mut self, now: Now, peer: PeerId, length: Duration, reason: String, cause: BanCause) {
        if !self.config.reputation.bans || self.spares(peer) {
            return;
        }
        let ip = self.peers.ip(peer);
        if self.peers.contains(peer) {
            let drop = if cause == BanCause::Graylist { DropReason::Graylisted } else { DropReason::Banned };
            self.part(peer, drop);
        }
        self.ban(now, Subject::Peer(peer), ban_for(now, length, reason, ip), cause);
        if let Some(ip) = ip.filter(|ip| self.gate.is_crowd(*ip)) {
            self.ban_address(now, ip, length);
        }
    }

    fn ban_address(&mut self, now: Now, ip: IpAddr, length: Duration) {
        let subject = Subject::address(ip);
        let here: Vec<PeerId> = self.peers.within(subject).collect();
        if here.iter().any(|peer| self.spares(*peer)) {
            return;
        }
        for peer in here {
            self.part(peer, DropReason::Banned);
        }
        let reason = format!("{} banned peers came from there", Gate::CROWD);
        self.ban(now, subject, ban_for(now, length, reason, None), BanCause::Crowd);
    }

    /// Whether a peer is never banned.
    pub(super) fn spares(&self, peer: PeerId) -> bool {
        self.config.reputation.spare_statics && self.statics.contains(peer)
    }

    /// Shuts somebody out, and keeps and tells it; a ban that is there and was as long stays as it is.
    pub(super) fn ban(&mut self, now: Now, subject: Subject, ban: Ban, cause: BanCause) {
        let told = Banned { who: subject, until: ban.until, reason: ban.reason.clone(), cause };
        let Some(evicted) = self.gate.ban(now, subject, ban.clone()) else { return };
        self.keep(Keep::Ban(subject, Some(ban)));
        self.outputs.push_back(Output::Shut(subject));
        self.tell(Event::Banned(told));
        for subject in evicted {
            self.open(subject);
        }
    }

    /// Bans that have ended.
    pub(super) fn end_bans(&mut self, now: Now) {
        for subject in self.gate.ended(now.mono) {
            self.open(subject);
        }
    }

    /// A ban is no more: keeps and tells it.
    pub(super) fn open(&mut self, subject: Subject) {
        self.keep(Keep::Ban(subject, None));
        let is_low = matches!(subject, Subject::Peer(peer) if self.low.contains(&peer));
        if !is_low {
            self.outputs.push_back(Output::Open(subject));
        }
        self.tell(Event::Unbanned(Unbanned { who: subject }));
    }

    /// Those who are away and whose score is too low may not come, until it is back.
    fn mind_the_gate(&mut self, now: Now) {
        let rule = &self.config.reputation;
        let least = rule.min_score.unwrap_or(rule.ban_threshold);
        let is_low = |peer: PeerId| self.book.score(now.mono, peer).own() < least;
        let away = |peer: PeerId| !self.peers.contains(peer) && !self.spares(peer);
        let with_score = self.book.iter().filter(|(_, record)| !record.score.is_blank()).map(|(peer, _)| peer);
        let low: BTreeSet<PeerId> = with_score.filter(|peer| away(*peer) && is_low(*peer)).collect();
        for peer in low.difference(&self.low) {
            self.outputs.push_back(Output::Shut(Subject::Peer(*peer)));
        }
        for peer in self.low.difference(&low).filter(|peer| !self.gate.contains(Subject::Peer(**peer))) {
            self.outputs.push_back(Output::Open(Subject::Peer(*peer)));
        }
        self.low = low;
    }

    /// Keeps what has changed in the book, when it is time.
    pub(super) fn keep_peers(&mut self, now: Now) {
        if now.mono < self.keep_peers_at {
            return;
        }
        self.keep_peers_at = now.mono.saturating_add(Self::KEEP_PEERS);
        for (peer, record) in self.book.changes(now) {
            self.keep(Keep::Peer(peer, record));
        }
    }
}

fn ban_for(now: Now, length: Duration, reason: String, ip: Option<IpAddr>) -> Ban {
    let secs = length.as_secs();
    Ban { until: Some(now.secs().saturating_add(secs)), secs, reason, ip }
}
