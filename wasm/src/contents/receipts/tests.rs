use alloy_consensus::{SignableTransaction, Signed, TxEip1559, TxLegacy};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Log, LogData, Signature, TxKind, U256, hex, keccak256};
use op_alloy_consensus::{OpReceiptEnvelope, OpTxEnvelope, OpTxType, TxDeposit, build_post_exec_tx};
use petrel_core::{
    block::{ExecutionPayload, L1Attributes, Payload, ordered_root},
    event::{NewBlock, Via},
    fork::{Fork, Forks, Version},
    hash::keccak_many,
};
use serde_json::{Value, json};

use super::{MAX_JSON, prove};
use crate::{
    contents::{
        fixtures::{contents_of_chain, contents_with, devnet, key, made_in, parsed, payload, recorded},
        kept::KeptBlock,
    },
    error::ErrorCode,
};

const CONTRACT: Address = Address::repeat_byte(0xcc);

/// A block, and the honest answer about its receipts.
struct ReceiptsCase {
    event: NewBlock,
    answer: Value,
}

/// Gas of each transaction of [`case`].
const GAS: [u64; 4] = [46_000, 21_000, 90_000, 0];

fn sender() -> Address {
    key(7).address()
}

fn signed<T: SignableTransaction<Signature>>(transaction: T) -> Bytes
where
    OpTxEnvelope: From<Signed<T>>,
{
    let bytes = key(7).sign(&transaction.signature_hash()).0;
    let (r, s) = (U256::from_be_slice(&bytes[..32]), U256::from_be_slice(&bytes[32..64]));
    OpTxEnvelope::from(transaction.into_signed(Signature::new(r, s, bytes[64] == 1))).encoded_2718().into()
}

/// A deposit, a legacy call, a creation of a contract, and a post-exec transaction.
fn transactions() -> Vec<Bytes> {
    let deposit = TxDeposit { from: Address::repeat_byte(0xde), to: TxKind::Create, ..TxDeposit::default() };
    let legacy = TxLegacy { chain_id: Some(10), gas_price: 300, to: TxKind::Call(CONTRACT), ..TxLegacy::default() };
    let creation = TxEip1559 {
        chain_id: 10,
        nonce: 4,
        max_fee_per_gas: 1_000,
        max_priority_fee_per_gas: 8,
        to: TxKind::Create,
        ..TxEip1559::default()
    };
    vec![
        deposit.encoded_2718().into(),
        signed(legacy),
        signed(creation),
        build_post_exec_tx(1, Vec::new()).encoded_2718().into(),
    ]
}

fn logs() -> [Vec<Log>; 4] {
    let log = |topics: u8, data: &'static [u8]| Log {
        address: CONTRACT,
        data: LogData::new_unchecked((1..=topics).map(B256::repeat_byte).collect(), data.into()),
    };
    [vec![], vec![log(0, &[]), log(4, &[7; 40])], vec![log(1, &[1])], vec![]]
}

/// The calldata of the L1 attributes since Jovian.
fn jovian_attributes() -> Vec<u8> {
    let mut calldata = vec![0; 178];
    calldata[..4].copy_from_slice(&hex!("3db6be2b"));
    for (at, byte) in [(7, 20), (11, 15), (66, 5), (98, 7), (167, 3), (175, 9), (176, 1)] {
        calldata[at] = byte;
    }
    calldata
}

/// What another library makes the receipts root of.
fn encoded(version: Version) -> Vec<Vec<u8>> {
    let types = [OpTxType::Deposit, OpTxType::Legacy, OpTxType::Eip1559, OpTxType::PostExec];
    let mut gas = 0;
    let receipts = types.into_iter().zip(GAS).zip(logs()).map(|((kind, used), logs)| {
        gas += used;
        let deposit = (kind == OpTxType::Deposit && version != Version::V1).then_some((6, 1));
        let (nonce, version) = deposit.unzip();
        OpReceiptEnvelope::<Log>::from_parts(kind != OpTxType::Legacy, gas, &logs, kind, nonce, version).encoded_2718()
    });
    receipts.collect()
}

/// The answer of a server, with fields that no root proves.
fn answer(version: Version) -> Value {
    let mut gas = 0;
    let receipts = GAS.into_iter().zip(logs()).enumerate().map(|(index, (used, logs))| {
        gas += used;
        let logs =
            logs.iter().map(|log| json!({ "address": log.address, "topics": log.topics(), "data": log.data.data }));
        let mut receipt = json!({
            "status": if index == 1 { "0x0" } else { "0x1" },
            "cumulativeGasUsed": format!("{gas:#x}"),
            "logs": logs.collect::<Vec<_>>(),
            "l1Fee": "0x1234",
            "gasUsed": "0x1",
            "from": Address::ZERO,
            "logsBloom": "0x",
        });
        if index == 0 {
            // Before Canyon op-geth gives the nonce, and no version.
            receipt["depositNonce"] = json!("0x6");
            if version != Version::V1 {
                receipt["depositReceiptVersion"] = json!("0x1");
            }
        }
        receipt
    });
    Value::Array(receipts.collect())
}

