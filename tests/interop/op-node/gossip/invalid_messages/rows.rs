//! The messages and the expected verdicts, which follow from op-node's rules and which both sides must give.

use std::{cell::RefCell, rc::Rc};

use alloy_primitives::{B256, U256, uint};
use petrel_core::{
    block::Withdrawal,
    fork::{Fork, Version},
};
use petrel_tests::forge::Forge;

use crate::session::Session;

/// One message.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) topic: Version,
    pub(crate) timing: Timing,
    /// Protobuf fields in addition to data and topic.
    pub(crate) fields: Vec<&'static str>,
    /// Builds the message at a Unix second; called again if it was not validated in the same second.
    pub(crate) make: Box<dyn FnMut(u64) -> Made>,
    /// `accept`, `reject` or `ignore`, by op-node's rules.
    pub(crate) expect: &'static str,
    /// An intended difference of Petrel.
    pub(crate) differs: Option<Differs>,
}

/// How Petrel differs from op-node.
pub(crate) enum Differs {
    /// Rejected as by op-node, with this fault, which is charged to no peer.
    Uncharged(&'static str),
    /// Accepted where op-node rejects: the field is dropped before validation, and not forwarded.
    Dropped,
    /// Accepted where op-node rejects: our signer's block shows this fork, which the schedule lacks, and `schedule_mismatch` reports
    /// it.
    Followed(&'static str),
}

/// Whether the verdict depends on the exact second.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    Any,
    Exact,
}

/// A built message.
#[derive(Clone)]
pub(crate) struct Made {
    /// Uncompressed.
    pub(crate) plain: Vec<u8>,
    /// The bytes on the wire, if they are not `plain` compressed.
    pub(crate) wire: Option<Vec<u8>>,
    /// The block's hash.
    pub(crate) hash: String,
}

const ACCEPT: &str = "accept";
const REJECT: &str = "reject";
/// The order of secp256k1.
const ORDER: U256 = uint!(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141_U256);

/// The rows of a chain with all forks up to `fork` active: all rows for Jovian, and for each other fork the rows whose verdict may
/// depend on it.
pub(crate) fn of(fork: Fork, session: &mut Session) -> Vec<Row> {
    let mut rows = Rows { fork, chain: session.chain.id, number: 0, rows: Vec::new() };
    rows.by_fork();
    if fork == Fork::Jovian {
        rows.signature();
        rows.contents();
        rows.time();
        rows.heights();
        rows.topics();
        rows.envelope();
        rows.compression();
    }
    rows.rows
}

struct Rows {
    fork: Fork,
    chain: u64,
    number: u64,
    rows: Vec<Row>,
}

impl Rows {
    fn add(&mut self, name: &str, expect: &'static str, make: impl FnMut(u64) -> Made + 'static) -> &mut Row {
        let (name, topic, make) = (name.to_owned(), self.fork.version(), Box::new(make));
        self.rows.push(Row { name, topic, timing: Timing::Any, fields: Vec::new(), make, expect, differs: None });
        self.rows.last_mut().unwrap()
    }

    /// A block of the next height that is valid except for `change`.
    fn forged(&mut self, name: &str, expect: &'static str, change: impl Fn(Forge) -> Forge + 'static) -> &mut Row {
        let valid = self.valid();
        self.add(name, expect, move |now| sealed(&change(valid(now))))
    }

    /// A valid message of the next height whose uncompressed bytes are changed.
    fn bytes(&mut self, name: &str, expect: &'static str, change: impl Fn(&mut Vec<u8>) + 'static) -> &mut Row {
        let valid = self.valid();
        self.add(name, expect, move |now| {
            let mut made = sealed(&valid(now));
            change(&mut made.plain);
            made
        })
    }

    /// A valid message of the next height whose bytes on the wire are changed.
    fn wire(&mut self, name: &str, change: impl Fn(&mut Vec<u8>) + 'static) {
        let valid = self.valid();
        self.add(name, REJECT, move |now| {
            let mut made = sealed(&valid(now));
            let mut wire = petrel_tests::forge::compress(&made.plain);
            change(&mut wire);
            made.wire = Some(wire);
            made
        });
    }

