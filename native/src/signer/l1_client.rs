//! One reading of SystemConfig's slot over an L1 node's JSON-RPC: bounded in time and bytes, checked before it counts.
//!
//! What is checked: that L1 is the chain that it should be, that its head is fresh, that the reading is not older than the
//! last one, and that the value is proven against the state root of the block that it is read at. The block itself is
//! L1's word: a proof guards against proxies, caches and faults, not against an L1 node that invents blocks.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy_primitives::{Address, B256, Bytes, U64, U256, b256};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{L1Error, Source, proof, rpc::Rpc};

/// The slot of the unsafe block signer: `keccak256("systemconfig.unsafeblocksigner")`, the address in its low 20 bytes
/// (specs, system-config).
pub const SLOT: B256 = b256!("65a7ed542fb37fe237fdfbdd70b31598523fe5b32879e307bae27a0bd9581c08");

/// Seconds that L1's head may be behind our clock: 75 slots.
const STALE: u64 = 15 * 60;
/// JSON-RPC's code for a method that is not there.
const NO_METHOD: i64 = -32601;
/// How often the newest state is asked for in one reading: L1's head may move between two calls.
const ATTEMPTS: u32 = 3;
/// What Reth says (two spellings), geth, and Nethermind, of a state that is not there any more; in lower case.
const AGED: [&str; 4] = ["proof window", "proof-window", "missing trie node", "no state available for block"];

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The signer; `None` when the slot is zero.
    pub signer: Option<Address>,
    /// The L1 block at which it was read.
    pub block: u64,
    /// The timestamp of L1's newest block at the time of the reading, Unix seconds.
    pub head_time: u64,
}

/// See the module.
#[derive(Debug)]
pub struct L1 {
    source: Source,
    rpc: Rpc,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    number: U64,
    timestamp: U64,
    state_root: B256,
}

/// `eth_getProof`'s answer (EIP-1186).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proof {
    pub(super) nonce: U64,
    pub(super) balance: U256,
    pub(super) storage_hash: B256,
    pub(super) code_hash: B256,
    pub(super) account_proof: Vec<Bytes>,
    pub(super) storage_proof: Vec<SlotProof>,
}

/// One slot of it.
#[derive(Debug, Deserialize)]
pub(super) struct SlotProof {
    pub(super) value: U256,
    pub(super) proof: Vec<Bytes>,
}

impl L1 {
    /// Nothing is asked yet. A proxy is taken from the process's environment.
    pub fn new(source: Source) -> Self {
        Self::with_variables(source, &|name| std::env::var(name).ok())
    }

    /// The same with the environment variables as `value` says.
    pub fn with_variables(source: Source, value: &dyn Fn(&str) -> Option<String>) -> Self {
        Self { rpc: Rpc::new(source.url.clone(), value), source }
    }

    /// Reads the signer at the configured depth, at block `floor` or later.
    ///
    /// # Errors
    /// See [`L1Error`].
    pub async fn read(&self, floor: u64) -> Result<Reading, L1Error> {
        self.check_chain().await?;
        let mut attempt = 1;
        loop {
            let (head, block) = self.at(floor).await?;
            let word = match self.proven(&block).await {
                // The head has moved since it was read, and L1 proves the newest state alone.
                Err(L1Error::OutOfWindow { .. }) if block.number == head.number && attempt < ATTEMPTS => {
                    attempt += 1;
                    continue;
                }
                Err(L1Error::OutOfWindow { .. } | L1Error::NoProof) if self.source.trust => self.told(&block).await?,
                word => word?,
            };
            return Ok(Reading { signer: address(word)?, block: block.number.to(), head_time: head.timestamp.to() });
        }
    }

    /// L1's head, and the block at which the slot is read.
    async fn at(&self, floor: u64) -> Result<(Block, Block), L1Error> {
        let head = self.block("latest").await?;
        fresh(&head)?;
        // op-node: a chain that is younger than the depth is read at its head.
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

    async fn block(&self, which: &str) -> Result<Block, L1Error> {
        self.call("eth_getBlockByNumber", json!([which, false])).await
    }

    /// The slot's word, proven.
    async fn proven(&self, block: &Block) -> Result<B256, L1Error> {
        let (number, account) = (block.number.to(), self.source.system_config);
        let at = format!("{:#x}", block.number);
        let proof: Proof = self.call("eth_getProof", json!([account, [SLOT], at])).await.map_err(|error| {
            if matches!(error, L1Error::Refused { code: NO_METHOD, .. }) {
                L1Error::NoProof
            } else {
                aged(error, number)
            }
        })?;
        let proven = proof::verify(block.state_root, account, SLOT, &proof)
            .map_err(|error| L1Error::FalseProof { block: number, error })?;
        proven.ok_or(L1Error::NoContract(account))
    }

    /// The same, believed.
    async fn told(&self, block: &Block) -> Result<B256, L1Error> {
        let at = format!("{:#x}", block.number);
        let word = self.call("eth_getStorageAt", json!([self.source.system_config, SLOT, at])).await;
        word.map_err(|error| aged(error, block.number.to()))
    }

    async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, L1Error> {
        self.rpc.call(method, params).await
    }
}

/// A refusal because of the block's age is named as that. Nodes have no code of their own for it, but each has its words.
fn aged(error: L1Error, block: u64) -> L1Error {
    match error {
        L1Error::Refused { code, message, .. } if code != NO_METHOD && is_of_age(&message) => {
            L1Error::OutOfWindow { block, message }
        }
        error => error,
    }
}

fn is_of_age(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let is_gone = ["not available", "unavailable"].iter().any(|gone| message.contains(gone));
    AGED.iter().any(|words| message.contains(words)) || message.contains("historical state") && is_gone
}

fn fresh(head: &Block) -> Result<(), L1Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let age = now.saturating_sub(head.timestamp.to());
    if age > STALE { Err(L1Error::Stale { block: head.number.to(), age }) } else { Ok(()) }
}

fn address(word: B256) -> Result<Option<Address>, L1Error> {
    let (zeros, address) = word.split_at(12);
    if zeros.iter().any(|byte| *byte != 0) {
        return Err(L1Error::NoAddress(word));
    }
    Ok(Some(Address::from_slice(address)).filter(|address| !address.is_zero()))
}
