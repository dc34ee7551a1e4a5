//! The judgement of one message by itself: for benches, behind the feature `bench`, and never in the package.

use std::sync::Arc;

use bytes::Bytes;
use petrel_core::{
    fork::{Fork, Forks, Version},
    message::Message,
    primitives::Primitives,
    validation::{Signers, ValidationTask},
};
use serde_json::json;
use wasm_bindgen::prelude::*;

use crate::error::{Error, ErrorCode};

/// Everything from the bytes on the wire to the verdict, as the node does it: `{id, signer, hash}` as JSON.
///
/// # Errors
/// The message is not valid at its own time.
#[wasm_bindgen(js_name = judgeMessage)]
pub fn judge_message(wire: &[u8], topic: &str, chain: u64, signer: &str, timestamp: u64) -> Result<String, JsValue> {
    let failed = |message: String| Error::new(ErrorCode::BadOptions, message, "give a valid message");
    let message = Message::take(&Bytes::copy_from_slice(wire));
    let id = message.id(topic);
    let check = ValidationTask {
        chain_id: chain,
        forks: Arc::new(Forks::all_until(Fork::Jovian)),
        version: Version::V4,
        message,
        signers: Signers::new(Some(signer.parse().map_err(|_| failed("no signer".to_owned()))?)),
        at: timestamp,
        past: 60,
    };
    let block = check.run(Primitives::PORTABLE).result.map_err(|fault| failed(fault.to_string()))?;
    let id: String = id.0.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({ "id": format!("0x{id}"), "signer": block.signer, "hash": block.hash }).to_string())
}
