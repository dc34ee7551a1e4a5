//! At least one sample of each event, and every name of a fault, as JSON in `www/package/test/samples`. The npm package declares the
//! same types by hand, and its tests compare them with these files. A field that may be absent or null has samples with it and without
//! it; a field with few values has a sample of each.
//!
//! After a change of an event run `cargo xtask samples` to write them again.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use petrel_core::{
    Event,
    ban::BanTarget,
    block::{BlockRef, DecodeError, InvalidPayload},
    event::*,
    evidence::EvidenceFault,
    fault::{AnswerFault, BlockFault, EnvelopeFault, Fault, MessageFault, NodeFault},
    fork::Version,
    peer::PeerId,
    schedule::OffSchedule,
    sign::SignatureError,
};
use serde_json::{Value, json};

use crate::forge::forge;

const HASH: B256 = B256::repeat_byte(0x11);
const OTHER: B256 = B256::repeat_byte(0x22);
const SIGNER: Address = Address::repeat_byte(0x33);
const ADDRESS: &str = "/ip4/192.0.2.1/tcp/9222";

fn peer() -> PeerId {
    "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv".parse().unwrap()
}

fn words() -> String {
    "in words".to_owned()
}

fn block(via: Via) -> Event {
    let block = Arc::new(forge(Version::V4).validate().result.unwrap());
    let peer = (via != Via::Local).then(peer);
    Event::Block(NewBlock { block, via, peer, timestamp_ms: 1_800_000_000_200, delay_ms: -45, judged_ms: 3 })
}

fn head(why: HeadReason, replaces: Option<BlockRef>, omitted: u64) -> Event {
    Event::Head(NewHead {
        number: 7,
        hash: HASH,
        parent: OTHER,
        timestamp: 1_800_000_000,
        timestamp_ms: 1_800_000_000_200,
        why,
        replaces,
        omitted,
    })
}

fn chain() -> Vec<Event> {
    let gap = |state| Event::Gap(Gap { from: 5, to: 7, state });
    let cause = AnswerFault::NotFound;
    vec![
        block(Via::Gossip),
        block(Via::Local),
        block(Via::Sync),
        head(HeadReason::Anchored, None, 0),
        head(HeadReason::Extended, None, 3),
        head(HeadReason::Reorged, Some(BlockRef { number: 7, hash: OTHER }), 0),
        gap(GapState::Opened),
        gap(GapState::Closed),
        gap(GapState::Skipped),
        Event::Synced(Synced { from: 5, to: 7, done: 1, blocks_per_sec: 12.5, bytes_per_sec: 100_000.5 }),
        Event::FetchFailed(FetchFailed { peer: peer(), number: 7, fault: cause.name(), detail: words(), cause }),
        Event::Stored(Stored { number: 7, hash: HASH, stored: true }),
        Event::Store(StoreState { keeps: true, error: None }),
        Event::Store(StoreState { keeps: false, error: Some(words()) }),
        Event::Conflict(Conflict { number: 7, first: HASH, second: OTHER }),
        Event::Reorg(Reorg { from: 6, to: 7, depth: 2, hashes: vec![HASH, OTHER] }),
        Event::Fork(ForkActive { number: 7, time: 1_800_000_000, name: "jovian".to_owned() }),
        Event::ScheduleMismatch(ScheduleMismatch {
            number: 7,
            timestamp: 1_800_000_000,
            fork: "denim",
            remedy: words(),
        }),
    ]
}

fn connected(direction: Direction, tried: Vec<Tried>) -> Event {
    Event::Connected(Connected {
        peer: peer(),
        address: ADDRESS.to_owned(),
        transport: "tcp",
        direction,
        leaf: false,
        ip: None,
        tried,
    })
}

fn banned(who: BanTarget, until: Option<u64>) -> Event {
    Event::Banned(Banned { who, until, reason: words(), cause: BanCause::Operator })
}

fn peers() -> Vec<Event> {
    let change = TopicChange { peer: peer(), version: Version::V4 };
    let pruned = |why| PrunedPeer { peer: peer(), why };
    let rank = PruneReason::Rank { place: 1, score: 2.5, outbound: true, useful: 3.5, age: 60 };
    vec![
        connected(Direction::Inbound, Vec::new()),
        connected(Direction::Outbound, vec![Tried { address: ADDRESS.to_owned(), error: words() }]),
        Event::Disconnected(Disconnected { peer: peer(), reason: words() }),
        Event::DialFailed(DialFailed { peer: peer(), error: words(), retry_ms: 1_000 }),
        Event::Discovered(Discovered { peer: peer(), address: ADDRESS.to_owned() }),
        Event::TopicJoined(change),
        Event::TopicLeft(change),
        Event::Observed(SeenAt { address: ADDRESS.to_owned(), agreed: true }),
        Event::Reachable(Reachable { reachable: true }),
        Event::SharedKey(SharedKey { address: ADDRESS.to_owned() }),
        Event::Identified(Identified { peer: peer(), agent: "petrel/0.1.0".to_owned(), addresses: Vec::new() }),
        Event::Graylisted(Graylisted { peer: peer(), score: -4.5 }),
        banned(BanTarget::Peer(peer()), Some(1_800_000_000)),
        banned(BanTarget::Ip([192, 0, 2, 1].into()), None),
        Event::Unbanned(Unbanned { who: BanTarget::Peer(peer()) }),
        Event::Pruned(Pruned {
            low: 20,
            high: 30,
            stay: vec![pruned(rank)],
            gone: vec![pruned(PruneReason::Grace(5))],
        }),
    ]
}

