//! A spammer: signed transactions with calldata, so that blocks have contents.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Signature, TxKind, U256, hex};
use petrel_tests::forge;
use serde_json::json;

use crate::{genesis, rpc::Rpc};

/// The seed of the spammer's key.
const KEY: u8 = 0x51;

/// The account that needs a balance at genesis.
pub(crate) fn address() -> Address {
    forge::key(KEY).address()
}

/// A thread that sends transactions. It stops when it is dropped.
pub(crate) struct Spammer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Spammer {
    pub(crate) fn start(rpc: Rpc) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let mut nonce = 0;
            while !stopped.load(Ordering::Relaxed) {
                let raw = hex::encode_prefixed(transaction(nonce));
                // An error while the node is full or down: the same transaction is sent again later.
                if rpc.call("eth_sendRawTransaction", json!([raw])).is_ok() {
                    nonce += 1;
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Spammer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

fn transaction(nonce: u64) -> Vec<u8> {
    let transaction = TxEip1559 {
        chain_id: genesis::L2_CHAIN,
        nonce,
        gas_limit: 900_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(address()),
        value: U256::from(1),
        input: forge::noise(nonce, 200 + (nonce % 40) as usize * 300).into(),
        access_list: Vec::new().into(),
    };
    let signed = forge::key(KEY).sign(&B256::from(transaction.signature_hash()));
    let signature = Signature::from_raw(&signed.0).unwrap();
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718()
}
