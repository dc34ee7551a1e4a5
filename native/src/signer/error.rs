//! Why there is no reading of the signer: each error says what it is, and the remedy where the operator has one.

use alloy_primitives::{Address, B256};

use super::rpc::{ANSWER, CALL};

/// Why there is no reading.
#[derive(Clone, Debug, thiserror::Error)]
pub enum L1Error {
    /// No answer.
    #[error("L1 does not answer: {0}")]
    Unreachable(String),
    /// Not in time.
    #[error("L1 did not answer within {} s", CALL.as_secs())]
    Timeout,
    /// An HTTP status.
    #[error("L1 answered with HTTP status {0}")]
    Status(u16),
    /// It is somewhere else.
    #[error("L1 redirects to another place, {to}: give the URL itself with --l1")]
    Redirect {
        /// Scheme, host and port of the place, without what may be a secret.
        to: String,
    },
    /// A proxy of the environment's variables fails. Its credentials are never shown.
    #[error(
        "the proxy {proxy} of the variable {variable} fails, L1 is not reached: {error}; correct {variable}, or name L1's \
         host in NO_PROXY"
    )]
    Proxy {
        /// Its host and port.
        proxy: String,
        /// Where it is given.
        variable: &'static str,
        /// What is wrong.
        error: String,
    },
    /// More than it may be.
    #[error("L1's answer has more than {ANSWER} bytes")]
    TooLarge,
    /// Not what the method returns.
    #[error("L1's answer to {method} is no answer: {error}")]
    Answer {
        /// Asked for.
        method: &'static str,
        /// What is wrong.
        error: String,
    },
    /// A JSON-RPC error.
    #[error("L1 refuses {method}: {message} ({code})")]
    Refused {
        /// Asked for.
        method: &'static str,
        /// JSON-RPC's code.
        code: i64,
        /// In its words.
        message: String,
    },
    /// Another chain.
    #[error("this L1 is chain {found}, expected {expected}: give the --l1 of the rollup's own L1")]
    WrongChain {
        /// As the chain's configuration has it.
        expected: u64,
        /// As L1 says.
        found: u64,
    },
    /// Its head is old.
    #[error("L1 is lagging: its head (block {block}) is {age} s old")]
    Stale {
        /// Its head.
        block: u64,
        /// Seconds.
        age: u64,
    },
    /// It went back.
    #[error("L1 is behind: it reads at block {block}, the last reading was at {floor}")]
    Behind {
        /// At which it would be read.
        block: u64,
        /// Of the last reading.
        floor: u64,
    },
    /// The state at the block is not there any more.
    #[error(
        "L1 does not have the state of block {block} any more: {message}; widen its window (Reth: --rpc.eth-proof-window \
         BLOCKS), or ask for the newest state with --verifier.l1-confs 0; --l1.trustrpc believes it without a proof"
    )]
    OutOfWindow {
        /// At which the slot was asked for.
        block: u64,
        /// In L1's words.
        message: String,
    },
    /// No proof to be had.
    #[error("L1 gives no proofs (eth_getProof is not there): give another, or believe it with --l1.trustrpc")]
    NoProof,
    /// The proof proves nothing, or something else.
    #[error("L1's proof for block {block} is false: {error}")]
    FalseProof {
        /// Of the state root.
        block: u64,
        /// What does not fit.
        error: String,
    },
    /// Nothing is deployed there.
    #[error("there is no contract at {0} on L1: is that the chain's SystemConfig?")]
    NoContract(Address),
    /// The slot holds something else.
    #[error("SystemConfig's signer slot holds {0}, which is no address")]
    NoAddress(B256),
}