fn case_in(version: Version) -> ReceiptsCase {
    let encoded = encoded(version);
    let receipts_root = ordered_root(encoded.iter().map(Vec::as_slice), keccak_many);
    let payload = ExecutionPayload { receipts_root, transactions: transactions(), ..payload(1, B256::ZERO) };
    ReceiptsCase { event: made_in(version, payload, Via::Gossip), answer: answer(version) }
}

fn case() -> ReceiptsCase {
    case_in(Version::V4)
}

impl ReceiptsCase {
    fn prove(&self, answer: &Value) -> Result<Value, ErrorCode> {
        let contents = contents_with(&self.event);
        let hash = self.event.block.hash.to_string();
        contents.receipts(&hash, &answer.to_string()).map(|json| parsed(&json)).map_err(|error| error.code)
    }

    fn refuses(&self, answer: &Value) {
        assert_eq!(self.prove(answer), Err(ErrorCode::BadProof), "{answer}");
    }
}

fn lower(address: Address) -> Value {
    json!(hex::encode_prefixed(address))
}

#[test]
fn the_receipts_are_what_the_root_and_the_block_prove() {
    let case = case();
    let proven = case.prove(&case.answer).unwrap();
    let hashes: Vec<Value> = transactions().iter().map(|raw| json!(keccak256(raw))).collect();
    let kind = ["0x7e", "0x0", "0x2", "0x7d"];
    let price = ["0x0", "0x12c", "0x104", "0x0"];
    let from = [Address::repeat_byte(0xde), sender(), sender(), Address::ZERO];
    let created = [Some(Address::repeat_byte(0xde).create(6)), None, Some(sender().create(4)), None];
    let cumulative = ["0xb3b0", "0x105b8", "0x26548", "0x26548"];
    for (index, receipt) in proven.as_array().unwrap().iter().enumerate() {
        assert_eq!(receipt["transactionHash"], hashes[index]);
        assert_eq!(receipt["transactionIndex"], format!("{index:#x}"));
        assert_eq!(receipt["blockHash"], json!(case.event.block.hash));
        assert_eq!(receipt["blockNumber"], "0x1");
        assert_eq!((&receipt["type"], &receipt["effectiveGasPrice"]), (&json!(kind[index]), &json!(price[index])));
        assert_eq!(receipt["status"], if index == 1 { "0x0" } else { "0x1" });
        assert_eq!(receipt["cumulativeGasUsed"], cumulative[index]);
        assert_eq!(receipt["gasUsed"], format!("{:#x}", GAS[index]));
        assert_eq!(receipt["from"], lower(from[index]));
        assert_eq!(receipt["to"], if index == 1 { lower(CONTRACT) } else { Value::Null });
        assert_eq!(receipt["contractAddress"], created[index].map_or(Value::Null, lower));
        let bloom = alloy_primitives::logs_bloom(&logs()[index]);
        assert_eq!(receipt["logsBloom"], json!(bloom));
        assert_eq!(receipt.get("depositNonce").is_some(), index == 0);
        assert_eq!(receipt.get("l1Fee"), None);
    }
    assert_eq!((&proven[0]["depositNonce"], &proven[0]["depositReceiptVersion"]), (&json!("0x6"), &json!("0x1")));
}

