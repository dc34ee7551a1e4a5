//! The part of an L1 node that is needed to read the signer, with optional faults: JSON-RPC over HTTP on loopback, with real proofs
//! over a state of one account.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles, TrieAccount, proof::ProofRetainer};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::IntoResponse,
    routing::post,
};
use petrel_core::l1::SIGNER_SLOT;
use serde_json::{Value, json};

/// The address of the contract with the signer.
pub(crate) const SYSTEM_CONFIG: Address = Address::repeat_byte(0x5c);

/// Reth's error message for a block that is too old for a proof.
pub(crate) const PROOF_WINDOW: &str = "distance to target block exceeds maximum proof window";

/// The state that the node reports, and its fault.
#[derive(Clone, Debug)]
pub(crate) struct L1State {
    pub(crate) chain: u64,
    pub(crate) head: u64,
    /// The age of its head at `start`, seconds; negative when its time is ahead of the clock.
    pub(crate) age: i64,
    /// When the node was started, Unix seconds.
    pub(crate) start: u64,
    /// Whether it is on a fork: its blocks have other hashes.
    pub(crate) forked: bool,
    /// The signer before block `since`, and from it on.
    pub(crate) signers: (Address, Address),
    pub(crate) since: u64,
    pub(crate) fault: L1Fault,
    /// The requested methods, in order.
    pub(crate) methods: Vec<String>,
}

/// A fault of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum L1Fault {
    None,
    /// It reports another value than it proves.
    Value,
    /// It proves the slot of another account.
    Account,
    /// It has no `eth_getProof`.
    NoProofs,
    /// It refuses every proof, with this code and message.
    Pruned(i64, &'static str),
    /// It refuses every proof and every slot, as for pruned state.
    PrunedSlots,
    /// It proves only its newest state, and at this many requests for a proof it has a new block.
    Moving(u32),
    /// Each result comes with an `error` of null.
    NullError,
    /// Its responses have neither a result nor an error.
    Neither,
    /// Its results are null.
    NullResult,
    /// Its error is a string.
    TextError,
    /// It redirects to this URL with this HTTP status.
    Moved(u16, &'static str),
    /// There is no code at the address.
    NoCode,
    /// The slot has a value that is not an address.
    Word,
    Garbage,
    Status,
    /// Its responses are longer than the limit.
    Endless,
    /// It never responds.
    Unresponsive,
    /// Its headers have other state roots than those that were hashed.
    Header,
    /// It reports another block than the requested one.
    OtherBlock,
}

/// See the module. It runs until the end of the test process.
pub(crate) struct FakeL1 {
    pub(crate) url: String,
    pub(crate) state: Arc<Mutex<L1State>>,
}

impl FakeL1 {
    pub(crate) fn start(signer: Address) -> Self {
        let signers = (signer, signer);
        let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (since, fault, methods) = (0, L1Fault::None, Vec::new());
        let state = L1State { chain: 900, head: 100, age: 3, start, forked: false, signers, since, fault, methods };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/a-secret", listener.local_addr().unwrap());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let routes = Router::new().route("/a-secret", post(answer)).with_state(shared);
                axum::serve(listener, routes).await.unwrap();
            });
        });
        Self { url, state }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut L1State)) {
        change(&mut self.state.lock().unwrap());
    }
}

async fn answer(State(shared): State<Arc<Mutex<L1State>>>, body: String) -> axum::response::Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    let method = request["method"].as_str().unwrap();
    let state = {
        let mut state = shared.lock().unwrap();
        state.methods.push(method.to_owned());
        state.clone()
    };
    match state.fault {
        L1Fault::Moved(status, to) => {
            return (StatusCode::from_u16(status).unwrap(), [(LOCATION, to)], "<html>").into_response();
        }
        L1Fault::Neither => return axum::Json(json!({ "jsonrpc": "2.0", "id": 1 })).into_response(),
        L1Fault::NullResult => return axum::Json(json!({ "result": null, "error": null })).into_response(),
        L1Fault::TextError => return axum::Json(json!({ "error": "too many requests" })).into_response(),
        L1Fault::Moving(times) if method == "eth_getProof" && times > 0 => {
            let mut state = shared.lock().unwrap();
            (state.fault, state.head) = (L1Fault::Moving(times - 1), state.head + 1);
            return refusal(-32602, PROOF_WINDOW);
        }
        L1Fault::Pruned(code, message) if method == "eth_getProof" => return refusal(code, message),
        L1Fault::PrunedSlots if method == "eth_getProof" || method == "eth_getStorageAt" => {
            return refusal(-32000, "missing trie node 00 (path ) <nil>");
        }
        L1Fault::Garbage => return "<html>".into_response(),
        L1Fault::Status => return StatusCode::BAD_GATEWAY.into_response(),
        L1Fault::Endless => return " ".repeat(5 << 20).into_response(),
        L1Fault::Unresponsive => tokio::time::sleep(Duration::from_secs(3600)).await,
        _ => {}
    }
    match state.call(method, &request["params"]) {
        Some(result) if state.fault == L1Fault::NullError => {
            axum::Json(json!({ "jsonrpc": "2.0", "id": 1, "result": result, "error": null })).into_response()
        }
        Some(result) => axum::Json(json!({ "jsonrpc": "2.0", "id": 1, "result": result })).into_response(),
        None => refusal(-32601, "no such method"),
    }
}

