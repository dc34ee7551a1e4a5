//! What an operator asks of a running node.

use core::time::Duration;

use crate::{
    ban::{Ban, BanTarget},
    net::{Host, driver::Driver},
    node::{BanStatus, Input, PeerReport},
};

/// It is never banned: it is to be kept connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a static peer is never banned: take it out of --p2p.static")]
pub struct Spared;

impl<H: Host> Driver<H> {
    /// Every connected peer, with all that its score is made of.
    pub fn peers(&self) -> Vec<PeerReport> {
        self.node.peers(self.host.now())
    }

    /// Bans somebody from now on, in the place of a ban that it has; without a length until it is lifted. It is kept soon
    /// after.
    ///
    /// # Errors
    /// It is a peer that is never banned.
    pub fn ban(&mut self, who: BanTarget, length: Option<Duration>, reason: String) -> Result<BanStatus, Spared> {
        if matches!(who, BanTarget::Peer(peer) if self.node.is_protected(peer)) {
            return Err(Spared);
        }
        let secs = length.map_or(0, |length| length.as_secs());
        let until = length.map(|_| self.host.now().secs().saturating_add(secs));
        let status = BanStatus { who, until, reason: reason.clone() };
        self.feed(Input::Ban { who, ban: Ban { until, secs, reason, ip: None } });
        Ok(self.node.ban_of(who).unwrap_or(status))
    }

    /// Lifts a ban; `false` when there is none.
    pub fn lift(&mut self, who: BanTarget) -> bool {
        let there = self.node.ban_of(who).is_some();
        self.feed(Input::Unban { who });
        there
    }
}
