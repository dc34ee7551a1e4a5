//! One reading of SystemConfig's slot over an L1 node's JSON-RPC: bounded in time and bytes, checked before it counts.
//!
//! What is checked: that L1 is the chain that it should be, that its head is fresh, that the reading is not older than the
//! last one, and that the value is proven against the state root of the block that it is read at. The block itself is
//! L1's word: a proof guards against proxies, caches and faults, not against an L1 node that invents blocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy_primitives::{Address, B256, Bytes, U64, U256, b256};
use futures::StreamExt;
use reqwest::{Client, Response};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Source, proof};

/// The slot of the unsafe block signer: `keccak256("systemconfig.unsafeblocksigner")`, the address in its low 20 bytes
/// (specs, system-config).
pub const SLOT: B256 = b256!("65a7ed542fb37fe237fdfbdd70b31598523fe5b32879e307bae27a0bd9581c08");

/// How long one call may take (op-node's too).
const CALL: Duration = Duration::from_secs(10);
/// Bytes of one answer at most. A block with the hashes of its transactions has some 100 kB, a proof 10.
const ANSWER: usize = 4 << 20;
/// Seconds that L1's head may be behind our clock: 75 slots.
const STALE: u64 = 15 * 60;
/// JSON-RPC's code for a method that is not there.
const NO_METHOD: i64 = -32601;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The signer; `None` when the slot is zero.
    pub signer: Option<Address>,
    /// The L1 block at which it was read.
    pub block: u64,
}

/// Why there is no reading.
#[derive(Debug, thiserror::Error)]
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

/// See the module.
#[derive(Debug)]
pub struct L1 {
    source: Source,
    client: Result<Client, String>,
}

#[derive(Debug, Deserialize)]
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

#[derive(Deserialize)]
struct Answer {
    result: Option<Value>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    message: String,
}

impl L1 {
    /// Nothing is asked yet.
    pub fn new(source: Source) -> Self {
        // libp2p brings the same provider; a second installation is refused and changes nothing.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(CALL).redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        Self { source, client: client.map_err(|error| error.to_string()) }
    }

    /// Reads the signer at the configured depth, at block `floor` or later.
    ///
    /// # Errors
    /// See [`L1Error`].
    pub async fn read(&self, floor: u64) -> Result<Reading, L1Error> {
        self.check_chain().await?;
        let head = self.block("latest").await?;
        fresh(&head)?;
        // op-node: a chain that is younger than the depth is read at its head.
        let head_number = head.number.to::<u64>();
        let number = head_number.checked_sub(self.source.confs).unwrap_or(head_number);
        if number < floor {
            return Err(L1Error::Behind { block: number, floor });
        }
        let block = if number == head_number { head } else { self.block(&format!("{number:#x}")).await? };
        let word = self.slot(&block).await?;
        Ok(Reading { signer: address(word)?, block: number })
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

    /// The slot's word, proven, or believed where that was allowed.
    async fn slot(&self, block: &Block) -> Result<B256, L1Error> {
        let (at, account) = (format!("{:#x}", block.number), self.source.system_config);
        match self.call::<Proof>("eth_getProof", json!([account, [SLOT], at])).await {
            Ok(proof) => {
                let number = block.number.to();
                let proven = proof::verify(block.state_root, account, SLOT, &proof)
                    .map_err(|error| L1Error::FalseProof { block: number, error })?;
                proven.ok_or(L1Error::NoContract(account))
            }
            Err(L1Error::Refused { code: NO_METHOD, .. }) if self.source.trust => {
                self.call("eth_getStorageAt", json!([account, SLOT, at])).await
            }
            Err(L1Error::Refused { code: NO_METHOD, .. }) => Err(L1Error::NoProof),
            Err(error) => Err(error),
        }
    }

    async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, L1Error> {
        let client = self.client.as_ref().map_err(|error| L1Error::Unreachable(error.clone()))?;
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = client.post(self.source.url.clone()).json(&request).send().await.map_err(unreachable)?;
        let wrong = |error: serde_json::Error| L1Error::Answer { method, error: error.to_string() };
        let (status, body) = (response.status(), body(response).await?);
        // Some nodes answer an RPC error with a status of its own: what they say is worth more.
        let answer: Answer = match serde_json::from_slice(&body) {
            Err(_) if !status.is_success() => return Err(L1Error::Status(status.as_u16())),
            answer => answer.map_err(wrong)?,
        };
        match answer {
            Answer { error: Some(Refusal { code, message }), .. } => {
                Err(L1Error::Refused { method, code, message: message.chars().take(200).collect() })
            }
            Answer { result, .. } => serde_json::from_value(result.unwrap_or_default()).map_err(wrong),
        }
    }
}

/// The answer's bytes, never more than [`ANSWER`].
async fn body(response: Response) -> Result<Vec<u8>, L1Error> {
    let mut body = Vec::new();
    let mut parts = response.bytes_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(unreachable)?;
        if body.len() + part.len() > ANSWER {
            return Err(L1Error::TooLarge);
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// What went wrong, without the URL, which may hold a secret.
fn unreachable(error: reqwest::Error) -> L1Error {
    if error.is_timeout() {
        return L1Error::Timeout;
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    L1Error::Unreachable(cause.to_string())
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
