//! What an L1 node says about the signer of a chain's blocks, verified for JavaScript, which asks it. Nothing of an answer is believed
//! that does not hash to what the page trusts.

use alloy_primitives::{Address, B256};
use petrel_core::{
    l1::{self, L1Block},
    state_proof::AccountProof,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasm_bindgen::prelude::*;

use crate::error::{Error, ErrorCode};

const OTHER_RPC: &str = "give another `request`";

/// Bytes of a header's JSON: the largest field, the bloom filter, has 514.
const MAX_HEADER: usize = 64 << 10;
/// Bytes of the JSON of a proof of one slot: real ones have some 20 kB.
const MAX_PROOF: usize = 256 << 10;

/// A header that hashes to the trusted hash, as JSON. `www/package/src/worker/l1-reading.ts` mirrors it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct L1Header {
    number: u64,
    /// Unix seconds.
    timestamp: u64,
    state_root: B256,
}

/// Verifies that the header in a block's JSON (`eth_getBlockByHash`) has this hash. The result is JSON: `{number, timestamp,
/// state_root}`.
///
/// # Errors
/// `{code, message, remedy}`: `bad_header`.
#[wasm_bindgen(js_name = l1Header)]
pub fn l1_header(hash: &str, block: &str) -> Result<String, JsValue> {
    let header = header(hash, block)?;
    Ok(serde_json::to_string(&header).unwrap_or_default())
}

/// The signer's address, proven by an answer to `eth_getProof` for the slot `petrel_core::l1::SIGNER_SLOT` of SystemConfig.
///
/// # Errors
/// `{code, message, remedy}`: `bad_proof`, `no_contract`, `no_l1_signer`.
#[wasm_bindgen(js_name = l1Signer)]
pub fn l1_signer(state_root: &str, system_config: &str, proof: &str) -> Result<String, JsValue> {
    Ok(signer(state_root, system_config, proof)?.to_string())
}

/// The signer's address in the slot's word, which is not proven.
///
/// # Errors
/// `{code, message, remedy}`: `no_l1_signer`.
#[wasm_bindgen(js_name = l1Word)]
pub fn l1_word(word: &str) -> Result<String, JsValue> {
    let word = word.parse::<B256>().map_err(|_| no_signer("the answer to eth_getStorageAt is no word of 32 bytes"));
    Ok(signer_in(word?)?.to_string())
}

fn header(hash: &str, block: &str) -> Result<L1Header, Error> {
    let bad = |message: String| {
        let remedy = "give another `request`; if L1 has had a fork since this version, update the package";
        Error::new(ErrorCode::BadHeader, message, remedy)
    };
    let unreadable =
        |error: &dyn core::fmt::Display| bad(format!("L1's header of the block {hash} cannot be read: {error}"));
    let trusted = hash.parse::<B256>().map_err(|error| unreadable(&error))?;
    if block.len() > MAX_HEADER {
        return Err(unreadable(&format!("it has more than {MAX_HEADER} bytes")));
    }
    let json: Value = serde_json::from_str(block).map_err(|error| unreadable(&error))?;
    let computed = l1::header_hash(&json).map_err(|error| unreadable(&error))?;
    if computed != trusted {
        return Err(bad(format!("L1's header hashes to {computed} and not to {trusted}, the block that is trusted")));
    }
    let block = L1Block::deserialize(&json).map_err(|error| unreadable(&error))?;
    Ok(L1Header { number: block.number(), timestamp: block.timestamp(), state_root: block.state_root })
}

fn signer(state_root: &str, system_config: &str, proof: &str) -> Result<Address, Error> {
    let bad = |error: &dyn core::fmt::Display| {
        Error::new(ErrorCode::BadProof, format!("L1's proof of the signer is false: {error}"), OTHER_RPC)
    };
    let state_root = state_root.parse::<B256>().map_err(|error| bad(&error))?;
    let system_config = system_config.parse::<Address>().map_err(|error| bad(&error))?;
    if proof.len() > MAX_PROOF {
        return Err(bad(&format!("it has more than {MAX_PROOF} bytes")));
    }
    let proof: AccountProof = serde_json::from_str(proof).map_err(|error| bad(&error))?;
    let word = l1::signer_word(state_root, system_config, &proof).map_err(|error| bad(&error))?;
    signer_in(word.ok_or_else(|| {
        let message = format!("there is no contract at {system_config} on L1, proven by its state");
        Error::new(
            ErrorCode::NoContract,
            message,
            "correct the chain's l1_system_config_address, or trust a header of its own L1",
        )
    })?)
}

