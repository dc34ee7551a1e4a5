//! Mismatch detection: a wrong signer or a wrong clock of this node makes an honest network look hostile.
//!
//! Sixteen chains have rotated their signer, and browser clocks are often minutes off. So when witnesses agree with each
//! other against this node, no peer is penalised and the operator gets an event. The two cases:
//! - valid signatures that recover to the same unknown signer, relayed by witnesses at [`PLACES`] places;
//! - blocks of our own signer that are out of time in one direction, from witnesses at most places.
//!
//! Who is a witness, and where, is decided in `witnesses`. While a recent block of our signer confirms it, nobody is:
//! any number of peers cannot outvote the signer. A block of our signer that is in time ends both. Bounds:
//! [`UNKNOWN_SIGNERS`] unknown signers, [`REPORTERS`] reporters and [`REPORTERS`] witnesses each.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;

use super::witnesses::{PLACES, Place};
use crate::peer::PeerId;

/// Unknown signers remembered; when there are more, the oldest of those with the fewest witnesses and reporters is
/// removed.
const UNKNOWN_SIGNERS: usize = 8;
/// Reporters remembered for each mismatch. So many places are enough, however many there are.
const REPORTERS: usize = 32;

/// A mismatch that was just detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The configured signer is not the network's.
    Signer {
        /// The unknown signer.
        found: Address,
        /// How many witnesses relay its blocks.
        peers: usize,
    },
    /// Our clock is not the network's.
    Clock {
        /// Our clock minus the block's timestamp, seconds.
        offset: i64,
        /// How many witnesses sent such blocks.
        peers: usize,
    },
}

/// The reporters of unknown signers, and of late and early blocks. See the module.
#[derive(Debug, Default)]
pub struct MismatchDetector {
    unknown: BTreeMap<Address, Reporters>,
    /// Reports of unknown signers so far.
    reports: u64,
    late: Agreement,
    early: Agreement,
    signer: Option<Address>,
    /// The clock skew: our clock minus the blocks' timestamps in seconds, and how many peers reported it.
    skew: Option<(i64, usize)>,
}

/// Who has relayed blocks of one unknown signer.
#[derive(Debug, Default)]
struct Reporters {
    /// Peers, witnesses or not.
    all: BTreeSet<PeerId>,
    witnesses: Agreement,
    /// The number of the report that came first, to remove older ones first.
    first: u64,
}

/// Witnesses that say the same, and their places.
#[derive(Debug, Default)]
struct Agreement(BTreeMap<PeerId, Place>);

impl Agreement {
    fn add(&mut self, peer: PeerId, place: Place) {
        if self.0.len() < REPORTERS || self.0.contains_key(&peer) {
            self.0.insert(peer, place);
        }
    }

    /// Each place counts once, however many witnesses are there.
    fn places(&self) -> usize {
        self.0.values().collect::<BTreeSet<_>>().len()
    }
}

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
        self.unknown.values().filter(|reporters| reporters.all.contains(&peer)).count()
    }

    /// A peer relayed a message that is validly signed by an unknown signer. `place` is `None` when the peer is no
    /// witness. Returns a mismatch when this report completes one.
    pub fn unknown_signer(&mut self, found: Address, peer: PeerId, place: Option<Place>) -> Option<Mismatch> {
        if !self.unknown.contains_key(&found) && !self.has_room(place.is_some()) {
            return None;
        }
        self.reports += 1;
        let first = self.reports;
        let reporters = self.unknown.entry(found).or_insert_with(|| Reporters { first, ..Reporters::default() });
        if reporters.all.len() < REPORTERS {
            reporters.all.insert(peer);
        }
        reporters.witnesses.add(peer, place?);
        let peers = reporters.witnesses.0.len();
        if self.signer == Some(found) || reporters.witnesses.places() < PLACES {
            return None;
        }
        self.signer = Some(found);
        Some(Mismatch::Signer { found, peers })
    }

    /// Makes room for one more unknown signer. One that a witness has reported is never removed for one that none has.
    fn has_room(&mut self, is_witness: bool) -> bool {
        if self.unknown.len() < UNKNOWN_SIGNERS {
            return true;
        }
        let ranks = self.unknown.iter().map(|(signer, by)| (by.witnesses.0.len(), by.all.len(), by.first, *signer));
        let Some((witnesses, _, _, fewest)) = ranks.min() else { return true };
        let replaces = is_witness || witnesses == 0;
        if replaces {
            self.unknown.remove(&fewest);
        }
        replaces
    }

    /// A witness relayed our signer's block out of time: `offset` is our clock minus its timestamp, seconds. More than
    /// half of the `places` at which witnesses are connected must agree. Returns a mismatch when this report completes
    /// one.
    pub fn out_of_time(&mut self, offset: i64, peer: PeerId, place: Place, places: usize) -> Option<Mismatch> {
        let (agreement, other) =
            if offset > 0 { (&mut self.late, &mut self.early) } else { (&mut self.early, &mut self.late) };
        // Its latest word counts.
        other.0.remove(&peer);
        agreement.add(peer, place);
        let needed = (places / 2 + 1).clamp(PLACES, REPORTERS);
        if self.skew.is_some() || agreement.places() < needed {
            return None;
        }
        let peers = agreement.0.len();
        self.skew = Some((offset, peers));
        Some(Mismatch::Clock { offset, peers })
    }

    /// Our signer's block came in time: forgets all reports.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
