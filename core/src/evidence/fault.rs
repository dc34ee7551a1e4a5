//! What can be wrong with evidence.

use alloy_primitives::B256;

use crate::fault::{Fault, Verdict};

/// The first thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceFault {
    /// It has more than [`MAX_BYTES`](super::MAX_BYTES); nothing in it was read.
    #[error("{0} bytes, evidence has at most 48 MiB")]
    TooLarge(usize),
    /// It is no JSON of this kind and version, or a field is missing or malformed.
    #[error("no petrel-equivocation document: {0}")]
    Malformed(String),
    /// It is about another chain than the judge's.
    #[error("of chain {found}, not of chain {expected}")]
    OtherChain {
        /// The chain id that it states.
        found: u64,
        /// The judge's chain id.
        expected: u64,
    },
    /// A message is not accepted by the node's own rules: a wrong signer or chain id, a changed byte.
    #[error("block {place}: {fault}")]
    Message {
        /// Which of the two, 1 or 2.
        place: u8,
        /// The first rule that it breaks.
        fault: Fault,
    },
    /// The two blocks have different numbers.
    #[error("blocks of two heights, {first} and {second}")]
    OtherHeight {
        /// The number of the first block.
        first: u64,
        /// The number of the second block.
        second: u64,
    },
    /// Both are the same block.
    #[error("both are the block {0}")]
    SameBlock(B256),
    /// A field states something else than the messages.
    #[error("`{0}` is not what the messages say")]
    Misstated(&'static str),
}

impl EvidenceFault {
    /// What is wrong with the document's form, shortened: the error may quote the document.
    pub(super) fn malformed(error: impl core::fmt::Display) -> Self {
        Self::Malformed(error.to_string().chars().take(200).collect())
    }

    /// The verdict by the rules: that of the message's fault, else reject.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Message { fault, .. } => fault.verdict(),
            Self::TooLarge(_)
            | Self::Malformed(_)
            | Self::OtherChain { .. }
            | Self::OtherHeight { .. }
            | Self::SameBlock(_)
            | Self::Misstated(_) => Verdict::Reject,
        }
    }

    /// A stable name; a message's fault keeps its own.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "evidence_too_large",
            Self::Malformed(_) => "bad_evidence",
            Self::OtherChain { .. } => "other_chain",
            Self::Message { fault, .. } => fault.name(),
            Self::OtherHeight { .. } => "other_height",
            Self::SameBlock(_) => "same_block",
            Self::Misstated(_) => "misstated",
        }
    }
}
