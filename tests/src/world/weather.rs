//! What a world is like: its chance, its links, and how its nodes answer.

/// Chance, all of it: SplitMix64.
#[derive(Clone, Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// A number below `bound` (not 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, of_hundred: u64) -> bool {
        self.below(100) < of_hundred
    }
}

/// How the links are.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Milliseconds from one node to another, at least and at most.
    pub latency: (u64, u64),
    /// Of a hundred messages on one link so many are lost.
    pub loss: u64,
    /// Of a hundred so many arrive twice.
    pub duplication: u64,
}

/// How a node answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// As it should.
    Honest,
    /// With nothing at all.
    Silence,
    /// It does not have what it has.
    Nothing,
    /// With the block after the one that was asked for.
    Neighbour,
    /// With a block whose hash is not its own.
    Tampered,
    /// With a sound block that is not the chain's.
    Stray,
    /// With bytes that are no answer.
    Garbage,
    /// With frames that inflate beyond the bound.
    Bomb,
}
