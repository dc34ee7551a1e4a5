//! The result of a run.

/// The result of a run.
#[derive(Debug, Default)]
pub struct FuzzOutcome {
    /// What did not hold, with the number of the action; empty when everything held. At most [`FuzzOutcome::FAILURES`].
    pub failures: Vec<String>,
    /// Inputs and timeouts given to the node.
    pub calls: usize,
    /// Blocks emitted as verified.
    pub blocks: usize,
    /// Bans emitted.
    pub bans: usize,
    /// Restarts.
    pub restarts: usize,
    /// Blocks that the sequencer replaced.
    pub replaced: usize,
}

impl FuzzOutcome {
    /// Failures after which a run ends.
    pub const FAILURES: usize = 8;
}
