//! The validation of one message without a node: for benches, behind the feature `bench`, and never in the package.

use std::sync::Arc;

use bytes::Bytes;
use petrel_core::{
    fork::{Fork, Forks, Version},
    message::Message,
    primitives::Primitives,
    schedule::ChainSchedule,
    validation::{Signers, ValidationTask},
};
use serde_json::json;
use wasm_bindgen::prelude::*;

use crate::{
    error::{Error, ErrorCode},
    settings,
};

/// Validates a message as the node does, from the bytes on the wire to the verdict: `{id, signer, hash}` as JSON.
///
/// # Errors
/// The message is not valid at `timestamp`, its block's own time.
#[wasm_bindgen(js_name = validateMessage)]
pub fn validate_message(wire: &[u8], topic: &str, chain: u64, signer: &str, timestamp: u64) -> Result<String, JsValue> {
    let failed = |message: String| Error::new(ErrorCode::BadOptions, message, "give a valid message");
    let message = Message::take(&Bytes::copy_from_slice(wire));
    let id = message.id(topic);
    let task = ValidationTask {
        chain_id: chain,
        schedule: Arc::new(schedule(chain)?),
        version: Version::V4,
        message,
        signers: Signers::new(Some(signer.parse().map_err(|_| failed("no signer".to_owned()))?)),
        at: timestamp,
        past: 60,
    };
    let block = task.run(Primitives::PORTABLE).result.map_err(|fault| failed(fault.to_string()))?;
    let id: String = id.0.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({ "id": format!("0x{id}"), "signer": block.signer, "hash": block.hash }).to_string())
}

/// A chain on which every fork up to Jovian is active.
fn schedule(chain: u64) -> Result<ChainSchedule, Error> {
    let rollup = json!({
        "l1_chain_id": 1,
        "l2_chain_id": chain,
        "block_time": 2,
        "genesis": { "l2_time": 0, "l2": { "number": 0, "hash": format!("0x{}", "00".repeat(32)) } },
    });
    let mut chain = settings::chain::of_value(&rollup)?;
    chain.forks = Forks::all_until(Fork::Jovian);
    Ok(ChainSchedule::new(&chain))
}
