//! Everything that can be wrong with a message, and what follows from it: two total tables.
//!
//! [`Fault::verdict`] is what the rules say, in op-node's words: it is what events and `petrel check` show.
//! [`Fault::acceptance`] is what gossipsub is told, and so what the sender pays. They differ on purpose, and the reason is the
//! provenance, which is the fault's own type:
//!
//! | fault | who made it | the sender pays |
//! |---|---|---|
//! | [`Message`](Fault::Message) | whoever sent it, as far as is known: nothing in it is signed by a signer of ours | yes |
//! | [`Block`](Fault::Block) | the sequencer: a signer of ours, current or in its grace, signed the bytes | no |
//! | [`Envelope`](Fault::Envelope) | somebody on the way: a signer of ours signed the bytes, and clients more lenient than op-node forward what is around them (kona: recovery ids 27 and up, messages with a key or a signature) | no |
//! | [`Node`](Fault::Node) | this node, which could not judge | no |

use alloy_primitives::Address;

use crate::{
    block::{DecodeError, InvalidPayload},
    schedule::OffSchedule,
    sign::SignatureError,
};

mod answer;
mod offence;

pub use answer::{AnswerFault, Blame};
pub use offence::Offence;

/// What the rules say of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is a block of the chain's sequencer.
    Accept,
    /// It is false or out of bounds.
    Reject,
    /// Neither: it is not forwarded, and nobody is blamed.
    Ignore,
}

impl Verdict {
    /// `accept`, `reject`, `ignore`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Ignore => "ignore",
        }
    }
}

/// What gossipsub is told: forward, charge the sender, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Forward.
    Accept,
    /// Charge every peer that sent it (the P4 counter).
    Charge,
    /// Neither forward nor charge.
    Ignore,
}

