//! An L1 node as far as a reading of the signer needs it, honest or not: JSON-RPC over HTTP on loopback, with real proofs
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
use petrel_node::signer::SLOT;
use serde_json::{Value, json};

/// Where the signer is.
pub(crate) const SYSTEM_CONFIG: Address = Address::repeat_byte(0x5c);

/// What Reth says of a block that is out of its window.
pub(crate) const PROOF_WINDOW: &str = "distance to target block exceeds maximum proof window";

/// What it says.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) chain: u64,
    pub(crate) head: u64,
    /// Seconds by which its head was old, or with a minus ahead, when it was started, at `start` (Unix seconds).
    pub(crate) age: i64,
    pub(crate) start: u64,
    /// Whether it is on a fork: its blocks are other ones.
    pub(crate) forked: bool,
    /// The signer before and since `since`.
    pub(crate) signers: (Address, Address),
    pub(crate) since: u64,
    pub(crate) lie: Lie,
    /// The methods that it was asked for.
    pub(crate) asked: Vec<String>,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    Nothing,
    /// It tells another value than it proves.
    Value,
    /// It proves the slot of an account that the state does not have.
    Account,
    /// It has no `eth_getProof`.
    NoProofs,
    /// It refuses every proof, with this code and message.
    Pruned(i64, &'static str),
    /// The same of a slot without a proof.
    Gone,
    /// It proves its newest state alone, and so often has a new block when a proof is asked for.
    Moving(u32),
    /// It tells an `error` of null beside each result.
    NullError,
    /// It tells neither a result nor an error.
    Neither,
    /// Its results are null.
    NullResult,
    /// Its error is a text.
    TextError,
    /// It is somewhere else.
    Moved(u16, &'static str),
    /// There is no code at the address.
    NoCode,
    /// Another word than an address is in the slot.
    Word,
    Garbage,
    Status,
    /// It never ends.
    Endless,
    /// It never answers.
    Silence,
    /// Its headers have other state roots than those that were hashed.
    Header,
    /// It tells another block than the one that is asked for.
    OtherBlock,
}

/// See the module. It lives as long as the tests' process.
pub(crate) struct FakeL1 {
    pub(crate) url: String,
    pub(crate) world: Arc<Mutex<World>>,
}

impl FakeL1 {
    pub(crate) fn start(signer: Address) -> Self {
        let signers = (signer, signer);
        let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (since, lie, asked) = (0, Lie::Nothing, Vec::new());
        let world = World { chain: 900, head: 100, age: 3, start, forked: false, signers, since, lie, asked };
        let world = Arc::new(Mutex::new(world));
        let state = world.clone();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/a-secret", listener.local_addr().unwrap());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let routes = Router::new().route("/a-secret", post(answer)).with_state(state);
                axum::serve(listener, routes).await.unwrap();
            });
        });
        Self { url, world }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap());
    }
}

async fn answer(State(shared): State<Arc<Mutex<World>>>, body: String) -> axum::response::Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    let method = request["method"].as_str().unwrap();
    let world = {
        let mut world = shared.lock().unwrap();
        world.asked.push(method.to_owned());
        world.clone()
    };
    match world.lie {
        Lie::Moved(status, to) => {
            return (StatusCode::from_u16(status).unwrap(), [(LOCATION, to)], "<html>").into_response();
        }
        Lie::Neither => return axum::Json(json!({ "jsonrpc": "2.0", "id": 1 })).into_response(),
        Lie::NullResult => return axum::Json(json!({ "result": null, "error": null })).into_response(),
        Lie::TextError => return axum::Json(json!({ "error": "too many requests" })).into_response(),
        Lie::Moving(times) if method == "eth_getProof" && times > 0 => {
            let mut world = shared.lock().unwrap();
            (world.lie, world.head) = (Lie::Moving(times - 1), world.head + 1);
            return refusal(-32602, PROOF_WINDOW);
        }
        Lie::Pruned(code, message) if method == "eth_getProof" => return refusal(code, message),
        Lie::Gone if method == "eth_getProof" || method == "eth_getStorageAt" => {
            return refusal(-32000, "missing trie node 00 (path ) <nil>");
        }
        Lie::Garbage => return "<html>".into_response(),
        Lie::Status => return StatusCode::BAD_GATEWAY.into_response(),
        Lie::Endless => return " ".repeat(5 << 20).into_response(),
        Lie::Silence => tokio::time::sleep(Duration::from_secs(3600)).await,
        _ => {}
    }
    match world.call(method, &request["params"]) {
        Some(result) if world.lie == Lie::NullError => {
            axum::Json(json!({ "jsonrpc": "2.0", "id": 1, "result": result, "error": null })).into_response()
        }
        Some(result) => axum::Json(json!({ "jsonrpc": "2.0", "id": 1, "result": result })).into_response(),
        None => refusal(-32601, "no such method"),
    }
}

