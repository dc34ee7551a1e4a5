//! A receipt as the receipts root commits to it (EIP-2718), with a deposit's two fields.
//!
//! Source: op-geth, `Receipts.EncodeIndex`. Before Canyon op-geth stores a deposit's nonce, and the root does not
//! commit to it. From Canyon on a deposit's receipt has a version, and then the root commits to both.

use alloy_primitives::{Address, B256, Bloom, Bytes};
use alloy_rlp::{Encodable, Header};

use crate::block::transaction::DEPOSIT;

/// Maximum number of a log's topics: the EVM has no instruction for more.
pub const MAX_TOPICS: usize = 4;

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptLog {
    /// The contract that emitted it.
    pub address: Address,
    /// At most [`MAX_TOPICS`].
    pub topics: Vec<B256>,
    /// The rest of it.
    pub data: Bytes,
}

/// What a deposit's receipt has in addition, from Canyon on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepositReceipt {
    /// The sender's nonce before the deposit.
    pub nonce: u64,
    /// 1.
    pub version: u64,
}

/// The receipt of one transaction: what is not derived from the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The type of its transaction, 0 for a legacy one.
    pub transaction_type: u8,
    /// Whether the transaction succeeded.
    pub succeeded: bool,
    /// Gas used in the block up to and with this transaction.
    pub cumulative_gas_used: u64,
    /// In order.
    pub logs: Vec<ReceiptLog>,
    /// `None` before Canyon, and for what is no deposit.
    pub deposit: Option<DepositReceipt>,
}

impl Receipt {
    /// The bloom filter of the logs. It hashes each address and topic.
    pub fn logs_bloom(&self) -> Bloom {
        let mut bloom = Bloom::ZERO;
        self.logs.iter().for_each(|log| bloom.accrue_raw_log(log.address, &log.topics));
        bloom
    }

    /// The item in the receipts trie; `bloom` is [`Receipt::logs_bloom`].
    pub fn encode(&self, bloom: &Bloom) -> Vec<u8> {
        let fields: [&dyn Encodable; 3] = [&self.succeeded, &self.cumulative_gas_used, bloom];
        let deposit = self.deposit.filter(|_| self.transaction_type == DEPOSIT);
        let deposit: &[u64] = match &deposit {
            Some(deposit) => &[deposit.nonce, deposit.version],
            None => &[],
        };
        let logs: usize = self.logs.iter().map(ReceiptLog::rlp_length).sum();
        let logs = Header { list: true, payload_length: logs };
        let payload_length = fields.iter().map(|field| field.length()).sum::<usize>()
            + logs.length_with_payload()
            + deposit.iter().map(Encodable::length).sum::<usize>();
        let header = Header { list: true, payload_length };
        let mut out = Vec::with_capacity(1 + header.length_with_payload());
        if self.transaction_type != 0 {
            out.push(self.transaction_type);
        }
        header.encode(&mut out);
        fields.iter().for_each(|field| field.encode(&mut out));
        logs.encode(&mut out);
        self.logs.iter().for_each(|log| log.encode(&mut out));
        deposit.iter().for_each(|field| field.encode(&mut out));
        out
    }
}

impl ReceiptLog {
    fn header(&self) -> Header {
        let payload_length = self.address.length() + self.topics.length() + self.data.length();
        Header { list: true, payload_length }
    }

    fn rlp_length(&self) -> usize {
        self.header().length_with_payload()
    }

    /// `[address, topics, data]`.
    fn encode(&self, out: &mut Vec<u8>) {
        self.header().encode(out);
        self.address.encode(out);
        self.topics.encode(out);
        self.data.encode(out);
    }
}
