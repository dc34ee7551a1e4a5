//! Transactions that decode: an L1-attributes deposit first, then dynamic-fee, access-list and legacy ones (EIP-2718).
//!
//! Their signatures are in range but belong to no key: the P2P network carries transactions as opaque bytes. Calldata consists of
//! ABI words, so it compresses like that of real blocks.

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use alloy_rlp::{Encodable, Header};

/// The account that sends the L1-attributes deposit.
const DEPOSITOR: Address = address!("DeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001");
/// The L1Block predeploy.
const L1_BLOCK: Address = address!("4200000000000000000000000000000000000015");
/// Calldata of one transaction at most: pools refuse transactions above 128 KiB.
const MAX_CALLDATA: usize = 100_000;
/// Bytes of a transaction in addition to its calldata, at most, including its offset in the SSZ table.
const FRAME: usize = 200;

/// The transactions of block `number`, of about `bytes` in SSZ and not more (except for the deposit).
pub(super) fn fill(chain_id: u64, number: u64, bytes: usize) -> Vec<Bytes> {
    let mut transactions = vec![deposit(number)];
    let mut left = bytes.saturating_sub(FRAME + 164);
    while left > FRAME {
        let nonce = transactions.len() as u64;
        let calldata = calldata(number, nonce, calldata_size(nonce, left));
        let transaction = match nonce % 8 {
            6 => access_list(chain_id, nonce, &calldata),
            7 => legacy(chain_id, nonce, &calldata),
            _ => dynamic_fee(chain_id, nonce, &calldata),
        };
        left = left.saturating_sub(transaction.len() + 4);
        transactions.push(transaction);
    }
    transactions
}

/// Size of a transaction's calldata: as in OP Mainnet's blocks half are below 300 bytes, a few have several kilobytes, and some
/// are as large as a pool allows.
fn calldata_size(nonce: u64, left: usize) -> usize {
    const SIZES: [usize; 16] = [0, 68, 68, 100, 132, 196, 68, 260, 388, 580, 68, 900, 1540, 4100, 164, 36];
    let size = match nonce {
        nonce if nonce % 1009 == 1008 => MAX_CALLDATA,
        nonce if nonce % 61 == 60 => 8_100,
        nonce => SIZES.get(nonce as usize % SIZES.len()).copied().unwrap_or_default(),
    };
    size.min(left - FRAME)
}

/// ABI words like those of contract calls: addresses, mostly repeated, amounts, hashes. A block compresses to about half, as OP
/// Mainnet's do.
fn calldata(number: u64, nonce: u64, len: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (nonce << 32) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut out = vec![0; len];
    for word in out.chunks_mut(32) {
        let choice = next();
        let (padding, mut seed) = match choice % 8 {
            0..3 => (12, choice >> 8 & 31 | 1),
            3..5 => (29, next()),
            5 => (24, next()),
            _ => (0, next()),
        };
        for byte in word.iter_mut().skip(padding) {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            *byte = (seed >> 56) as u8;
        }
    }
    out
}

/// Type 0x7e: `[source hash, from, to, mint, value, gas, is system, data]`, data as `setL1BlockValuesEcotone`'s.
fn deposit(number: u64) -> Bytes {
    let mut data = vec![0x44, 0x0a, 0x5e, 0x20];
    data.resize(164, (number % 251) as u8);
    let source = keccak256(number.to_be_bytes());
    let empty: &[u8] = &[];
    typed(0x7e, &[&source, &DEPOSITOR, &L1_BLOCK, &empty, &0_u8, &1_000_000_u64, &false, &data.as_slice()])
}

/// Type 2 (EIP-1559).
fn dynamic_fee(chain_id: u64, nonce: u64, data: &[u8]) -> Bytes {
    let (to, (r, s)) = (recipient(nonce), signature(nonce));
    let list = NoItems;
    let (tip, cap, gas) = (1_000_000_u64, 2_000_000_000_u64, 21_000_u64);
    typed(2, &[&chain_id, &nonce, &tip, &cap, &gas, &to, &nonce, &data, &list, &(nonce % 2), &r, &s])
}

/// Type 1 (EIP-2930).
fn access_list(chain_id: u64, nonce: u64, data: &[u8]) -> Bytes {
    let (to, (r, s)) = (recipient(nonce), signature(nonce));
    let list = NoItems;
    typed(1, &[&chain_id, &nonce, &2_000_000_000_u64, &21_000_u64, &to, &nonce, &data, &list, &(nonce % 2), &r, &s])
}

/// Untyped, with replay protection (EIP-155).
fn legacy(chain_id: u64, nonce: u64, data: &[u8]) -> Bytes {
    let (to, (r, s)) = (recipient(nonce), signature(nonce));
    let v = chain_id * 2 + 35 + nonce % 2;
    let mut out = Vec::new();
    list(&[&nonce, &2_000_000_000_u64, &21_000_u64, &to, &nonce, &data, &v, &r, &s], &mut out);
    out.into()
}

fn typed(kind: u8, fields: &[&dyn Encodable]) -> Bytes {
    let mut out = vec![kind];
    list(fields, &mut out);
    out.into()
}

fn list(fields: &[&dyn Encodable], out: &mut Vec<u8>) {
    Header { list: true, payload_length: fields.iter().map(|field| field.length()).sum() }.encode(out);
    fields.iter().for_each(|field| field.encode(out));
}

/// An empty access list.
struct NoItems;

impl Encodable for NoItems {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        out.put_u8(alloy_rlp::EMPTY_LIST_CODE);
    }

    fn length(&self) -> usize {
        1
    }
}

fn recipient(nonce: u64) -> Address {
    Address::from_word(keccak256(nonce.to_be_bytes()))
}

/// Two scalars below half the curve's order.
fn signature(nonce: u64) -> (U256, U256) {
    let scalar = |seed: B256| U256::from_be_bytes(seed.0) >> 2_usize;
    let r = keccak256([nonce.to_be_bytes(), [1; 8]].concat());
    (scalar(r), scalar(keccak256(r)))
}
