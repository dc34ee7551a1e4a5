//! The conditions in a simulated network: its links, and how its nodes answer requests.

/// Properties of all links.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// Minimum and maximum latency of a link, milliseconds.
    pub latency: (u64, u64),
    /// Percentage of the messages on a link that are lost.
    pub loss: u64,
    /// Percentage of the messages on a link that arrive twice.
    pub duplication: u64,
}

/// How a node answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// As the protocol requires.
    Correct,
    /// It never responds.
    Unresponsive,
    /// "Not found", although it has the block.
    NotFound,
    /// With the block after the requested one.
    OtherNumber,
    /// With a changed block that states the old hash.
    WrongHash,
    /// With a valid block that is not on the chain.
    OtherBlock,
    /// With bytes that are not a response.
    Malformed,
    /// With frames that decompress to more than the limit.
    Oversized,
}
