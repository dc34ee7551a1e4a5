//! Blocks that link to nothing, and what they cost their senders. A forged block costs nothing to make. But an honest
//! peer follows another branch after a reorg, and when the signer has left the branch of our gap all of them do: so a
//! block counts only when another peer gave the right one. Bound: the peers that range sync knows.

use std::collections::{BTreeMap, BTreeSet};

use super::peer::SyncPeer;
use crate::{fault::Offence, peer::PeerId};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unlinked {
    /// The peers that gave another block than the expected one at the upper end of the target.
    senders: BTreeSet<PeerId>,
    offences: Vec<(PeerId, Offence)>,
}

impl Unlinked {
    /// This peer's block is not the expected one.
    pub(super) fn add(&mut self, peer: PeerId) {
        self.senders.insert(peer);
    }

    /// The expected block arrived: the others were wrong.
    pub(super) fn refute(&mut self, peers: &mut BTreeMap<PeerId, SyncPeer>) {
        for peer in core::mem::take(&mut self.senders) {
            if peers.get_mut(&peer).is_some_and(SyncPeer::refute) {
                self.offences.push((peer, Offence::InvalidResponse));
            }
        }
    }

    /// Another block is expected now.
    pub(super) fn clear(&mut self) {
        self.senders.clear();
    }

    /// The offences since the last call.
    pub(super) fn take_offences(&mut self) -> Vec<(PeerId, Offence)> {
        core::mem::take(&mut self.offences)
    }
}
