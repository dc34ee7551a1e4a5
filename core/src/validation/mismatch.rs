//! Mismatch detection: a wrong signer or a wrong clock of this node makes an honest network look hostile.
//!
//! Sixteen chains have rotated their signer, and browser clocks are often minutes off. So when peers agree with each
//! other against this node, no peer is penalised and the operator gets an event. The two cases:
//! - valid signatures that recover to the same unknown signer, relayed by at fewest [`PEERS`] peers at [`ADDRESSES`]
//!   addresses;
//! - blocks of our own signer that are out of time in one direction, from most connected peers.
//!
//! A block of our signer that is in time ends both. Bounds: [`UNKNOWN_SIGNERS`] unknown signers, [`REPORTERS`]
//! reporters each.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use alloy_primitives::Address;

use crate::peer::PeerId;

/// Peers that must agree.
const PEERS: usize = 3;
/// Different IP addresses that these peers must have.
const ADDRESSES: usize = 2;
/// Unknown signers remembered; when there are more, the one with the fewest reporters is removed.
const UNKNOWN_SIGNERS: usize = 8;
/// Reporters remembered for each mismatch.
const REPORTERS: usize = 32;

/// A mismatch that was just detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The configured signer is not the network's.
    Signer {
        /// The unknown signer.
        found: Address,
        /// How many peers relay its blocks.
        peers: usize,
    },
    /// Our clock is not the network's.
    Clock {
        /// Our clock minus the block's timestamp, seconds.
        offset: i64,
        /// How many peers sent such blocks.
        peers: usize,
    },
}

/// The reporters of unknown signers, and of late and early blocks. See the module.
#[derive(Debug, Default)]
pub struct MismatchDetector {
    unknown: BTreeMap<Address, Reporters>,
    late: Reporters,
    early: Reporters,
    signer: Option<Address>,
    /// The clock skew: our clock minus the blocks' timestamps in seconds, and how many peers reported it.
    skew: Option<(i64, usize)>,
}

type Reporters = BTreeMap<PeerId, Option<IpAddr>>;

impl MismatchDetector {
    /// Whether peers are not penalised for blocks of this unknown signer, because a signer mismatch is detected and no
    /// block of our signer comes.
    pub fn exempts(&self, unknown: Address) -> bool {
        self.signer == Some(unknown)
    }

    /// Whether clock skew is detected.
    pub const fn clock(&self) -> bool {
        self.skew.is_some()
    }

    /// The clock skew: by how many seconds our clock is ahead of most peers' blocks, and how many peers those are.
    pub const fn skew(&self) -> Option<(i64, usize)> {
        self.skew
    }

    /// The unknown signer whose blocks several peers relay, if a signer mismatch is detected.
    pub const fn signer(&self) -> Option<Address> {
        self.signer
    }

    /// How many of the remembered unknown signers this peer has reported. A correct peer follows one signer, or two
    /// during a rotation.
    pub fn unknown_signers_of(&self, peer: PeerId) -> usize {
        self.unknown.values().filter(|reporters| reporters.contains_key(&peer)).count()
    }

    /// A peer relayed a message that is validly signed by an unknown signer. Returns a mismatch when this report
    /// completes one.
    pub fn unknown_signer(&mut self, found: Address, peer: PeerId, ip: Option<IpAddr>) -> Option<Mismatch> {
        if !self.unknown.contains_key(&found) && self.unknown.len() >= UNKNOWN_SIGNERS {
            let fewest = self.unknown.iter().min_by_key(|(_, reporters)| reporters.len()).map(|(address, _)| *address);
            fewest.map(|address| self.unknown.remove(&address));
        }
        let reporters = self.unknown.entry(found).or_default();
        add_reporter(reporters, peer, ip);
        if self.signer == Some(found) || !agree(reporters) {
            return None;
        }
        self.signer = Some(found);
        Some(Mismatch::Signer { found, peers: reporters.len() })
    }

    /// A peer relayed our signer's block out of time: `offset` is our clock minus its timestamp, seconds. More than
    /// half of the `connected` peers must agree. Returns a mismatch when this report completes one.
    pub fn out_of_time(&mut self, offset: i64, peer: PeerId, ip: Option<IpAddr>, connected: usize) -> Option<Mismatch> {
        let (reporters, other) =
            if offset > 0 { (&mut self.late, &mut self.early) } else { (&mut self.early, &mut self.late) };
        other.clear();
        add_reporter(reporters, peer, ip);
        if self.skew.is_some() || !agree(reporters) || 2 * reporters.len() <= connected {
            return None;
        }
        self.skew = Some((offset, reporters.len()));
        Some(Mismatch::Clock { offset, peers: reporters.len() })
    }

    /// Our signer's block came in time: forgets all reports.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

fn add_reporter(reporters: &mut Reporters, peer: PeerId, ip: Option<IpAddr>) {
    if reporters.len() < REPORTERS || reporters.contains_key(&peer) {
        reporters.insert(peer, ip);
    }
}

fn agree(reporters: &Reporters) -> bool {
    let addresses: BTreeSet<_> = reporters.values().flatten().collect();
    reporters.len() >= PEERS && addresses.len() >= ADDRESSES
}