fn invalid_message(peer: Option<PeerId>, cause: Fault) -> InvalidMessage {
    InvalidMessage { peer, version: Version::V4, fault: cause.name(), detail: words(), cause }
}

fn node() -> Vec<Event> {
    let skew = ClockSkew { offset_secs: -90, peers: 3 };
    let listening = Listening { address: ADDRESS.to_owned() };
    vec![
        Event::Rejected(invalid_message(Some(peer()), MessageFault::SnappyBody.into())),
        Event::Rejected(invalid_message(None, MessageFault::SnappyBody.into())),
        Event::Ignored(invalid_message(Some(peer()), NodeFault::Late.into())),
        Event::Ignored(invalid_message(None, NodeFault::Late.into())),
        Event::SignerMismatch(SignerMismatch { expected: SIGNER, found: Address::ZERO, peers: 3 }),
        Event::ClockSkew(skew),
        Event::SequencerSkew(skew),
        Event::SignerChanged(SignerChanged { previous: None, current: Some(SIGNER), grace: None }),
        Event::SignerChanged(SignerChanged { previous: Some(SIGNER), current: None, grace: Some(SIGNER) }),
        Event::SignerRetired(SignerRetired { retired: SIGNER }),
        Event::SignerUnread(SignerUnread { error: words() }),
        Event::Listening(listening.clone()),
        Event::ListenEnded(listening),
        Event::PublishFailed(PublishFailed { version: Version::V4, error: words() }),
        Event::Stalled(Stalled { millis: 500 }),
        Event::CheckPanicked(CheckPanicked { peer: Some(peer()) }),
        Event::CheckPanicked(CheckPanicked { peer: None }),
    ]
}

/// One event of each variant; a `match` of them does not compile when a variant is missing.
macro_rules! every {
    ($function:ident: $type:ident { $($pattern:pat => $sample:expr,)* }) => {
        fn $function() -> Vec<$type> {
            const fn _is_listed(fault: &$type) {
                match fault { $($pattern => {})* }
            }
            vec![$($sample),*]
        }
    };
}

every! { invalid: InvalidPayload {
    InvalidPayload::Number(_) => InvalidPayload::Number(0),
    InvalidPayload::EmptyTransaction { .. } => InvalidPayload::EmptyTransaction { index: 0 },
    InvalidPayload::BlockHash { .. } => InvalidPayload::BlockHash { computed: HASH },
    InvalidPayload::Withdrawals(_) => InvalidPayload::Withdrawals(1),
    InvalidPayload::BlobGasUsed(_) => InvalidPayload::BlobGasUsed(1),
    InvalidPayload::ExcessBlobGas(_) => InvalidPayload::ExcessBlobGas(1),
} }

every! { message: MessageFault {
    MessageFault::SnappyHeader => MessageFault::SnappyHeader,
    MessageFault::TooLarge => MessageFault::TooLarge,
    MessageFault::TooShort => MessageFault::TooShort,
    MessageFault::SnappyBody => MessageFault::SnappyBody,
    MessageFault::Authored => MessageFault::Authored,
    MessageFault::Signature(_) => MessageFault::Signature(SignatureError::NoKey),
    MessageFault::WrongSigner { .. } => MessageFault::WrongSigner { found: SIGNER },
} }

every! { of_block: BlockFault {
    BlockFault::Undecodable(_) => BlockFault::Undecodable(DecodeError::ExtraData(33)),
    BlockFault::TooOld { .. } => BlockFault::TooOld { timestamp: 0, by: 1 },
    BlockFault::TooNew { .. } => BlockFault::TooNew { timestamp: 0, by: 1 },
    BlockFault::Invalid(_) => BlockFault::Invalid(InvalidPayload::Number(0)),
    BlockFault::OffSchedule(_) => BlockFault::OffSchedule(OffSchedule::Early),
    BlockFault::TooManyAtHeight { .. } => BlockFault::TooManyAtHeight { number: 7 },
    BlockFault::Seen => BlockFault::Seen,
} }

every! { envelope: EnvelopeFault {
    EnvelopeFault::RecoveryId(_) => EnvelopeFault::RecoveryId(27),
    EnvelopeFault::Authored => EnvelopeFault::Authored,
} }

