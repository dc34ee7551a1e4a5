//! The conditions in a world: its links, and how its nodes answer requests.

/// The links.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// The least and the most milliseconds from one node to another.
    pub latency: (u64, u64),
    /// Percentage of the messages on a link that are lost.
    pub loss: u64,
    /// Percentage of the messages on a link that arrive twice.
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
