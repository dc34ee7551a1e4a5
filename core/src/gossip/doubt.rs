//! Whether the fault may be ours: a wrong signer or a wrong clock makes an honest network look hostile.
//!
//! Sixteen chains have rotated their signer, and browser clocks are often minutes off. So when peers agree with each
//! other against us, nobody is blamed and the operator is told:
//! - valid signatures that recover to one same stranger, relayed by at least [`PEERS`] peers at [`ADDRESSES`] addresses;
//! - blocks of our own signer that are out of time in one direction from most peers that sent any lately.
//!
//! A block in time by our signer ends both doubts. Bounds: [`STRANGERS`] strangers, [`WITNESSES`] witnesses each.

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
/// Strangers remembered; the one with the fewest witnesses makes room.
const STRANGERS: usize = 8;
/// Witnesses remembered for each doubt.
const WITNESSES: usize = 32;

/// A doubt about ourselves that has just become justified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The signer that we believe in is not the network's.
    Signer {
        /// The stranger.
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
pub struct Doubts {
    strangers: BTreeMap<Address, Witnesses>,
    late: Witnesses,
    early: Witnesses,
    signer: Option<Address>,
    /// Our clock minus the blocks' timestamps, seconds, and how many peers showed it.
    skew: Option<(i64, usize)>,
}

type Witnesses = BTreeMap<PeerId, Option<IpAddr>>;

impl Doubts {
    /// Whether blocks of this stranger are held against nobody, as long as none of our signer's come.
    pub fn excuses(&self, stranger: Address) -> bool {
        self.signer == Some(stranger)
    }

    /// Whether our clock is in doubt.
    pub const fn clock(&self) -> bool {
        self.skew.is_some()
    }

    /// By how many seconds our clock is ahead of most peers' blocks, and how many peers those are.
    pub const fn skew(&self) -> Option<(i64, usize)> {
        self.skew
    }

    /// The stranger that most peers follow, if there is one.
    pub const fn signer(&self) -> Option<Address> {
        self.signer
    }

    /// How many of the strangers that are remembered this peer has relayed. An honest one follows one signer, or at a
    /// rotation two.
    pub fn strangers_of(&self, peer: PeerId) -> usize {
        self.strangers.values().filter(|witnesses| witnesses.contains_key(&peer)).count()
    }

    /// A peer relayed a message that is validly signed by a stranger. Tells when that has just become a doubt.
    pub fn stranger(&mut self, found: Address, peer: PeerId, ip: Option<IpAddr>) -> Option<Doubt> {
        if !self.strangers.contains_key(&found) && self.strangers.len() >= STRANGERS {
            let least = self.strangers.iter().min_by_key(|(_, seen)| seen.len()).map(|(address, _)| *address);
            least.map(|address| self.strangers.remove(&address));
        }
        let witnesses = self.strangers.entry(found).or_default();
        witness(witnesses, peer, ip);
        if self.signer == Some(found) || !agree(witnesses) {
            return None;
        }
        self.signer = Some(found);
        Some(Doubt::Signer { found, peers: witnesses.len() })
    }

    /// A peer relayed our signer's block out of time: `offset` is our clock minus its timestamp, seconds. `connected` is
    /// how many peers there are; most of them must agree. Tells when that has just become a doubt.
    pub fn out_of_time(&mut self, offset: i64, peer: PeerId, ip: Option<IpAddr>, connected: usize) -> Option<Doubt> {
        let (witnesses, other) =
            if offset > 0 { (&mut self.late, &mut self.early) } else { (&mut self.early, &mut self.late) };
        other.clear();
        witness(witnesses, peer, ip);
        if self.skew.is_some() || !agree(witnesses) || 2 * witnesses.len() <= connected {
            return None;
        }
        self.skew = Some((offset, witnesses.len()));
        Some(Doubt::Clock { offset, peers: witnesses.len() })
    }

    /// Our signer's block came in time: nothing is wrong with us.
    pub fn settle(&mut self) {
        *self = Self::default();
    }
}

fn witness(witnesses: &mut Witnesses, peer: PeerId, ip: Option<IpAddr>) {
    if witnesses.len() < WITNESSES || witnesses.contains_key(&peer) {
        witnesses.insert(peer, ip);
    }
}

fn agree(witnesses: &Witnesses) -> bool {
    let addresses: BTreeSet<_> = witnesses.values().flatten().collect();
    witnesses.len() >= PEERS && addresses.len() >= ADDRESSES
}