fn signer_in(word: B256) -> Result<Address, Error> {
    let signer = l1::signer_in(word).map_err(|error| no_signer(error.to_string()))?;
    signer.ok_or_else(|| no_signer("SystemConfig's signer slot is empty"))
}

fn no_signer(message: impl Into<String>) -> Error {
    Error::new(
        ErrorCode::NoL1Signer,
        message,
        "correct the chain's l1_system_config_address; the last signer that was read stays",
    )
}

#[cfg(test)]
mod tests {
    use super::{ErrorCode, header, signer, signer_in};

    const HEADERS: &str = include_str!("../../tests/vectors/l1/headers.json");
    const SIGNERS: &str = include_str!("../../tests/vectors/l1/signers.json");

    fn text(json: &serde_json::Value, key: &str) -> String {
        json[key].as_str().unwrap().to_owned()
    }

    #[test]
    fn headers_of_real_blocks_have_their_hashes_and_a_changed_one_has_not() {
        let headers: serde_json::Value = serde_json::from_str(HEADERS).unwrap();
        for vector in headers["headers"].as_array().unwrap() {
            let mut block = vector["header"].clone();
            let hash = text(&block, "hash");
            let read = header(&hash, &block.to_string()).unwrap();
            assert_eq!(format!("{:#x}", read.number), text(&block, "number"));
            assert_eq!(read.state_root.to_string(), text(&block, "stateRoot"));
            block["timestamp"] = "0x1".into();
            assert_eq!(header(&hash, &block.to_string()).unwrap_err().code, ErrorCode::BadHeader);
        }
    }

    #[test]
    fn a_header_that_is_none_or_too_long_is_refused() {
        let hash = format!("0x{}", "11".repeat(32));
        for block in ["", "null", "{}", "[1]", &format!("{{\"extraData\":\"{}\"}}", "0".repeat(1 << 17))] {
            assert_eq!(header(&hash, block).unwrap_err().code, ErrorCode::BadHeader);
        }
        assert_eq!(header("0x12", "{}").unwrap_err().code, ErrorCode::BadHeader);
    }

    #[test]
    fn the_signer_is_proven_and_what_is_none_has_its_code() {
        let vector: serde_json::Value = serde_json::from_str(SIGNERS).unwrap();
        let contract = text(&vector, "systemConfig");
        for case in vector["cases"].as_array().unwrap() {
            let (hash, block) = (text(&case["header"], "hash"), case["header"].to_string());
            let root = header(&hash, &block).unwrap().state_root.to_string();
            let read = signer(&root, &contract, &case["proof"].to_string());
            match case["signer"].as_str() {
                Some(expected) => assert_eq!(read.unwrap().to_string().to_lowercase(), expected),
                None => {
                    let code = serde_json::to_value(read.unwrap_err().code).unwrap();
                    assert_eq!(code, case["error"], "{}", case["of"]);
                }
            }
        }
    }

    #[test]
    fn a_proof_that_is_none_or_of_another_block_is_refused() {
        let vector: serde_json::Value = serde_json::from_str(SIGNERS).unwrap();
        let contract = text(&vector, "systemConfig");
        let root = text(&vector["cases"][0]["header"], "stateRoot");
        let code = |proof: &str| signer(&root, &contract, proof).unwrap_err().code;
        assert_eq!(code(&vector["cases"][1]["proof"].to_string()), ErrorCode::BadProof);
        for proof in ["", "{}", "null", &" ".repeat(1 << 19)] {
            assert_eq!(code(proof), ErrorCode::BadProof);
        }
    }

    #[test]
    fn a_word_that_is_zero_or_no_address_is_no_signer() {
        assert_eq!(signer_in([0; 32].into()).unwrap_err().code, ErrorCode::NoL1Signer);
        assert_eq!(signer_in([1; 32].into()).unwrap_err().code, ErrorCode::NoL1Signer);
    }
}
