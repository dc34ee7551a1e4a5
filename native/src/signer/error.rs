//! Why the signer cannot be read from L1: each error has its cause, and the remedy if the operator has one.

use alloy_primitives::{Address, B256};
use petrel_core::l1::NoAddress;

use super::bounds::{CALL_TIMEOUT, MAX_RESPONSE};

/// See the module.
#[derive(Clone, Debug, thiserror::Error)]
pub enum L1Error {
    /// L1 does not answer.
    #[error("L1 does not answer: {0}")]
    Unreachable(String),
    /// L1 does not answer in time.
    #[error("L1 did not answer within {} s", CALL_TIMEOUT.as_secs())]
    Timeout,
    /// An HTTP status other than success.
    #[error("L1 answered with HTTP status {0}")]
    Status(u16),
    /// L1 redirects.
    #[error("L1 redirects to another place, {to}: give that URL with --l1")]
    Redirect {
        /// Scheme, host and port of the target; the rest may contain a secret.
        to: String,
    },
    /// A proxy that an environment variable names fails. Its credentials are never shown.
    #[error(
        "the proxy {proxy} of the variable {variable} fails, L1 is not reached: {error}; correct {variable}, or name L1's \
         host in NO_PROXY"
    )]
    Proxy {
        /// Its host and port.
        proxy: String,
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        error: String,
    },
    /// The response is too large.
    #[error("L1's answer has more than {MAX_RESPONSE} bytes")]
    TooLarge,
    /// The response is not a result of the method.
    #[error("L1's answer to {method} is invalid: {error}")]
    Answer {
        /// The method.
        method: &'static str,
        /// What is wrong.
        error: String,
    },
    /// A JSON-RPC error.
    #[error("L1 refuses {method}: {message} ({code})")]
    Refused {
        /// The method.
        method: &'static str,
        /// JSON-RPC's code.
        code: i64,
        /// L1's message.
        message: String,
    },
    /// L1 is another chain.
    #[error("this L1 is chain {found}, expected {expected}: give the --l1 of the rollup's own L1")]
    WrongChain {
        /// In the chain's configuration.
        expected: u64,
        /// L1's.
        found: u64,
    },
    /// L1's head is old.
    #[error("L1 is lagging: its head (block {block}) is {age} s old")]
    Stale {
        /// The head.
        block: u64,
        /// Its age in seconds.
        age: u64,
    },
    /// L1's head is in the future.
    #[error(
        "L1's head (block {block}) is {lead} s ahead of this machine's clock: set the clock, or give another --l1 if the clock \
         is right"
    )]
    Ahead {
        /// The head.
        block: u64,
        /// By how many seconds.
        lead: u64,
    },
    /// L1's block is older than the one of the last reading.
    #[error(
        "L1 is behind: its block {block} is {late} s older than that of the last reading, which stays; it is read again when it \
         has caught up, give another --l1 if it does not"
    )]
    Behind {
        /// The block of this reading.
        block: u64,
        /// By how many seconds it is older.
        late: u64,
    },
    /// A header does not have its block's hash.
    #[error(
        "L1's header of block {block} hashes to {computed} and not to {reported}: give another --l1; if L1 has had a fork since \
         this version, install a newer one, or accept blocks without this check with --l1.trustrpc"
    )]
    FalseHeader {
        /// The block's number.
        block: u64,
        /// The hash that L1 reports.
        reported: B256,
        /// The hash of the header that it reports.
        computed: B256,
    },
    /// Several L1 nodes report different blocks for one number, or different values.
    #[error(
        "the L1 nodes disagree about block {block}: one of them is faulty or follows a fork; two of the --l1 must agree, give a \
         third one"
    )]
    Disagree {
        /// The block's number.
        block: u64,
    },
    /// Fewer than two of several L1 nodes agree.
    #[error("{agree} of {of} L1 nodes can be used, and two must agree: {error}")]
    TooFew {
        /// How many agree.
        agree: usize,
        /// How many there are.
        of: usize,
        /// What is wrong with one of the others.
        error: String,
    },
    /// An error of one of several L1 nodes.
    #[error("{node}: {error}")]
    OfNode {
        /// Its scheme, host and port.
        node: String,
        /// The error.
        error: Box<L1Error>,
    },
    /// L1 no longer has the state at the block.
    #[error(
        "L1 does not have the state of block {block} any more: {message}; widen its window (Reth: --rpc.eth-proof-window \
         BLOCKS), or ask for the newest state with --verifier.l1-confs 0; --l1.trustrpc accepts it without a proof"
    )]
    OutOfWindow {
        /// The requested block.
        block: u64,
        /// L1's message.
        message: String,
    },
    /// L1 gives no proofs.
    #[error("L1 gives no proofs (it lacks eth_getProof): give another L1 node, or accept its word with --l1.trustrpc")]
    NoProof,
    /// The proof is invalid.
    #[error("L1's proof for block {block} is false: {error}")]
    FalseProof {
        /// The block of the state root.
        block: u64,
        /// The mismatch.
        error: String,
    },
    /// There is no contract at the address.
    #[error("there is no contract at {0} on L1: is that the chain's SystemConfig?")]
    NoContract(Address),
    /// The slot holds no address.
    #[error(transparent)]
    NoAddress(#[from] NoAddress),
}

impl L1Error {
    /// Whether L1 is another chain.
    pub fn is_wrong_chain(&self) -> bool {
        match self {
            Self::WrongChain { .. } => true,
            Self::OfNode { error, .. } => error.is_wrong_chain(),
            _ => false,
        }
    }

    /// Whether L1 has no proof for the block.
    pub(super) fn has_no_proof(&self) -> bool {
        matches!(self, Self::OutOfWindow { .. } | Self::NoProof)
    }
}
