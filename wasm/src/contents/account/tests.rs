use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_trie::{
    EMPTY_ROOT_HASH, HashBuilder, KECCAK_EMPTY, Nibbles, TrieAccount,
    proof::{ProofRetainer, verify_proof},
};
use petrel_core::{block::ExecutionPayload, event::Via};
use serde_json::{Value, json};

use super::MAX_JSON;
use crate::{
    contents::{
        Contents,
        fixtures::{contents_with, made, parsed, payload},
    },
    error::{Error, ErrorCode},
};

/// A trie by another library: values at hashed keys.
struct Trie {
    leaves: BTreeMap<B256, Vec<u8>>,
}

impl Trie {
    fn new(leaves: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        Self { leaves: leaves.into_iter().map(|(key, value)| (keccak256(key), value)).collect() }
    }

    /// The root, and the nodes on the way to a key.
    fn proof(&self, key: &[u8]) -> (B256, Vec<Bytes>) {
        let path = Nibbles::unpack(keccak256(key));
        let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::from_iter([path]));
        self.leaves.iter().for_each(|(key, value)| builder.add_leaf(Nibbles::unpack(key), value));
        let root = builder.root();
        let nodes = builder.take_proof_nodes().into_nodes_sorted().into_iter().map(|(_, node)| node);
        // A server sends no node for an empty trie.
        (root, if self.leaves.is_empty() { Vec::new() } else { nodes.collect() })
    }

    fn root(&self) -> B256 {
        self.proof(&[]).0
    }
}

const RICH: Address = Address::repeat_byte(0x11);
const PLAIN: Address = Address::repeat_byte(0x22);
const ABSENT: Address = Address::repeat_byte(0x33);
const SLOTS: u64 = 40;

fn storage() -> Trie {
    let value = |slot: u64| alloy_rlp::encode(U256::from(slot * 1_000_003));
    Trie::new((1..=SLOTS).map(|slot| (U256::from(slot).to_be_bytes_vec(), value(slot))))
}

fn rich() -> TrieAccount {
    TrieAccount::new(7, U256::from(10).pow(U256::from(20)), storage().root(), keccak256("code"))
}

fn plain() -> TrieAccount {
    TrieAccount::new(1, U256::from(5), EMPTY_ROOT_HASH, KECCAK_EMPTY)
}

fn state() -> Trie {
    let others = (0..100_u64).map(|index| (index.to_be_bytes().to_vec(), alloy_rlp::encode(plain())));
    let named = [(RICH.to_vec(), alloy_rlp::encode(rich())), (PLAIN.to_vec(), alloy_rlp::encode(plain()))];
    Trie::new(others.chain(named))
}

fn quantity(value: impl core::fmt::LowerHex) -> Value {
    json!(format!("{value:#x}"))
}

fn nodes(proof: &[Bytes]) -> Value {
    json!(proof)
}

/// The honest answer of a server.
fn answer(address: Address, slots: &[u64]) -> Value {
    let (account, storage) = match address {
        RICH => (rich(), storage()),
        PLAIN => (plain(), Trie::new([])),
        _ => (TrieAccount::default(), Trie::new([])),
    };
    let proofs = slots.iter().map(|slot| {
        let value = if address == RICH && (1..=SLOTS).contains(slot) { slot * 1_000_003 } else { 0 };
        let proof = storage.proof(&U256::from(*slot).to_be_bytes::<32>()).1;
        json!({ "key": format!("{slot:#x}"), "value": quantity(value), "proof": nodes(&proof) })
    });
    json!({
        "address": address,
        "balance": quantity(account.balance),
        "nonce": quantity(account.nonce),
        "codeHash": account.code_hash,
        "storageHash": account.storage_root,
        "accountProof": nodes(&state().proof(address.as_slice()).1),
        "storageProof": proofs.collect::<Vec<_>>(),
    })
}

/// A block of this state.
struct AccountCase {
    contents: Contents,
    hash: String,
}

impl AccountCase {
    fn new() -> Self {
        Self::with_root(state().root())
    }

    fn with_root(state_root: B256) -> Self {
        let block = made(ExecutionPayload { state_root, ..payload(1, B256::ZERO) }, Via::Gossip);
        Self { contents: contents_with(&block), hash: block.block.hash.to_string() }
    }

    fn ask(&self, address: Address, slots: &[u64], answer: &Value) -> Result<Value, Error> {
        let keys: Vec<String> = slots.iter().map(|slot| format!("{slot:#x}")).collect();
        let keys = serde_json::to_string(&keys).unwrap();
        let json = self.contents.account(&self.hash, &hex::encode_prefixed(address), &keys, &answer.to_string());
        json.map(|json| parsed(&json))
    }