every! { of_node: NodeFault {
    NodeFault::Surplus => NodeFault::Surplus,
    NodeFault::NoSigner => NodeFault::NoSigner,
    NodeFault::Retired => NodeFault::Retired,
    NodeFault::Late => NodeFault::Late,
    NodeFault::NoRoom => NodeFault::NoRoom,
    NodeFault::Panicked => NodeFault::Panicked,
} }

every! { answer: AnswerFault {
    AnswerFault::NotFound => AnswerFault::NotFound,
    AnswerFault::Refused => AnswerFault::Refused,
    AnswerFault::Failed => AnswerFault::Failed,
    AnswerFault::Result(_) => AnswerFault::Result(9),
    AnswerFault::Short(_) => AnswerFault::Short(1),
    AnswerFault::Version(_) => AnswerFault::Version(9),
    AnswerFault::TooLarge => AnswerFault::TooLarge,
    AnswerFault::Cut => AnswerFault::Cut,
    AnswerFault::Snappy => AnswerFault::Snappy,
    AnswerFault::Undecodable(_) => AnswerFault::Undecodable(DecodeError::ExtraData(33)),
    AnswerFault::Number(_) => AnswerFault::Number(7),
    AnswerFault::Invalid(_) => AnswerFault::Invalid(InvalidPayload::Number(0)),
    AnswerFault::OffSchedule(_) => AnswerFault::OffSchedule(OffSchedule::Early),
    AnswerFault::Unlinked { .. } => AnswerFault::Unlinked { found: HASH },
    AnswerFault::Timeout => AnswerFault::Timeout,
    AnswerFault::Closed => AnswerFault::Closed,
    AnswerFault::Unsupported => AnswerFault::Unsupported,
    AnswerFault::Panicked => AnswerFault::Panicked,
} }

every! { of_evidence: EvidenceFault {
    EvidenceFault::TooLarge(_) => EvidenceFault::TooLarge(usize::MAX),
    EvidenceFault::Malformed(_) => EvidenceFault::Malformed(words()),
    EvidenceFault::OtherChain { .. } => EvidenceFault::OtherChain { found: 7, expected: 10 },
    EvidenceFault::Message { .. } => EvidenceFault::Message { place: 1, fault: MessageFault::TooLarge.into() },
    EvidenceFault::OtherHeight { .. } => EvidenceFault::OtherHeight { first: 7, second: 8 },
    EvidenceFault::SameBlock(_) => EvidenceFault::SameBlock(HASH),
    EvidenceFault::Misstated(_) => EvidenceFault::Misstated("number"),
} }

/// Faults of messages, of responses, and of evidence beside those of its messages.
fn faults() -> Value {
    let blocks = of_block().into_iter().filter(|fault| !matches!(fault, BlockFault::Invalid(_))).map(Fault::from);
    let contents = invalid().into_iter().map(|fault| BlockFault::Invalid(fault).into());
    let others = envelope().into_iter().map(Fault::from).chain(of_node().into_iter().map(Fault::from));
    let messages = message().into_iter().map(Fault::from).chain(blocks).chain(contents).chain(others);
    let answers = answer().into_iter().filter(|fault| !matches!(fault, AnswerFault::Invalid(_)));
    let answers = answers.chain(invalid().into_iter().map(AnswerFault::Invalid));
    let evidence = of_evidence().into_iter().filter(|fault| !matches!(fault, EvidenceFault::Message { .. }));
    json!({
        "message": messages.map(|fault| fault.name()).collect::<Vec<_>>(),
        "answer": answers.map(|fault| fault.name()).collect::<Vec<_>>(),
        "evidence": evidence.map(|fault| fault.name()).collect::<Vec<_>>(),
    })
}

/// Fails if the committed file differs from the present samples; with the environment variable of `cargo xtask samples` it writes the
/// file first.
fn check(name: &str, committed: &str, samples: &Value) {
    let written = format!("{samples:#}\n");
    if std::env::var_os("PETREL_WRITE_SAMPLES").is_some() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../www/package/test/samples");
        return std::fs::write(format!("{folder}/{name}"), written).unwrap();
    }
    let write =
        "run `PETREL_WRITE_SAMPLES=1 cargo test -p petrel-core --test core samples`, then `cargo xtask test npm`";
    assert!(committed == written, "www/package/test/samples/{name} is out of date: {write}");
}

#[test]
fn the_samples_of_events_are_up_to_date() {
    let committed = include_str!("../../../www/package/test/samples/events.json");
    let mut samples = json!([chain(), peers(), node()].concat());
    // A block without a signature exists only for the node's own blocks.
    let fetched = samples.as_array_mut().unwrap().iter_mut().find(|sample| sample["via"] == "sync").unwrap();
    fetched["signer"] = Value::Null;
    check("events.json", committed, &samples);
}

#[test]
fn the_samples_of_faults_are_up_to_date() {
    let committed = include_str!("../../../www/package/test/samples/faults.json");
    check("faults.json", committed, &faults());
}
