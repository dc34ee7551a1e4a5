//! Faults: everything that can be wrong with a gossiped message, and what follows from it, in two total tables.
//!
//! [`Fault::verdict`] is the result by op-node's rules: events and `petrel check` show it. [`Fault::acceptance`] is the
//! result that is reported to gossipsub, and so decides whether the sender is penalised. They differ on purpose. The
//! reason is the origin of the fault, which is the variant of [`Fault`]:
//!
//! | fault | who caused it | the sender is penalised |
//! |---|---|---|
//! | [`Message`](Fault::Message) | the sender, as far as is known: no accepted signer signed anything in it | yes |
//! | [`Block`](Fault::Block) | the sequencer: an accepted signer, current or in its grace period, signed the bytes | no
//! |
//! | [`Envelope`](Fault::Envelope) | a peer on the path: an accepted signer signed the bytes, and clients more lenient
//! than op-node forward changes to the bytes around them (kona: recovery ids 27 and up, messages with a key or a
//! signature) | no |
//! | [`Node`](Fault::Node) | this node, which could not validate | no |

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

/// The result of validation by the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is a block of the chain's sequencer.
    Accept,
    /// It breaks a rule.
    Reject,
    /// Neither: it is not forwarded, and no peer is penalised.
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

/// What is reported to gossipsub: forward, penalise the sender, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Forward.
    Accept,
    /// Penalise every peer that sent it (gossipsub's P4 counter).
    Charge,
    /// Neither forward nor penalise.
    Ignore,
}

/// The first rule that a message breaks, by who caused it. Order and source of the rules: op-node's topic validator
/// (`BuildBlocksValidator`, 2026).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub enum Fault {
    /// No accepted signer signed the message.
    Message(#[from] MessageFault),
    /// A block that an accepted signer signed breaks a rule.
    Block(#[from] BlockFault),
    /// Bytes that an accepted signer signed came in a changed envelope.
    Envelope(#[from] EnvelopeFault),
    /// This node could not validate the message; nothing is known to be wrong with it.
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
    #[error("the message carries a signature or a key; it must be anonymous")]
    Authored,
    /// No signer can be recovered.
    #[error("bad signature: {0}")]
    Signature(#[from] SignatureError),
    /// Validly signed by an unknown signer.
    #[error("signed by {found}, not by the chain's signer")]
    WrongSigner {
        /// The recovered signer.
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
        /// The block's timestamp, Unix seconds.
        timestamp: u64,
        /// Seconds beyond the threshold.
        by: u64,
    },
    /// More than 5 s ahead of our clock.
    #[error("timestamp {timestamp} is {by} s too far in the future")]
    TooNew {
        /// The block's timestamp, Unix seconds.
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
        /// The block number.
        number: u64,
    },
    /// This block was accepted already.
    #[error("block already seen")]
    Seen,
}

/// See [`Fault::Envelope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// The recovery id was rewritten: op-node accepts only 0 and 1.
    #[error("the signer's block with recovery id {0}, which a peer rewrote")]
    RecoveryId(u8),
    /// The protobuf carried a signature or a key.
    #[error("the signer's block in a message with a signature or a key")]
    Authored,
}

/// See [`Fault::Node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeFault {
    /// It came in one read with more data than may be decompressed at once.
    #[error("it came with more data than may be decompressed at once")]
    Surplus,
    /// No signer is configured, so no message can be accepted.
    #[error("no signer is configured")]
    NoSigner,
    /// Its signer was accepted when it arrived, and was retired during validation.
    #[error("its signer was retired during validation")]
    Retired,
    /// Its validation task did not end within the timeout.
    #[error("not validated in time")]
    Late,
    /// It was removed from a full validation queue, because its sender had the most bytes or messages waiting.
    #[error("removed from a full validation queue")]
    NoRoom,
    /// The validation task panicked: a defect of this program.
    #[error("the validation task panicked")]
    Panicked,
}

impl Fault {
    /// The result by the rules.
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

    /// What is reported to gossipsub.
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
