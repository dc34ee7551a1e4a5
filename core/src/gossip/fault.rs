//! Everything that can be wrong with a message, and what follows from it: two total tables.
//!
//! [`Fault::verdict`] is what the rules say, in op-node's words: it is what events and `petrel check` show.
//! [`Fault::acceptance`] is what gossipsub is told, and so what the sender pays. They differ on purpose: what an honest
//! relay can do in good faith (a block that went stale in transit, the sequencer's own equivocation) is never charged.

use alloy_primitives::{Address, B256};

use crate::{block::DecodeError, sign::SignatureError};

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

/// The first rule that a message breaks. Order and source: op-node's topic validator (`BuildBlocksValidator`, 2026).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
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
    /// The protobuf carried an author, a sequence number, a signature or a key (pubsub's `StrictNoSign`).
    #[error("the message carries an author, a sequence number, a signature or a key, which no anonymous message has")]
    Authored,
    /// It came with too much else at once.
    #[error("more than may be decompressed at once came with it")]
    Surplus,
    /// No signer is configured, so nothing can be believed.
    #[error("no signer is configured")]
    NoSigner,
    /// No signer can be recovered.
    #[error("bad signature: {0}")]
    Signature(#[from] SignatureError),
    /// Validly signed, by somebody else.
    #[error("signed by {found}, not by the chain's signer")]
    WrongSigner {
        /// Who signed it.
        found: Address,
    },
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
    /// The number does not fit 63 bits: op-node's hash of it is meaningless.
    #[error("block number {0} does not fit 63 bits")]
    Number(u64),
    /// The payload's hash is not its hash.
    #[error("block hash is {computed}, the payload claims another")]
    BlockHash {
        /// What it really is.
        computed: B256,
    },
    /// Withdrawals are listed.
    #[error("{0} withdrawals listed, an OP Stack block has none")]
    Withdrawals(usize),
    /// Blob gas used before Jovian.
    #[error("blobGasUsed is {0} before Jovian, must be 0")]
    BlobGasUsed(u64),
    /// Excess blob gas.
    #[error("excessBlobGas is {0}, must be 0")]
    ExcessBlobGas(u64),
    /// Six other blocks were accepted at this height and topic.
    #[error("more than six blocks at height {number}")]
    TooManyAtHeight {
        /// The height.
        number: u64,
    },
    /// This block was accepted already.
    #[error("block already seen")]
    Seen,
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
            Self::Surplus | Self::NoSigner | Self::Seen | Self::Late | Self::NoRoom => Verdict::Ignore,
            Self::SnappyHeader
            | Self::TooLarge
            | Self::TooShort
            | Self::SnappyBody
            | Self::Authored
            | Self::Signature(_)
            | Self::WrongSigner { .. }
            | Self::Undecodable(_)
            | Self::TooOld { .. }
            | Self::TooNew { .. }
            | Self::Number(_)
            | Self::BlockHash { .. }
            | Self::Withdrawals(_)
            | Self::BlobGasUsed(_)
            | Self::ExcessBlobGas(_)
            | Self::TooManyAtHeight { .. }
            | Self::Panicked => Verdict::Reject,
        }
    }

    /// What gossipsub is told. Stale, future and surplus blocks carry the sequencer's signature: whoever relayed them may
    /// have been honest. A panic is ours.
    pub const fn acceptance(&self) -> Acceptance {
        match self {
            Self::SnappyHeader
            | Self::TooLarge
            | Self::TooShort
            | Self::SnappyBody
            | Self::Authored
            | Self::Signature(_)
            | Self::WrongSigner { .. }
            | Self::Undecodable(_)
            | Self::Number(_)
            | Self::BlockHash { .. }
            | Self::Withdrawals(_)
            | Self::BlobGasUsed(_)
            | Self::ExcessBlobGas(_) => Acceptance::Charge,
            Self::Surplus
            | Self::NoSigner
            | Self::TooOld { .. }
            | Self::TooNew { .. }
            | Self::TooManyAtHeight { .. }
            | Self::Seen
            | Self::Late
            | Self::NoRoom
            | Self::Panicked => Acceptance::Ignore,
        }
    }

    /// A stable name, for events and counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SnappyHeader => "snappy_header",
            Self::TooLarge => "too_large",
            Self::TooShort => "too_short",
            Self::SnappyBody => "snappy_body",
            Self::Authored => "authored",
            Self::Surplus => "surplus",
            Self::NoSigner => "no_signer",
            Self::Signature(_) => "signature",
            Self::WrongSigner { .. } => "wrong_signer",
            Self::Undecodable(_) => "undecodable",
            Self::TooOld { .. } => "too_old",
            Self::TooNew { .. } => "too_new",
            Self::Number(_) => "number",
            Self::BlockHash { .. } => "block_hash",
            Self::Withdrawals(_) => "withdrawals",
            Self::BlobGasUsed(_) => "blob_gas_used",
            Self::ExcessBlobGas(_) => "excess_blob_gas",
            Self::TooManyAtHeight { .. } => "too_many_at_height",
            Self::Seen => "seen",
            Self::Late => "late",
            Self::NoRoom => "no_room",
            Self::Panicked => "panicked",
        }
    }
}
