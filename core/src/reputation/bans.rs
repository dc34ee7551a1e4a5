//! Bans: the rules that ban a peer or an address, the length of the ban, and its consequences.

use core::time::Duration;
use std::net::IpAddr;

use super::{BanList, Reputation};
use crate::{
    ban::{Ban, BanTarget},
    context::Context,
    event::{BanCause, Banned, DisconnectReason, Event, Unbanned},
    peer::PeerId,
    peers::Peer,
    persistence::Persist,
    time::Now,
};

impl Reputation {
    /// Bans a peer whose score is below the ban threshold.
    pub(super) fn ban_for_score(&mut self, context: &mut Context, peer: PeerId, total: f64) {
        let earned = context.store.score(context.now.mono, peer).describe();
        let (threshold, length) = (self.config.reputation.ban_threshold, self.config.reputation.ban_duration);
        let earned = if earned.is_empty() { "low gossipsub score".to_owned() } else { earned };
        let reason = format!("score {total:.1}, below {threshold}: {earned}");
        self.ban_peer(context, peer, length, reason, BanCause::Score);
    }

    /// Bans a peer, unless it is protected or bans are switched off; bans its address too when enough of its peers are
    /// banned.
    pub(super) fn ban_peer(
        &mut self,
        context: &mut Context,
        peer: PeerId,
        length: Duration,
        reason: String,
        cause: BanCause,
    ) {
        if !self.config.reputation.bans || self.is_protected(context, peer) {
            return;
        }
        let ip = context.peers.ip(peer);
        if context.peers.contains(peer) {
            let graylisted = cause == BanCause::Graylist;
            self.disconnect(peer, if graylisted { DisconnectReason::Graylisted } else { DisconnectReason::Banned });
        }
        self.ban(context, BanTarget::Peer(peer), ban_for(context.now, length, reason, ip), cause);
        if let Some(ip) = ip.filter(|ip| self.bans.has_too_many_bans(*ip)) {
            self.ban_address(context, ip, length);
        }
    }

    /// Bans a public address for a short time. An address that others use too (an office, a mobile network) is not
    /// banned: op-node never bans addresses by itself.
    fn ban_address(&mut self, context: &mut Context, ip: IpAddr, length: Duration) {
        let target = BanTarget::address(ip);
        let connected: Vec<PeerId> = context.peers.at_address(target).collect();
        if connected.iter().any(|peer| self.is_protected(context, *peer) || self.has_no_offence(context, *peer)) {
            return;
        }
        let length = length.min(Self::ADDRESS_BAN);
        for peer in connected {
            self.disconnect(peer, DisconnectReason::Banned);
        }
        let reason = format!("{} peers of this address are banned", BanList::MAX_PEERS_OF_ADDRESS);
        self.ban(context, target, ban_for(context.now, length, reason, None), BanCause::AddressLimit);
    }

    /// Whether a peer stays connected and has no offence. How long it has been connected does not matter: otherwise whoever
    /// shares an address with a browser could have it disconnected in its first minute.
    fn has_no_offence(&self, context: &Context, peer: PeerId) -> bool {
        let stays = context.peers.get(peer).is_some_and(|peer: &Peer| !peer.is_disconnecting());
        let is_banned = self.bans.contains(BanTarget::Peer(peer)) || self.low_scores.contains(&peer);
        stays && !is_banned && context.store.score(context.now.mono, peer).own() >= 0.0
    }

    /// Adds a ban, persists it and emits it; a ban that already exists and is as long stays as it is.
    fn ban(&mut self, context: &mut Context, target: BanTarget, ban: Ban, cause: BanCause) {
        let event = Banned { who: target, until: ban.until, reason: ban.reason.clone(), cause };
        let Some(evicted) = self.bans.ban(context.now, target, ban.clone()) else { return };
        self.persist(Persist::Ban(target, Some(ban)));
        self.block(context, target);
        self.emit(Event::Banned(event));
        for target in evicted {
            self.unbanned(context, target);
        }
    }

    /// A ban has ended: persists that and emits it. A peer with a low score stays blocked.
    pub(super) fn unbanned(&mut self, context: &mut Context, target: BanTarget) {
        self.persist(Persist::Ban(target, None));
        let is_low = matches!(target, BanTarget::Peer(peer) if self.low_scores.contains(&peer));
        if !is_low {
            self.unblock(context, target);
        }
        self.emit(Event::Unbanned(Unbanned { who: target }));
    }

    /// Bans a target for an operator, replacing a ban that it has, and closes the connections of the peers concerned. A
    /// protected peer is not banned.
    pub(super) fn ban_by_operator(&mut self, context: &mut Context, target: BanTarget, ban: Ban) {
        if matches!(target, BanTarget::Peer(peer) if self.is_protected(context, peer)) {
            return;
        }
        let concerned = context.peers.iter().filter(|peer| concerns(target, peer)).map(|peer| peer.connected.peer);
        let concerned: Vec<PeerId> = concerned.filter(|peer| !self.is_protected(context, *peer)).collect();
        for peer in concerned {
            self.disconnect(peer, DisconnectReason::Banned);
        }
        self.bans.lift(target);
        self.ban(context, target, ban, BanCause::Operator);
    }
}

fn concerns(target: BanTarget, peer: &Peer) -> bool {
    let ip = peer.connected.ip;
    match target {
        BanTarget::Peer(id) => peer.connected.peer == id,
        BanTarget::Ip(_) => ip.map(BanTarget::address) == Some(target),
        BanTarget::Net(net) => ip.is_some_and(|ip| net.contains(&ip)),
    }
}

fn ban_for(now: Now, length: Duration, reason: String, ip: Option<IpAddr>) -> Ban {
    let secs = length.as_secs();
    Ban { until: Some(now.secs().saturating_add(secs)), secs, reason, ip, by_operator: false }
}