    fn refuses(&self, address: Address, slots: &[u64], answer: &Value) -> String {
        let error = self.ask(address, slots, answer).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadProof, "{}", error.message);
        error.message
    }
}

#[test]
fn an_account_and_its_slots_are_proven() {
    let slots = [1, 40, 41, 0];
    let proven = AccountCase::new().ask(RICH, &slots, &answer(RICH, &slots)).unwrap();
    let expected = json!({
        "balance": "0x56bc75e2d63100000", "nonce": "0x7", "codeHash": keccak256("code"), "storageHash": storage().root(),
        "storage": [
            { "key": "0x1", "value": "0xf4243" }, { "key": "0x28", "value": quantity(40 * 1_000_003_u64) },
            { "key": "0x29", "value": "0x0" }, { "key": "0x0", "value": "0x0" },
        ],
    });
    assert_eq!(proven, expected);
}

#[test]
fn an_account_without_storage_and_one_that_does_not_exist_are_proven() {
    let case = AccountCase::new();
    let empty = json!({ "codeHash": KECCAK_EMPTY, "storageHash": EMPTY_ROOT_HASH, "storage": [{ "key": "0x5", "value": "0x0" }] });
    for (address, balance, nonce) in [(PLAIN, "0x5", "0x1"), (ABSENT, "0x0", "0x0")] {
        let mut expected = empty.clone();
        (expected["balance"], expected["nonce"]) = (json!(balance), json!(nonce));
        assert_eq!(case.ask(address, &[5], &answer(address, &[5])).unwrap(), expected);
    }
    // op-geth gives zeros for the hashes of an account that does not exist.
    let mut zeros = answer(ABSENT, &[]);
    (zeros["codeHash"], zeros["storageHash"]) = (json!(B256::ZERO), json!(B256::ZERO));
    assert_eq!(case.ask(ABSENT, &[], &zeros).unwrap()["codeHash"], json!(KECCAK_EMPTY));
}

#[test]
fn a_key_may_be_written_in_full() {
    let case = AccountCase::new();
    let full = format!("0x{:064x}", 3);
    let mut padded = answer(RICH, &[3]);
    padded["storageProof"][0]["key"] = json!(full);
    assert_eq!(case.ask(RICH, &[3], &padded).unwrap()["storage"][0]["key"], "0x3");
    let keys = json!([full]).to_string();
    let address = hex::encode_prefixed(RICH);
    let json = case.contents.account(&case.hash, &address, &keys, &answer(RICH, &[3]).to_string()).unwrap();
    assert_eq!(parsed(&json)["storage"][0]["key"], full);
}

/// Changes each byte of each node of the proof at `path`.
fn flips_every_byte(address: Address, slots: &[u64], path: &str) {
    let case = AccountCase::new();
    let right = answer(address, slots);
    let proof: Vec<Bytes> = serde_json::from_value(right.pointer(path).unwrap().clone()).unwrap();
    assert!(!proof.is_empty());
    for (index, node) in proof.iter().enumerate() {
        for at in 0..node.len() {
            let mut bytes = node.to_vec();
            bytes[at] ^= 1 << (at % 8);
            let mut wrong = right.clone();
            wrong.pointer_mut(path).unwrap()[index] = json!(hex::encode_prefixed(bytes));
            case.refuses(address, slots, &wrong);
        }
    }
}

#[test]
fn an_account_proof_with_one_changed_byte_is_refused() {
    flips_every_byte(RICH, &[], "/accountProof");
    flips_every_byte(ABSENT, &[], "/accountProof");
}

#[test]
fn a_storage_proof_with_one_changed_byte_is_refused() {
    flips_every_byte(RICH, &[7], "/storageProof/0/proof");
    // The absence of a value.
    flips_every_byte(RICH, &[41], "/storageProof/0/proof");
}

#[test]
fn a_lie_beside_a_right_proof_is_refused() {
    let case = AccountCase::new();
    let lies = [
        ("/balance", "0x1"),
        ("/nonce", "0x8"),
        ("/codeHash", &KECCAK_EMPTY.to_string()),
        ("/storageHash", &EMPTY_ROOT_HASH.to_string()),
        ("/storageProof/0/value", "0x1"),
        ("/storageProof/1/value", "0x1"),
        ("/storageProof/0/key", "0x2"),
    ];
    for (path, lie) in lies {
        let mut wrong = answer(RICH, &[7, 41]);
        *wrong.pointer_mut(path).unwrap() = json!(lie);
        case.refuses(RICH, &[7, 41], &wrong);
    }
    let mut wrong = answer(ABSENT, &[]);
    wrong["balance"] = json!("0x1");
    let message = case.refuses(ABSENT, &[], &wrong);
    assert_eq!(message, "the account's balance is stated as 1 wei, and proven as 0 wei");
}

