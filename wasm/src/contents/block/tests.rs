use alloy_consensus::{BlockBody, Header};
use alloy_eips::{eip2718::Decodable2718 as _, eip4895::Withdrawals};
use alloy_primitives::{B64, Bytes, U256, hex, keccak256};
use alloy_rlp::Encodable as _;
use op_alloy_consensus::OpTxEnvelope;
use petrel_core::{
    block::ExecutionPayload,
    event::{NewBlock, Via},
    fork::Version,
};
use serde_json::{Value, json};

use super::{BlockNews, json};
use crate::contents::{
    fixtures::{made_in, parsed, payload, recorded},
    kept::KeptBlock,
    request::TransactionForm,
};

fn shown(block: &KeptBlock, form: TransactionForm) -> Value {
    parsed(&json(block, BlockNews { is_canonical: true, next_base_fee: None }, form))
}

/// A field of the JSON as alloy's own type.
fn field<T: std::str::FromStr>(block: &Value, key: &str) -> Option<T> {
    let text = block.get(key)?.as_str().unwrap();
    Some(text.parse().unwrap_or_else(|_| panic!("{key}: {text}")))
}

fn number(block: &Value, key: &str) -> Option<u64> {
    field::<U256>(block, key).map(|value| value.to())
}

/// The header that the JSON describes, made by another library.
fn header(block: &Value) -> Header {
    let word = |key| field(block, key).unwrap();
    Header {
        parent_hash: word("parentHash"),
        ommers_hash: word("sha3Uncles"),
        beneficiary: field(block, "miner").unwrap(),
        state_root: word("stateRoot"),
        transactions_root: word("transactionsRoot"),
        receipts_root: word("receiptsRoot"),
        logs_bloom: field(block, "logsBloom").unwrap(),
        difficulty: field(block, "difficulty").unwrap(),
        number: number(block, "number").unwrap(),
        gas_limit: number(block, "gasLimit").unwrap(),
        gas_used: number(block, "gasUsed").unwrap(),
        timestamp: number(block, "timestamp").unwrap(),
        extra_data: field(block, "extraData").unwrap(),
        mix_hash: word("mixHash"),
        nonce: field::<B64>(block, "nonce").unwrap(),
        base_fee_per_gas: number(block, "baseFeePerGas"),
        withdrawals_root: field(block, "withdrawalsRoot"),
        blob_gas_used: number(block, "blobGasUsed"),
        excess_blob_gas: number(block, "excessBlobGas"),
        parent_beacon_block_root: field(block, "parentBeaconBlockRoot"),
        requests_hash: field(block, "requestsHash"),
        ..Header::default()
    }
}

#[test]
fn the_header_that_is_shown_hashes_to_the_block_s_hash() {
    let recorded = recorded();
    assert_eq!(recorded.len(), 26);
    for block in recorded {
        let shown = shown(&block.kept(), TransactionForm::Hashes);
        assert_eq!(shown["hash"], block.stated["hash"]);
        assert_eq!(header(&shown).hash_slow().to_string(), block.stated["hash"].as_str().unwrap());
    }
}

#[test]
fn the_size_is_that_of_the_block_in_another_library() {
    for block in recorded() {
        let kept = block.kept();
        let shown = shown(&kept, TransactionForm::Raw);
        let raw: Vec<Bytes> = serde_json::from_value(shown["transactions"].clone()).unwrap();
        let transactions: Vec<OpTxEnvelope> =
            raw.iter().map(|raw| OpTxEnvelope::decode_2718_exact(raw).unwrap()).collect();
        let withdrawals = shown.get("withdrawals").map(|_| Withdrawals::default());
        let body = BlockBody { transactions, ommers: Vec::new(), withdrawals };
        let block = alloy_consensus::Block { header: header(&shown), body };
        assert_eq!(number(&shown, "size"), Some(block.length() as u64), "{}", kept.payload.version());
    }
}

#[test]
fn a_field_is_shown_from_its_version_on() {
    let later = [
        (Version::V2, "withdrawals"),
        (Version::V2, "withdrawalsRoot"),
        (Version::V3, "blobGasUsed"),
        (Version::V3, "excessBlobGas"),
        (Version::V3, "parentBeaconBlockRoot"),
        (Version::V4, "requestsHash"),
    ];
    for block in recorded() {
        let kept = block.kept();
        let shown = shown(&kept, TransactionForm::Hashes);
        for (from, key) in later {
            assert_eq!(shown.get(key).is_some(), kept.payload.version() >= from, "{key} in {}", kept.payload.version());
        }
        assert_eq!((&shown["uncles"], &shown["difficulty"]), (&json!([]), &json!("0x0")));
        assert_eq!(shown["nonce"], "0x0000000000000000");
    }
}

#[test]
fn transactions_are_hashes_bytes_or_objects() {
    for block in recorded() {
        let kept = block.kept();
        let [hashes, raw, full] = [TransactionForm::Hashes, TransactionForm::Raw, TransactionForm::Full]
            .map(|form| shown(&kept, form)["transactions"].as_array().unwrap().clone());
        assert_eq!(hashes.len() as u64, block.stated["txCount"].as_u64().unwrap());
        assert_eq!((hashes.len(), hashes.len()), (raw.len(), full.len()));
        for ((hash, raw), full) in hashes.iter().zip(&raw).zip(&full) {
            let bytes = hex::decode(raw.as_str().unwrap()).unwrap();
            assert_eq!(hash, &json!(keccak256(bytes)));
            assert_eq!((&full["hash"], &full["blockHash"]), (hash, &block.stated["hash"]));
        }
    }
}

#[test]
fn what_the_node_knows_of_a_block_is_beside_it() {
    let block = recorded().pop().unwrap();
    let shown = shown(&block.kept(), TransactionForm::Hashes);
    let expected = json!({
        "timestampMs": block.stated["timestamp"].as_u64().unwrap() * 1000,
        "bytes": block.stated["decodedLen"],
        "version": block.stated["version"],
        "signer": block.stated["signer"],
        "via": "gossip",
        "canonical": true,
        "nextBaseFee": null,
    });
    assert_eq!(shown["petrel"], expected);
    for (via, name) in [(Via::Sync, "sync"), (Via::Local, "local")] {
        let kept = KeptBlock::new(&NewBlock { via, timestamp_ms: 1_200, ..block.event.clone() });
        let shown = parsed(&json(&kept, BlockNews::default(), TransactionForm::Hashes));
        assert_eq!(shown["petrel"]["via"], name);
        assert_eq!(shown["petrel"]["timestampMs"], 1_200);
        assert_eq!(shown["petrel"]["canonical"], false);
    }
}

#[test]
fn quantities_and_empty_data_have_the_rpc_s_form() {
    let empty = ExecutionPayload { gas_used: 0, base_fee_per_gas: U256::ZERO, ..payload(0, Default::default()) };
    let shown = shown(&KeptBlock::new(&made_in(Version::V1, empty, Via::Gossip)), TransactionForm::Full);
    for key in ["number", "gasUsed", "baseFeePerGas"] {
        assert_eq!(shown[key], "0x0", "{key}");
    }
    assert_eq!((&shown["extraData"], &shown["transactions"]), (&json!("0x"), &json!([])));
}