fn refusal(code: i64, message: &str) -> axum::response::Response {
    axum::Json(json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": code, "message": message } })).into_response()
}

impl World {
    fn call(&self, method: &str, params: &Value) -> Option<Value> {
        let number = |text: &Value| u64::from_str_radix(text.as_str()?.trim_start_matches("0x"), 16).ok();
        Some(match method {
            "eth_chainId" => format!("{:#x}", self.chain).into(),
            "eth_getBlockByNumber" => match number(&params[0]) {
                Some(number) => self.block(number + u64::from(self.lie == Lie::OtherBlock)),
                None => self.block(self.head),
            },
            "eth_getProof" if self.lie != Lie::NoProofs => self.proof(number(&params[2])?),
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
        if self.lie == Lie::Header {
            block["stateRoot"] = json!(B256::repeat_byte(4));
        }
        block
    }

    fn word(&self, number: u64) -> U256 {
        let signer = if number >= self.since { self.signers.1 } else { self.signers.0 };
        let word = U256::from_be_bytes(signer.into_word().0);
        if self.lie == Lie::Word { word | U256::from(1) << 200 } else { word }
    }

    /// The account's trie: its root and the proof of the slot.
    fn storage(&self, number: u64) -> (B256, Vec<Bytes>) {
        let word = self.word(number);
        if word.is_zero() { (EMPTY_ROOT_HASH, Vec::new()) } else { leaf(SLOT.as_slice(), &word) }
    }

    /// The state's trie: its root and the proof of the account.
    fn account(&self, number: u64) -> (B256, Vec<Bytes>) {
        leaf(SYSTEM_CONFIG.as_slice(), &self.system_config(number))
    }

    fn system_config(&self, number: u64) -> TrieAccount {
        let code_hash = if self.lie == Lie::NoCode { KECCAK256_EMPTY } else { keccak256([0]) };
        TrieAccount { nonce: 1, balance: U256::ZERO, storage_root: self.storage(number).0, code_hash }
    }

    fn proof(&self, number: u64) -> Value {
        let account = self.system_config(number);
        let (_, mut account_proof) = self.account(number);
        if self.lie == Lie::Account {
            account_proof = leaf(&[7; 20], &account).1;
        }
        let told = self.word(number) + U256::from(u8::from(self.lie == Lie::Value));
        json!({
            "nonce": "0x1", "balance": "0x0", "codeHash": account.code_hash, "storageHash": account.storage_root,
            "accountProof": account_proof,
            "storageProof": [{ "key": SLOT, "value": told, "proof": self.storage(number).1 }],
        })
    }
}

/// A trie of one leaf.
fn leaf(key: &[u8], value: &impl Encodable) -> (B256, Vec<Bytes>) {
    let path = Nibbles::unpack(keccak256(key));
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![path]));
    builder.add_leaf(path, &alloy_rlp::encode(value));
    let root = builder.root();
    let proof = builder.take_proof_nodes().into_nodes_sorted().into_iter().map(|(_, node)| node).collect();
    (root, proof)
}
