//! Operator commands: list peers, ban, unban.

use core::time::Duration;

use crate::{
    ban::{Ban, BanTarget},
    net::{Host, driver::Driver},
    node::{BanStatus, Input, PeerReport},
};

/// The peer is static, and static peers are not banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a static peer is never banned: take it out of --p2p.static")]
pub struct ProtectedPeer;

impl<H: Host> Driver<H> {
    /// The connected peers, with the parts of their scores.
    pub fn peers(&self) -> Vec<PeerReport> {
        self.node.peers(self.host.now())
    }

    /// Bans a peer, address or network, and replaces an existing ban of it. Without a length the ban is permanent. It
    /// is persisted soon after.
    ///
    /// # Errors
    /// The target is a static peer that is protected from bans.
    pub fn ban(
        &mut self,
        who: BanTarget,
        length: Option<Duration>,
        reason: String,
    ) -> Result<BanStatus, ProtectedPeer> {
        if matches!(who, BanTarget::Peer(peer) if self.node.is_protected(peer)) {
            return Err(ProtectedPeer);
        }
        let secs = length.map_or(0, |length| length.as_secs());
        let until = length.map(|_| self.host.now().secs().saturating_add(secs));
        let status = BanStatus { who, until, reason: reason.clone() };
        self.feed(Input::Ban { who, ban: Ban { until, secs, reason, ip: None, by_operator: true } });
        Ok(self.node.ban_of(who).unwrap_or(status))
    }

    /// Lifts a ban; `false` if there is none.
    pub fn unban(&mut self, who: BanTarget) -> bool {
        let was_banned = self.node.ban_of(who).is_some();
        self.feed(Input::Unban { who });
        was_banned
    }
}