#[test]
fn the_fee_for_l1_follows_from_the_l1_attributes_of_the_block() {
    let calldata = jovian_attributes();
    let mut transactions = transactions();
    let deposit = TxDeposit { from: Address::repeat_byte(0xde), to: TxKind::Create, ..TxDeposit::default() };
    transactions[0] = TxDeposit { input: calldata.clone().into(), ..deposit }.encoded_2718().into();
    let receipts_root = ordered_root(encoded(Version::V4).iter().map(Vec::as_slice), keccak_many);
    let payload = ExecutionPayload { receipts_root, transactions: transactions.clone(), ..payload(1, B256::ZERO) };
    let event = made_in(Version::V4, payload, Via::Gossip);
    let mut chain = devnet();
    chain.forks = Forks::all_until(Fork::Jovian);
    let prove = |contents: crate::contents::Contents| {
        let hash = event.block.hash.to_string();
        parsed(&contents.receipts(&hash, &answer(Version::V4).to_string()).unwrap())
    };
    let proven = prove(contents_of_chain(&chain, &event));
    let attributes = L1Attributes::read(&calldata, &chain.forks, 1).unwrap();
    for index in [1, 2] {
        let fee = attributes.fee(&transactions[index]).unwrap();
        let quantity = |value: U256| json!(format!("{value:#x}"));
        let expected = json!({
            "l1GasPrice": "0x500", "l1GasUsed": quantity(fee.gas_used), "l1Fee": quantity(fee.fee),
            "l1BlobBaseFee": "0x700", "l1BaseFeeScalar": "0x14", "l1BlobBaseFeeScalar": "0xf",
            "operatorFeeScalar": "0x3", "operatorFeeConstant": "0x9", "daFootprintGasScalar": "0x100",
            "blobGasUsed": quantity(U256::from(fee.da_footprint.unwrap())),
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&proven[index][key], value, "{key} of {index}");
        }
        assert_eq!(proven[index].get("l1FeeScalar"), None);
    }
    // A deposit and a post-exec transaction pay nothing.
    for index in [0, 3] {
        assert!(proven[index].as_object().unwrap().keys().all(|key| !key.starts_with("l1") && key != "blobGasUsed"));
    }
    // Where the schedule and the attributes contradict each other nothing is said.
    chain.forks = Forks::all_until(Fork::Holocene);
    assert_eq!(prove(contents_of_chain(&chain, &event))[1].get("l1Fee"), None);
}

#[test]
fn logs_have_their_place_in_the_block() {
    let case = case();
    let proven = case.prove(&case.answer).unwrap();
    let all: Vec<Value> =
        proven.as_array().unwrap().iter().flat_map(|it| it["logs"].as_array().unwrap().clone()).collect();
    let expected = json!({
        "address": lower(CONTRACT),
        "topics": (1..=4).map(B256::repeat_byte).collect::<Vec<_>>(),
        "data": hex::encode_prefixed([7; 40]),
        "transactionHash": keccak256(&transactions()[1]),
        "transactionIndex": "0x1",
        "blockHash": case.event.block.hash,
        "blockNumber": "0x1",
        "blockTimestamp": "0x6b49d202",
        "logIndex": "0x1",
        "removed": false,
    });
    assert_eq!(all[1], expected);
    let places: Vec<_> = all.iter().map(|log| (log["transactionIndex"].clone(), log["logIndex"].clone())).collect();
    assert_eq!(places, [("0x1", "0x0"), ("0x1", "0x1"), ("0x2", "0x2")].map(|(at, log)| (json!(at), json!(log))));
    let hash = case.event.block.hash.to_string();
    let logs = contents_with(&case.event).logs(&hash, &case.answer.to_string()).unwrap();
    assert_eq!(parsed(&logs), Value::Array(all));
}

#[test]
fn before_canyon_the_deposit_s_nonce_is_not_proven_and_not_shown() {
    let case = case_in(Version::V1);
    let proven = case.prove(&case.answer).unwrap();
    assert_eq!((proven[0].get("depositNonce"), &proven[0]["contractAddress"]), (None, &Value::Null));
    let mut with_version = case.answer.clone();
    with_version[0]["depositReceiptVersion"] = json!("0x1");
    case.refuses(&with_version);
    let later = case_in(Version::V2);
    assert!(later.prove(&later.answer).is_ok());
    later.refuses(&case.answer);
}

#[test]
fn every_recorded_deposit_is_proven() {
    let mut versions = std::collections::BTreeSet::new();
    for block in recorded().iter().filter(|block| block.stated["txCount"] == 1) {
        let payload = &block.event.block.payload;
        let gas = format!("{:#x}", payload.gas_used());
        let mut receipt = json!({ "status": "0x1", "cumulativeGasUsed": gas, "logs": [] });
        receipt["depositNonce"] = json!(format!("{:#x}", nonce(payload)));
        if payload.version() != Version::V1 {
            receipt["depositReceiptVersion"] = json!("0x1");
        }
        let proven = prove(&block.kept(), &json!([receipt]).to_string()).unwrap();
        assert_eq!(proven[0].gas_used, payload.gas_used());
        versions.insert(payload.version().topic());
    }
    // Of V4 no block with one transaction is recorded.
    assert_eq!(versions.len(), 3);
}

/// The depositor of the L1 attributes sends one deposit in each block, and two more in Ecotone's first block (V3).
fn nonce(payload: &Payload) -> u64 {
    if payload.version() >= Version::V3 { payload.number() + 1 } else { payload.number() - 1 }
}