    fn valid(&mut self) -> impl Fn(u64) -> Forge + 'static {
        self.number += 1;
        let (chain, fork, number) = (self.chain, self.fork, self.number);
        move |now| Forge::new(chain, fork, number, now, 300)
    }

    fn by_fork(&mut self) {
        let (fork, version) = (self.fork, self.fork.version());
        self.forged("valid", ACCEPT, |forge| forge);
        if version >= Version::V2 {
            self.forged("a withdrawal", REJECT, |forge| {
                forge.with(|payload| payload.withdrawals.push(Withdrawal::default()))
            });
        }
        if version >= Version::V3 {
            let from_jovian = if fork >= Fork::Jovian { ACCEPT } else { REJECT };
            let row =
                self.forged("blobGasUsed 1", from_jovian, |forge| forge.with(|payload| payload.blob_gas_used = 1));
            if version == Version::V4 && fork < Fork::Jovian {
                row.differs = Some(Differs::Followed("jovian"));
            }
            self.forged("excessBlobGas 1", REJECT, |forge| forge.with(|payload| payload.excess_blob_gas = 1));
        }
        self.forged("extraData of 32 bytes", ACCEPT, |forge| {
            forge.with(|payload| payload.extra_data = vec![9; 32].into())
        });
        self.forged("extraData empty", ACCEPT, |forge| forge.with(|payload| payload.extra_data = Vec::new().into()));
        let valid = self.valid();
        self.add("extraData of 33 bytes", REJECT, move |now| {
            let forge = valid(now).with(|payload| payload.extra_data = vec![9; 32].into());
            let (mut body, hash) = forge.body();
            lengthen_extra_data(version, &mut body);
            Made { plain: forge.seal(&body), wire: None, hash: hash.to_string() }
        });
    }

    fn signature(&mut self) {
        self.bytes("one bit of the signature", REJECT, |message| message[7] ^= 1);
        let row = self.bytes("v = 27 or 28", REJECT, |message| message[64] += 27);
        row.differs = Some(Differs::Uncharged("rewritten_recovery_id"));
        self.bytes("v flipped", REJECT, |message| message[64] ^= 1);
        self.bytes("high s with v flipped: the same signer", ACCEPT, |message| high_s(message));
        self.bytes("high s with the same v", REJECT, |message| {
            high_s(message);
            message[64] ^= 1;
        });
        self.bytes("r = 0", REJECT, |message| message[..32].fill(0));
        self.forged("signed by an unknown signer", REJECT, |forge| forge.by(9));
        self.forged("signed for another chain", REJECT, |forge| {
            let id = forge.chain_id;
            forge.for_chain(id + 1)
        });
    }

    fn contents(&mut self) {
        self.bytes("parent beacon root changed after signing", REJECT, |message| message[70] ^= 1);
        let valid = self.valid();
        self.add("parent beacon root changed, signed again", REJECT, move |now| {
            let forge = valid(now);
            let (mut body, hash) = forge.body();
            body[5] ^= 1;
            Made { plain: forge.seal(&body), wire: None, hash: hash.to_string() }
        });
        let last = |message: &mut Vec<u8>| *message.last_mut().unwrap() ^= 1;
        self.bytes("a transaction byte changed after signing", REJECT, last);
        let valid = self.valid();
        self.add("a transaction byte changed, signed again", REJECT, move |now| {
            let forge = valid(now);
            let (mut body, hash) = forge.body();
            last(&mut body);
            Made { plain: forge.seal(&body), wire: None, hash: hash.to_string() }
        });
        self.forged("a wrong block hash", REJECT, |forge| forge.claiming(B256::repeat_byte(3)));
        self.forged("no transactions", ACCEPT, |forge| forge.with(|payload| payload.transactions.clear()));
        self.forged("base fee of 2^64", ACCEPT, |forge| {
            forge.with(|payload| payload.base_fee_per_gas = U256::from(1) << 64)
        });
        self.forged("a zero withdrawals root", ACCEPT, |forge| {
            forge.with(|payload| payload.withdrawals_root = B256::ZERO)
        });
        self.forged("block number 2^63", REJECT, |forge| forge.with(|payload| payload.block_number = 1 << 63));
    }