fn refusal(code: i64, message: &str) -> axum::response::Response {
    axum::Json(json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": code, "message": message } })).into_response()
}

impl L1State {
    fn call(&self, method: &str, params: &Value) -> Option<Value> {
        let number = |text: &Value| u64::from_str_radix(text.as_str()?.trim_start_matches("0x"), 16).ok();
        Some(match method {
            "eth_chainId" => format!("{:#x}", self.chain).into(),
            "eth_getBlockByNumber" => match number(&params[0]) {
                Some(number) => self.block(number + u64::from(self.fault == L1Fault::OtherBlock)),
                None => self.block(self.head),
            },
            "eth_getProof" if self.fault != L1Fault::NoProofs => self.proof(number(&params[2])?),
            "eth_getStorageAt" => json!(B256::from(self.word(number(&params[2])?))),
            _ => return None,
        })
    }

    /// A header of Prague.
    fn block(&self, number: u64) -> Value {
        let header = Header {
            number,
            timestamp: self.start.saturating_add_signed(-self.age) - 12 * (self.head - number),
            state_root: self.account(number).0,
            extra_data: Bytes::from_static(if self.forked { b"fork" } else { b"" }),
            gas_limit: 36_000_000,
            base_fee_per_gas: Some(7),
            withdrawals_root: Some(EMPTY_ROOT_HASH),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(131_072),
            parent_beacon_block_root: Some(B256::repeat_byte(2)),
            requests_hash: Some(B256::repeat_byte(3)),
            ..Header::default()
        };
        let mut block = serde_json::to_value(&header).unwrap();
        block["hash"] = json!(header.hash_slow());
        if self.fault == L1Fault::Header {
            block["stateRoot"] = json!(B256::repeat_byte(4));
        }
        block
    }

    fn word(&self, number: u64) -> U256 {
        let signer = if number >= self.since { self.signers.1 } else { self.signers.0 };
        let word = U256::from_be_bytes(signer.into_word().0);
        if self.fault == L1Fault::Word { word | U256::from(1) << 200 } else { word }
    }

    /// The root of the account's storage trie, and the proof of the slot.
    fn storage(&self, number: u64) -> (B256, Vec<Bytes>) {
        let word = self.word(number);
        if word.is_zero() { (EMPTY_ROOT_HASH, Vec::new()) } else { leaf(SIGNER_SLOT.as_slice(), &word) }
    }

    /// The root of the state trie, and the proof of the account.
    fn account(&self, number: u64) -> (B256, Vec<Bytes>) {
        leaf(SYSTEM_CONFIG.as_slice(), &self.system_config(number))
    }

    fn system_config(&self, number: u64) -> TrieAccount {
        let code_hash = if self.fault == L1Fault::NoCode { KECCAK256_EMPTY } else { keccak256([0]) };
        TrieAccount { nonce: 1, balance: U256::ZERO, storage_root: self.storage(number).0, code_hash }
    }

    fn proof(&self, number: u64) -> Value {
        let account = self.system_config(number);
        let (_, mut account_proof) = self.account(number);
        if self.fault == L1Fault::Account {
            account_proof = leaf(&[7; 20], &account).1;
        }
        let value = self.word(number) + U256::from(u8::from(self.fault == L1Fault::Value));
        json!({
            "nonce": "0x1", "balance": "0x0", "codeHash": account.code_hash, "storageHash": account.storage_root,
            "accountProof": account_proof,
            "storageProof": [{ "key": SIGNER_SLOT, "value": value, "proof": self.storage(number).1 }],
        })
    }
}

/// The root and the proof of a trie with one leaf.
fn leaf(key: &[u8], value: &impl Encodable) -> (B256, Vec<Bytes>) {
    let path = Nibbles::unpack(keccak256(key));
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![path]));
    builder.add_leaf(path, &alloy_rlp::encode(value));
    let root = builder.root();
    let proof = builder.take_proof_nodes().into_nodes_sorted().into_iter().map(|(_, node)| node).collect();
    (root, proof)
}