/// Every string of the answer that is hex, by its path.
fn strings(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(path.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, it)| strings(it, &format!("{path}/{at}"), found))
        }
        Value::Object(fields) => fields.iter().for_each(|(key, it)| strings(it, &format!("{path}/{key}"), found)),
        _ => {}
    }
}

#[test]
fn an_answer_with_one_changed_digit_is_refused_wherever_the_root_commits_to_it() {
    let case = case();
    let mut paths = Vec::new();
    strings(&case.answer, "", &mut paths);
    let unproven = ["l1Fee", "gasUsed", "from", "logsBloom"];
    paths.retain(|path| !unproven.iter().any(|key| path.ends_with(&format!("/{key}"))));
    let mut changed = 0;
    for path in paths {
        let text = case.answer.pointer(&path).unwrap().as_str().unwrap().to_owned();
        for at in 2..text.len() {
            let mut wrong = case.answer.clone();
            let digit = if &text[at..=at] == "1" { "0" } else { "1" };
            *wrong.pointer_mut(&path).unwrap() = json!(format!("{}{digit}{}", &text[..at], &text[at + 1..]));
            case.refuses(&wrong);
            changed += 1;
        }
    }
    assert!(changed > 500, "{changed}");
}

#[test]
fn what_is_missing_added_or_moved_is_refused() {
    let case = case();
    let change = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut wrong = case.answer.clone();
        change(wrong.as_array_mut().unwrap());
        case.refuses(&wrong);
    };
    let logs = |receipt: &mut Value, change: &dyn Fn(&mut Vec<Value>)| change(receipt["logs"].as_array_mut().unwrap());
    change(&|all| drop(all.pop()));
    change(&|all| all.clear());
    change(&|all| all.push(all[3].clone()));
    change(&|all| all.swap(1, 2));
    change(&|all| logs(&mut all[1], &|logs| drop(logs.pop())));
    change(&|all| logs(&mut all[1], &|logs| drop(logs.remove(0))));
    change(&|all| logs(&mut all[1], &|logs| logs.reverse()));
    change(&|all| logs(&mut all[1], &|logs| logs.push(logs[0].clone())));
    change(&|all| {
        let log = all[1]["logs"][1].clone();
        logs(&mut all[2], &|logs| logs.push(log.clone()));
    });
    change(&|all| all[0]["depositNonce"] = Value::Null);
    change(&|all| drop(all[0].as_object_mut().unwrap().remove("depositReceiptVersion")));
    change(&|all| all[1]["logs"][1]["topics"].as_array_mut().unwrap().push(json!(B256::ZERO)));
}

#[test]
fn what_is_no_list_of_receipts_is_refused() {
    let case = case();
    for wrong in [json!(null), json!({}), json!([1, 2, 3, 4]), json!([{}, {}, {}, {}]), json!("0x")] {
        case.refuses(&wrong);
    }
    let contents = contents_with(&case.event);
    let hash = case.event.block.hash.to_string();
    for wrong in ["", "[", "nonsense", &"[".repeat(100_000)] {
        assert_eq!(contents.receipts(&hash, wrong).unwrap_err().code, ErrorCode::BadProof);
    }
    for status in ["0x2", "0x", "1", "0x10000000000000000"] {
        let mut wrong = case.answer.clone();
        wrong[0]["status"] = json!(status);
        case.refuses(&wrong);
    }
}

#[test]
fn a_longer_answer_than_any_block_has_is_not_read() {
    let block = KeptBlock::new(&case().event);
    let error = prove(&block, &" ".repeat(MAX_JSON + 1)).unwrap_err();
    assert!(error.code == ErrorCode::BadProof && error.message.contains("at most"), "{error}");
}

#[test]
fn a_block_that_is_not_kept_and_a_hash_that_is_none_have_their_codes() {
    let contents = contents_with(&case().event);
    let code = |hash: &str| contents.receipts(hash, "[]").unwrap_err().code;
    assert_eq!(code(&B256::ZERO.to_string()), ErrorCode::NoBlock);
    assert_eq!(code("latest"), ErrorCode::BadRequest);
}

#[test]
fn a_block_without_transactions_has_no_receipts() {
    let empty = ordered_root(std::iter::empty::<&[u8]>(), keccak_many);
    let payload = ExecutionPayload { receipts_root: empty, ..payload(1, B256::ZERO) };
    let case = ReceiptsCase { event: made_in(Version::V4, payload, Via::Gossip), answer: json!([]) };
    assert_eq!(case.prove(&case.answer), Ok(json!([])));
    case.refuses(&answer(Version::V4));
}