#[test]
fn the_answer_about_another_account_slot_or_block_is_refused() {
    let case = AccountCase::new();
    case.refuses(PLAIN, &[], &answer(RICH, &[]));
    case.refuses(ABSENT, &[], &answer(PLAIN, &[]));
    case.refuses(RICH, &[7], &answer(RICH, &[8]));
    case.refuses(RICH, &[7, 8], &answer(RICH, &[8, 7]));
    let mut other = answer(RICH, &[7]);
    other["storageProof"][0]["proof"] = answer(RICH, &[8])["storageProof"][0]["proof"].clone();
    case.refuses(RICH, &[7], &other);
    AccountCase::with_root(B256::repeat_byte(1)).refuses(RICH, &[], &answer(RICH, &[]));
    AccountCase::with_root(EMPTY_ROOT_HASH).refuses(RICH, &[], &answer(RICH, &[]));
}

#[test]
fn a_missing_proof_is_a_refusal() {
    let case = AccountCase::new();
    for address in [RICH, PLAIN, ABSENT] {
        let mut without = answer(address, &[]);
        without["accountProof"] = json!([]);
        case.refuses(address, &[], &without);
        without.as_object_mut().unwrap().remove("accountProof");
        case.refuses(address, &[], &without);
    }
    for slot in [7, 41] {
        let mut without = answer(RICH, &[slot]);
        without["storageProof"][0]["proof"] = json!([]);
        case.refuses(RICH, &[slot], &without);
        without["storageProof"] = json!([]);
        case.refuses(RICH, &[slot], &without);
    }
    case.refuses(RICH, &[], &answer(RICH, &[7]));
    for nothing in [json!(null), json!({}), json!([]), json!("0x")] {
        case.refuses(RICH, &[], &nothing);
    }
}

#[test]
fn cut_and_lengthened_proofs_are_refused() {
    let case = AccountCase::new();
    for address in [RICH, ABSENT] {
        let right = answer(address, &[]);
        let proof = right["accountProof"].as_array().unwrap();
        assert!(proof.len() > 1);
        for count in 0..proof.len() {
            let mut wrong = right.clone();
            wrong["accountProof"] = json!(proof[..count]);
            case.refuses(address, &[], &wrong);
        }
        let mut wrong = right.clone();
        wrong["accountProof"].as_array_mut().unwrap().push(json!("0x80"));
        case.refuses(address, &[], &wrong);
        wrong["accountProof"] = json!(vec!["0x80"; 10_000]);
        case.refuses(address, &[], &wrong);
    }
}

#[test]
fn another_library_agrees_on_every_proof() {
    let state = state();
    for index in 0..300_u64 {
        let key = index.to_be_bytes();
        let (root, nodes) = state.proof(&key);
        let value = state.leaves.get(&keccak256(key)).cloned();
        let mine = petrel_core::block::proven(root, &keccak256(key), nodes.iter().map(|node| node.iter().as_slice()));
        assert_eq!(mine.unwrap().map(<[u8]>::to_vec), value);
        assert!(verify_proof(root, Nibbles::unpack(keccak256(key)), value, &nodes).is_ok());
    }
}

#[test]
fn arguments_and_the_length_of_an_answer_are_checked() {
    let case = AccountCase::new();
    let address = hex::encode_prefixed(RICH);
    let code = |hash: &str, address: &str, keys: &str, json: &str| {
        case.contents.account(hash, address, keys, json).unwrap_err().code
    };
    assert_eq!(code("0x", &address, "[]", "{}"), ErrorCode::BadRequest);
    assert_eq!(code(&case.hash, "0x", "[]", "{}"), ErrorCode::BadRequest);
    assert_eq!(code(&case.hash, &address, "[", "{}"), ErrorCode::BadRequest);
    assert_eq!(code(&B256::ZERO.to_string(), &address, "[]", "{}"), ErrorCode::NoBlock);
    assert_eq!(code(&case.hash, &address, "[]", &" ".repeat(MAX_JSON + 1)), ErrorCode::BadProof);
}
