//! The fuzz targets, and the properties that must hold for any bytes.

use std::sync::LazyLock;

use bytes::Bytes;
use petrel_core::{
    block::{ExecutionPayload, Payload},
    chain::{Chain, Subsecond},
    fork::{Fork, Version},
    hash::keccak_many,
    message::{Form, MAX_MESSAGE, Message},
    payload_by_number::{Reply, StoredBlock},
    primitives::Primitives,
    range_sync::ResponseTask,
    schedule::ChainSchedule,
};
use petrel_tests::forge::{Forge, compress, schedule};

/// One decoder.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// A gossip message as on the wire.
    Message,
    /// A payload of any version; the first byte selects the version.
    Payload,
    /// A response; the first eight bytes are the requested number.
    Answer,
    /// A `rollup.json`, or a preset.
    Chain,
}

impl Target {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "message" => Some(Self::Message),
            "payload" => Some(Self::Payload),
            "answer" => Some(Self::Answer),
            "chain" => Some(Self::Chain),
            _ => None,
        }
    }

    /// Valid inputs, one for each version.
    pub(crate) fn seeds(self) -> Vec<(String, Vec<u8>)> {
        if let Self::Chain = self {
            let presets = ["op-mainnet", "base-mainnet"].map(|name| (name.to_owned(), Chain::preset(name).unwrap()));
            return presets.map(|(name, chain)| (name, chain.to_rollup_json().to_string().into_bytes())).into();
        }
        let seed = |version: Version| {
            let forge = Forge::new(10, Fork::Jovian, 1000, 1_800_000_000, 600).encoded_as(version);
            let ((message, hash), topic) = (forge.sealed(), version.topic());
            let body = message[65..].to_vec();
            let seed = match self {
                Self::Message => compress(&message),
                Self::Payload | Self::Chain => [vec![topic], body].concat(),
                Self::Answer => {
                    let reply = Reply::Block(StoredBlock { version, hash, body: body.into() });
                    let number = forge.payload.block_number.to_le_bytes().to_vec();
                    [number, reply.pieces().flatten().collect()].concat()
                }
            };
            (format!("valid-{topic}"), seed)
        };
        Version::ALL.into_iter().map(seed).collect()
    }

    pub(crate) fn run(self, data: &[u8]) {
        match self {
            Self::Message => message(data),
            Self::Payload => payload(data),
            Self::Answer => answer(data),
            Self::Chain => chain(data),
        }
    }
}

/// The output never exceeds the limit, it is well-formed if and only if snappy decodes it, and the id depends on the output only.
fn message(wire: &[u8]) {
    let wire = Bytes::copy_from_slice(wire);
    let message = Message::take(&wire);
    assert!(message.data.len() <= MAX_MESSAGE.max(wire.len()));
    let plain = snap::raw::decompress_len(&wire).ok().filter(|length| *length <= MAX_MESSAGE);
    let plain = plain.and_then(|_| snap::raw::Decoder::new().decompress_vec(&wire).ok());
    let well_formed = matches!(message.form, Form::Snappy | Form::TooShort);
    assert_eq!(plain.as_deref(), well_formed.then_some(&message.data[..]));
    assert_eq!(message.id("topic"), Message::take(&wire).id("topic"));
}

/// A decoded payload encodes to the same bytes, and all its parts can be read.
fn payload(data: &[u8]) {
    let Some((version, body)) = data.split_first() else { return };
    let Some(version) = Version::from_topic(version % 4) else { return };
    let Ok(payload) = Payload::decode(version, Bytes::copy_from_slice(body)) else { return };
    let _hash = payload.compute_hash(keccak_many);
    assert_eq!(payload.transactions().count(), payload.transaction_count());
    assert_eq!(ExecutionPayload::from(&payload).encode(version).ok().as_deref(), Some(body));
    let base = ChainSchedule::new(&BASE);
    let (_judged, _shown) = (base.check_time(&payload), base.contradicts(&payload));
    for subsecond in [Subsecond::BaseTime, Subsecond::MixDigest] {
        let millis = payload.timestamp_ms(subsecond) - payload.timestamp().saturating_mul(1000);
        assert!(millis < 1000);
    }
    if let Some(isthmus) = payload.with_empty_withdrawals_root() {
        assert!(isthmus.transactions().eq(payload.transactions()) && isthmus.extra_data() == payload.extra_data());
    }
    if let Ok(valid) = payload.validate(keccak_many) {
        assert_eq!((valid.withdrawals().len(), valid.hash()), (0, valid.block_hash()));
        assert!(valid.transactions().all(|transaction| !transaction.is_empty()));
    }
}

static BASE: LazyLock<Chain> = LazyLock::new(|| Chain::preset("base-mainnet").expect("a preset"));

/// A chain that was read is the same after writing and reading, and its cadence has a number for each time.
fn chain(json: &[u8]) {
    let Ok(chain) = Chain::from_rollup_json(json) else { return };
    let written = chain.to_rollup_json().to_string();
    assert_eq!(Chain::from_rollup_json(written.as_bytes()).as_ref(), Ok(&chain));
    for step in chain.cadence.steps() {
        for number in step.number.saturating_sub(2)..step.number.saturating_add(3) {
            if let Some(time) = chain.cadence.time_ms(number) {
                assert_eq!(chain.cadence.number_at(time), Some(number));
            }
        }
    }
    let _scheduled = (chain.forks.scheduled().len(), ChainSchedule::new(&chain));
}

/// An accepted response has the requested number and the stated hash.
fn answer(data: &[u8]) {
    let Some((number, bytes)) = data.split_first_chunk() else { return };
    let number = u64::from_le_bytes(*number);
    let reading = ResponseTask { number, bytes: Bytes::copy_from_slice(bytes), schedule: schedule() };
    if let Ok(fetched) = reading.run(Primitives::PORTABLE) {
        assert_eq!(fetched.number(), number);
        assert_eq!(fetched.compute_hash(keccak_many), fetched.hash());
        assert_eq!(fetched.block_hash(), fetched.hash());
    }
}
