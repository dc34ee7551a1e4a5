//! Whether the fault may be ours: a wrong signer or a wrong clock makes an honest network look hostile.
//!
//! Sixteen chains have rotated their signer, and browser clocks are often minutes off. So when peers agree with each
//! other against us, nobody is blamed and the operator is told:
//! - valid signatures that recover to one same unknown signer, relayed by at least [`PEERS`] peers at [`ADDRESSES`] addresses;
//! - blocks of our own signer that are out of time in one direction from most peers that sent any lately.
//!
//! A block in time by our signer ends both. Bounds: [`UNKNOWN_SIGNERS`] unknown signers, [`REPORTERS`] reporters each.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use alloy_primitives::Address;

use crate::peer::PeerId;

/// Peers that must agree.
const PEERS: usize = 3;
/// Different addresses that they must have between them.
const ADDRESSES: usize = 2;
/// Strangers remembered; the one with the fewest reporters makes room.
const UNKNOWN_SIGNERS: usize = 8;
/// Reporters remembered for each mismatch.
const REPORTERS: usize = 32;

/// A doubt about ourselves that has just become justified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The signer that we believe in is not the network's.
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

/// See the module.
#[derive(Debug, Default)]
pub struct MismatchDetector {
    unknown: BTreeMap<Address, Reporters>,
    late: Reporters,
    early: Reporters,
    signer: Option<Address>,
    /// Our clock minus the blocks' timestamps, seconds, and how many peers showed it.
    skew: Option<(i64, usize)>,
}

type Reporters = BTreeMap<PeerId, Option<IpAddr>>;

impl MismatchDetector {
    /// Whether blocks of this unknown signer are held against nobody, as long as none of our signer's come.
    pub fn exempts(&self, unknown: Address) -> bool {
        self.signer == Some(unknown)
    }

    /// Whether our clock is wrong.
    pub const fn clock(&self) -> bool {
        self.skew.is_some()
    }

    /// By how many seconds our clock is ahead of most peers' blocks, and how many peers those are.
    pub const fn skew(&self) -> Option<(i64, usize)> {
        self.skew
    }

    /// The unknown signer that most peers follow, if there is one.
    pub const fn signer(&self) -> Option<Address> {
        self.signer
    }

    /// How many of the unknown signers that are remembered this peer has relayed. An honest one follows one signer, or at a
    /// rotation two.
    pub fn unknown_signers_of(&self, peer: PeerId) -> usize {
        self.unknown.values().filter(|reporters| reporters.contains_key(&peer)).count()
    }

    /// A peer relayed a message that is validly signed by an unknown signer. Tells when that has just become a mismatch.
    pub fn unknown_signer(&mut self, found: Address, peer: PeerId, ip: Option<IpAddr>) -> Option<Mismatch> {
        if !self.unknown.contains_key(&found) && self.unknown.len() >= UNKNOWN_SIGNERS {
            let least = self.unknown.iter().min_by_key(|(_, seen)| seen.len()).map(|(address, _)| *address);
            least.map(|address| self.unknown.remove(&address));
        }
        let reporters = self.unknown.entry(found).or_default();
        add_reporter(reporters, peer, ip);
        if self.signer == Some(found) || !agree(reporters) {
            return None;
        }
        self.signer = Some(found);
        Some(Mismatch::Signer { found, peers: reporters.len() })
    }

    /// A peer relayed our signer's block out of time: `offset` is our clock minus its timestamp, seconds. `connected` is
    /// how many peers there are; most of them must agree. Tells when that has just become a mismatch.
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

    /// Our signer's block came in time: nothing is wrong with us.
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