    fn time(&mut self) {
        for (name, offset, expect) in
            [("61 s old", -61, REJECT), ("60 s old", -60, ACCEPT), ("5 s early", 5, ACCEPT), ("6 s early", 6, REJECT)]
        {
            let row = self.forged(name, expect, move |forge| {
                forge.with(|payload| payload.timestamp = payload.timestamp.wrapping_add_signed(offset))
            });
            row.timing = Timing::Exact;
        }
    }

    fn heights(&mut self) {
        for (place, expect) in [("first", ACCEPT), ("second", ACCEPT), ("third", ACCEPT), ("fourth", ACCEPT)]
            .into_iter()
            .chain([("fifth", ACCEPT), ("sixth", ACCEPT), ("seventh", REJECT)])
        {
            let gas = self.number;
            self.forged(&format!("{place} block at one height"), expect, move |forge| {
                forge.with(|payload| (payload.block_number, payload.gas_used) = (1_000_000, gas))
            });
        }
    }

    fn topics(&mut self) {
        self.forged("V3 bytes on topic 3", REJECT, |forge| forge.encoded_as(Version::V3));
        self.forged("V4 bytes on topic 2", REJECT, |forge| forge).topic = Version::V3;
        self.forged("V1 bytes on topic 3", REJECT, |forge| forge.encoded_as(Version::V1));
    }

    fn envelope(&mut self) {
        for field in ["key", "signature"] {
            let valid = self.valid();
            let first = Rc::new(RefCell::new(None));
            let again = first.clone();
            let row = self.add(&format!("`{field}` set"), REJECT, move |now| {
                first.borrow_mut().insert(sealed(&valid(now))).clone()
            });
            row.fields.push(field);
            row.differs = Some(Differs::Uncharged("rewritten_authored"));
            self.add(&format!("the same message without `{field}`"), ACCEPT, move |_| again.take().unwrap());
        }
        for field in ["seqno", "from"] {
            let row = self.forged(&format!("`{field}` set"), REJECT, |forge| forge);
            row.fields.push(field);
            row.differs = Some(Differs::Dropped);
        }
    }

    fn compression(&mut self) {
        self.wire("corrupt snappy", |wire| {
            // A copy from before the start of the data.
            wire.truncate(2);
            wire.extend_from_slice(&[0x01, 0xff]);
        });
        self.wire("truncated", |wire| wire.truncate(wire.len() / 2));
        self.wire("a byte after the end", |wire| wire.push(0));
        self.bytes("short: 65 bytes inflated", REJECT, |message| message.truncate(65));
        self.bytes("66 bytes inflated", REJECT, |message| message.truncate(66));
        self.bytes("10 MiB + 1 inflated", REJECT, |message| message.resize((10 << 20) + 1, 0));
        self.wire("a header that declares 4 GiB", |wire| *wire = vec![0xff, 0xff, 0xff, 0xff, 0x0f]);
        self.wire("an empty message", Vec::clear);
    }
}

fn sealed(forge: &Forge) -> Made {
    let (plain, hash) = forge.sealed();
    Made { plain, wire: None, hash: hash.to_string() }
}

/// The other valid signature of the same key: s becomes n − s, and v is flipped.
fn high_s(message: &mut [u8]) {
    let s = U256::from_be_slice(&message[32..64]);
    message[32..64].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
    message[64] ^= 1;
}

/// Makes the extra data one byte longer than SSZ allows, with correct offsets.
fn lengthen_extra_data(version: Version, body: &mut Vec<u8>) {
    let start = if version.has_beacon_root() { 32 } else { 0 };
    // The offsets of extraData, transactions and, since V2, withdrawals, by their place in the fixed part.
    let offset = |body: &[u8], at: usize| u32::from_le_bytes(body[start + at..start + at + 4].try_into().unwrap());
    let extra = offset(body, 436) as usize;
    body.insert(start + extra + 32, 9);
    let later = if version >= Version::V2 { &[504, 508][..] } else { &[504] };
    for at in later {
        let moved = offset(body, *at) + 1;
        body[start + at..start + at + 4].copy_from_slice(&moved.to_le_bytes());
    }
}
