//! The answers of one L1 node over JSON-RPC, each verified as far as possible: the chain, blocks whose header hashes to their hash,
//! and the signer's slot with its proof.

use alloy_primitives::{B256, U64};
use petrel_core::{
    l1::{self, L1Block, MAX_LEAD, SIGNER_SLOT},
    state_proof::AccountProof,
};
use serde_json::{Value, json};

use super::{error::L1Error, proxy::Variables, rpc::RpcClient, source::SignerSource};
use crate::{secret::SecretUrl, system::clock::unix_now};

/// Seconds that L1's head may be behind our clock: 75 slots.
const MAX_HEAD_AGE: u64 = 15 * 60;
/// JSON-RPC's code for an unknown method.
const NO_METHOD: i64 = -32601;
/// Parts of the messages of Reth (two spellings), geth, and Nethermind for a state that they no longer have; in lower case.
const PRUNED_STATE: [&str; 4] = ["proof window", "proof-window", "missing trie node", "no state available for block"];

/// See the module.
#[derive(Debug)]
pub(super) struct L1Node {
    rpc: RpcClient,
    url: SecretUrl,
}

impl L1Node {
    /// Sends nothing yet.
    pub(super) fn new(url: SecretUrl, variables: Variables<'_>) -> Self {
        Self { rpc: RpcClient::new(url.clone(), variables), url }
    }

    /// Scheme, host and port, for errors.
    pub(super) fn name(&self) -> String {
        self.url.origin()
    }

    /// The newest block.
    ///
    /// # Errors
    /// L1 is another chain, or its head is old or in the future.
    pub(super) async fn head(&self, source: &SignerSource) -> Result<L1Block, L1Error> {
        let found: U64 = self.rpc.call("eth_chainId", json!([])).await?;
        let found = found.to::<u64>();
        if let Some(expected) = source.chain.filter(|expected| *expected != found) {
            return Err(L1Error::WrongChain { expected, found });
        }
        let head = self.read_block("latest", source).await?;
        let (block, now) = (head.number(), unix_now());
        match (now.saturating_sub(head.timestamp()), head.timestamp().saturating_sub(now)) {
            (age, _) if age > MAX_HEAD_AGE => Err(L1Error::Stale { block, age }),
            (_, lead) if lead > MAX_LEAD => Err(L1Error::Ahead { block, lead }),
            _ => Ok(head),
        }
    }

    /// The block of this number.
    ///
    /// # Errors
    /// See [`L1Error`].
    pub(super) async fn block(&self, number: u64, source: &SignerSource) -> Result<L1Block, L1Error> {
        let block = self.read_block(&format!("{number:#x}"), source).await?;
        if block.number() != number {
            let error = format!("it is block {} instead of {number}", block.number());
            return Err(L1Error::Answer { method: "eth_getBlockByNumber", error });
        }
        Ok(block)
    }

    /// A block whose header hashes to its hash; with `--l1.trustrpc` the hash is not checked.
    async fn read_block(&self, which: &str, source: &SignerSource) -> Result<L1Block, L1Error> {
        let method = "eth_getBlockByNumber";
        let json: Value = self.rpc.call(method, json!([which, false])).await?;
        let invalid = |error: serde_json::Error| L1Error::Answer { method, error: error.to_string() };
        let block: L1Block = serde_json::from_value(json.clone()).map_err(invalid)?;
        if source.trust {
            return Ok(block);
        }
        match l1::header_hash(&json).map_err(invalid)? {
            computed if computed == block.hash => Ok(block),
            computed => Err(L1Error::FalseHeader { block: block.number(), reported: block.hash, computed }),
        }
    }

    /// The slot's word, proven against the block's state root.
    ///
    /// # Errors
    /// See [`L1Error`].
    pub(super) async fn proven_word(&self, block: &L1Block, source: &SignerSource) -> Result<B256, L1Error> {
        let (number, account) = (block.number(), source.system_config);
        let at = format!("{number:#x}");
        let proof: AccountProof =
            self.rpc.call("eth_getProof", json!([account, [SIGNER_SLOT], at])).await.map_err(|error| {
                if matches!(error, L1Error::Refused { code: NO_METHOD, .. }) {
                    L1Error::NoProof
                } else {
                    with_age(error, number)
                }
            })?;
        let proven = l1::signer_word(block.state_root, account, &proof)
            .map_err(|error| L1Error::FalseProof { block: number, error: error.to_string() })?;
        proven.ok_or(L1Error::NoContract(account))
    }

    /// The slot's word without a proof.
    ///
    /// # Errors
    /// See [`L1Error`].
    pub(super) async fn unproven_word(&self, block: &L1Block, source: &SignerSource) -> Result<B256, L1Error> {
        let at = format!("{:#x}", block.number());
        let word = self.rpc.call("eth_getStorageAt", json!([source.system_config, SIGNER_SLOT, at])).await;
        word.map_err(|error| with_age(error, block.number()))
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
