//! Reads SystemConfig's slot over an L1 node's JSON-RPC, bounded in time and bytes.
//!
//! It verifies that L1 is the expected chain, that its head is recent, that the reading is not older than the last one, and that
//! the value is proven against the state root of its block. The block itself is trusted: a proof protects against faulty
//! proxies and caches, not against an L1 node that invents blocks.

use alloy_primitives::{Address, B256, U64, b256};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    error::L1Error,
    proof::{self, AccountProof},
    rpc::RpcClient,
    source::SignerSource,
};
use crate::system::clock::unix_now;

/// The slot of the unsafe block signer: `keccak256("systemconfig.unsafeblocksigner")`, the address in its low 20 bytes
/// (specs, system-config).
pub const SLOT: B256 = b256!("65a7ed542fb37fe237fdfbdd70b31598523fe5b32879e307bae27a0bd9581c08");

/// Seconds that L1's head may be behind our clock: 75 slots.
const MAX_HEAD_AGE: u64 = 15 * 60;
/// JSON-RPC's code for an unknown method.
const NO_METHOD: i64 = -32601;
/// How often the newest state is requested in one reading: L1's head may move between two calls.
const ATTEMPTS: u32 = 3;
/// Parts of the messages of Reth (two spellings), geth, and Nethermind for a state that they no longer have; in lower case.
const PRUNED_STATE: [&str; 4] = ["proof window", "proof-window", "missing trie node", "no state available for block"];

/// A successful reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignerReading {
    /// The signer; `None` when the slot is zero.
    pub signer: Option<Address>,
    /// The L1 block at which it was read.
    pub block: u64,
    /// The timestamp of L1's newest block at the time of the reading, Unix seconds.
    pub head_time: u64,
}

/// See the module.
#[derive(Debug)]
pub struct L1Client {
    source: SignerSource,
    rpc: RpcClient,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct L1Block {
    number: U64,
    timestamp: U64,
    state_root: B256,
}

impl L1Client {
    /// Sends nothing yet. A proxy is taken from the process's environment.
    pub fn new(source: SignerSource) -> Self {
        Self::with_variables(source, &|name| std::env::var(name).ok())
    }

    /// The same with other environment variables.
    pub fn with_variables(source: SignerSource, value: &dyn Fn(&str) -> Option<String>) -> Self {
        Self { rpc: RpcClient::new(source.url.clone(), value), source }
    }

    /// Reads the signer at the configured depth, at block `floor` or later.
    ///
    /// # Errors
    /// See [`L1Error`].
    pub async fn read(&self, floor: u64) -> Result<SignerReading, L1Error> {
        self.check_chain().await?;
        let mut attempt = 1;
        loop {
            let (head, block) = self.head_and_block(floor).await?;
            let word = match self.proven_word(&block).await {
                // The head has moved since it was read, and L1 proves only the newest state.
                Err(L1Error::OutOfWindow { .. }) if block.number == head.number && attempt < ATTEMPTS => {
                    attempt += 1;
                    continue;
                }
                Err(L1Error::OutOfWindow { .. } | L1Error::NoProof) if self.source.trust => {
                    self.unproven_word(&block).await?
                }
                word => word?,
            };
            return Ok(SignerReading {
                signer: address(word)?,
                block: block.number.to(),
                head_time: head.timestamp.to(),
            });
        }
    }

    /// L1's head, and the block at which the slot is read.
    async fn head_and_block(&self, floor: u64) -> Result<(L1Block, L1Block), L1Error> {
        let head = self.block("latest").await?;
        check_age(&head)?;
        // As op-node: a chain that is shorter than the depth is read at its head.
        let head_number = head.number.to::<u64>();
        let number = head_number.checked_sub(self.source.confs).unwrap_or(head_number);
        if number < floor {
            return Err(L1Error::Behind { block: number, floor });
        }
        let block = if number == head_number { head } else { self.block(&format!("{number:#x}")).await? };
        Ok((head, block))
    }

    async fn check_chain(&self) -> Result<(), L1Error> {
        let found: U64 = self.call("eth_chainId", json!([])).await?;
        let (expected, found) = (self.source.chain, found.to::<u64>());
        match expected {
            Some(expected) if expected != found => Err(L1Error::WrongChain { expected, found }),
            _ => Ok(()),
        }
    }

    async fn block(&self, which: &str) -> Result<L1Block, L1Error> {
        self.call("eth_getBlockByNumber", json!([which, false])).await
    }

    /// The slot's word, proven.
    async fn proven_word(&self, block: &L1Block) -> Result<B256, L1Error> {
        let (number, account) = (block.number.to(), self.source.system_config);
        let at = format!("{:#x}", block.number);
        let proof: AccountProof = self.call("eth_getProof", json!([account, [SLOT], at])).await.map_err(|error| {
            if matches!(error, L1Error::Refused { code: NO_METHOD, .. }) {
                L1Error::NoProof
            } else {
                with_age(error, number)
            }
        })?;
        let proven = proof::verify(block.state_root, account, SLOT, &proof)
            .map_err(|error| L1Error::FalseProof { block: number, error })?;
        proven.ok_or(L1Error::NoContract(account))
    }

    /// The slot's word without a proof.
    async fn unproven_word(&self, block: &L1Block) -> Result<B256, L1Error> {
        let at = format!("{:#x}", block.number);
        let word = self.call("eth_getStorageAt", json!([self.source.system_config, SLOT, at])).await;
        word.map_err(|error| with_age(error, block.number.to()))
    }

    async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, L1Error> {
        self.rpc.call(method, params).await
    }
}

/// Turns a refusal because of the block's age into [`L1Error::OutOfWindow`]. Nodes have no error code for it, only messages.
fn with_age(error: L1Error, block: u64) -> L1Error {
    match error {
        L1Error::Refused { code, message, .. } if code != NO_METHOD && is_pruned_state(&message) => {
            L1Error::OutOfWindow { block, message }
        }
        error => error,
    }
}

fn is_pruned_state(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let is_gone = ["not available", "unavailable"].iter().any(|gone| message.contains(gone));
    PRUNED_STATE.iter().any(|words| message.contains(words)) || message.contains("historical state") && is_gone
}

fn check_age(head: &L1Block) -> Result<(), L1Error> {
    let age = unix_now().saturating_sub(head.timestamp.to());
    if age > MAX_HEAD_AGE { Err(L1Error::Stale { block: head.number.to(), age }) } else { Ok(()) }
}

fn address(word: B256) -> Result<Option<Address>, L1Error> {
    let (zeros, address) = word.split_at(12);
    if zeros.iter().any(|byte| *byte != 0) {
        return Err(L1Error::NoAddress(word));
    }
    Ok(Some(Address::from_slice(address)).filter(|address| !address.is_zero()))
}