/// The first rule that a message breaks, by whose fault that is. Order and source of the rules: op-node's topic validator
/// (`BuildBlocksValidator`, 2026).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub enum Fault {
    /// The message is nobody's of ours.
    Message(#[from] MessageFault),
    /// What a signer of ours signed breaks a rule.
    Block(#[from] BlockFault),
    /// What a signer of ours signed came in another envelope than its own.
    Envelope(#[from] EnvelopeFault),
    /// Nothing is known to be wrong with it.
    Node(#[from] NodeFault),
}

/// See [`Fault::Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageFault {
    /// The snappy header does not parse.
    #[error("the snappy length header does not parse")]
    SnappyHeader,
    /// More than 10 MiB declared.
    #[error("declares more than 10 MiB decompressed")]
    TooLarge,
    /// Less than 66 bytes declared.
    #[error("declares less than 66 bytes decompressed")]
    TooShort,
    /// The snappy block is corrupt.
    #[error("the snappy block is corrupt")]
    SnappyBody,
    /// The protobuf carried a signature or a key (pubsub's `StrictNoSign`).
    #[error("the message carries a signature or a key, which no anonymous message has")]
    Authored,
    /// No signer can be recovered.
    #[error("bad signature: {0}")]
    Signature(#[from] SignatureError),
    /// Validly signed, by somebody else.
    #[error("signed by {found}, not by the chain's signer")]
    WrongSigner {
        /// Who signed it.
        found: Address,
    },
}

/// See [`Fault::Block`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// The payload does not decode in the topic's version.
    #[error("payload does not decode: {0}")]
    Undecodable(#[from] DecodeError),
    /// Older than the threshold.
    #[error("timestamp {timestamp} is {by} s too old")]
    TooOld {
        /// The block's.
        timestamp: u64,
        /// Seconds beyond the threshold.
        by: u64,
    },
    /// More than 5 s ahead of our clock.
    #[error("timestamp {timestamp} is {by} s too far in the future")]
    TooNew {
        /// The block's.
        timestamp: u64,
        /// Seconds beyond the allowance.
        by: u64,
    },
    /// Its contents break a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidPayload),
    /// Base's rule on a block's time.
    #[error(transparent)]
    OffSchedule(#[from] OffSchedule),
    /// Six other blocks were accepted at this height and topic.
    #[error("more than six blocks at height {number}")]
    TooManyAtHeight {
        /// The height.
        number: u64,
    },
    /// This block was accepted already.
    #[error("block already seen")]
    Seen,
}

/// See [`Fault::Envelope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// The recovery id was written another way: op-node takes 0 and 1 alone.
    #[error("our signer's block with recovery id {0}, which was rewritten on its way")]
    RecoveryId(u8),
    /// The protobuf carried a signature or a key.
    #[error("our signer's block in a message with a signature or a key")]
    Authored,
}

/// See [`Fault::Node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeFault {
    /// It came with too much else at once.
    #[error("more than may be decompressed at once came with it")]
    Surplus,
    /// No signer is configured, so nothing can be believed.
    #[error("no signer is configured")]
    NoSigner,
    /// Its signer was believed when it came, and is not any more.
    #[error("its signer was retired while it was judged")]
    Retired,
    /// It waited longer for a check than a check may live.
    #[error("not judged in time")]
    Late,
    /// Its place in the queue went to a fairer share.
    #[error("no room to wait for a check")]
    NoRoom,
    /// The check panicked: a defect of this program.
    #[error("the check panicked")]
    Panicked,
}

impl Fault {
    /// What the rules say.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Message(_) | Self::Envelope(_) => Verdict::Reject,
            Self::Block(fault) => match fault {
                BlockFault::Seen => Verdict::Ignore,
                BlockFault::Undecodable(_)
                | BlockFault::TooOld { .. }
                | BlockFault::TooNew { .. }
                | BlockFault::Invalid(_)
                | BlockFault::OffSchedule(_)
                | BlockFault::TooManyAtHeight { .. } => Verdict::Reject,
            },
            Self::Node(fault) => match fault {
                NodeFault::Panicked => Verdict::Reject,
                NodeFault::Surplus | NodeFault::NoSigner | NodeFault::Retired | NodeFault::Late | NodeFault::NoRoom => {
                    Verdict::Ignore
                }
            },
        }
    }

    /// What gossipsub is told.
    pub const fn acceptance(&self) -> Acceptance {
        match self {
            Self::Message(_) => Acceptance::Charge,
            Self::Block(_) | Self::Envelope(_) | Self::Node(_) => Acceptance::Ignore,
        }
    }

    /// A stable name, for events and counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Message(fault) => fault.name(),
            Self::Block(fault) => fault.name(),
            Self::Envelope(EnvelopeFault::RecoveryId(_)) => "rewritten_recovery_id",
            Self::Envelope(EnvelopeFault::Authored) => "rewritten_authored",
            Self::Node(fault) => fault.name(),
        }
    }
}

impl MessageFault {
    const fn name(&self) -> &'static str {
        match self {
            Self::SnappyHeader => "snappy_header",
            Self::TooLarge => "too_large",
            Self::TooShort => "too_short",
            Self::SnappyBody => "snappy_body",
            Self::Authored => "authored",
            Self::Signature(_) => "signature",
            Self::WrongSigner { .. } => "wrong_signer",
        }
    }
}

impl BlockFault {
    const fn name(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "undecodable",
            Self::TooOld { .. } => "too_old",
            Self::TooNew { .. } => "too_new",
            Self::Invalid(fault) => fault.name(),
            Self::OffSchedule(_) => "off_schedule",
            Self::TooManyAtHeight { .. } => "too_many_at_height",
            Self::Seen => "seen",
        }
    }
}

impl NodeFault {
    const fn name(&self) -> &'static str {
        match self {
            Self::Surplus => "surplus",
            Self::NoSigner => "no_signer",
            Self::Retired => "retired",
            Self::Late => "late",
            Self::NoRoom => "no_room",
            Self::Panicked => "panicked",
        }
    }
}
