//! What happened, told to the outside: one vocabulary for the daemon's `--events json` and the browser's page.
//!
//! Every event serialises to one flat JSON object with its name under `"event"`. Hashes and addresses are 0x-hex,
//! peers base58, times Unix seconds, delays milliseconds.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    block::{Block, BlockRef, Verified},
    fault::{AnswerFault, Fault},
    fork::Version,
    peer::PeerId,
};

mod peers;
mod serialize;

pub use peers::{
    BanCause, Banned, Connected, DialFailed, Direction, DisconnectReason, Disconnected, Discovered, Graylisted,
    Identified, PruneReason, Pruned, PrunedPeer, Reachable, SeenAt, SharedKey, TopicChange, Tried, Unbanned,
};

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A block passed every rule. Blocks of one height may differ; `head` says which one leads.
    Block(NewBlock),
    /// The unsafe head moved.
    Head(NewHead),
    /// Blocks are missing between the head and a verified block, or no longer are.
    Gap(Gap),
    /// How far a gap is closed.
    Synced(Synced),
    /// A peer answered a request of ours with what is false or of no use.
    FetchFailed(FetchFailed),
    /// A block is on disk: it is there after any crash.
    Stored(Stored),
    /// Blocks can no longer be kept, or can be again. Following goes on.
    Store(StoreState),
    /// The sequencer signed a second block for a height that the head had passed.
    Conflict(Conflict),
    /// Blocks lead no more: the sequencer went back, and another branch leads.
    Reorg(Reorg),
    /// An upgrade of the schedule is active from this block on.
    Fork(ForkActive),
    /// Our signer's blocks show an upgrade that the configured schedule lacks: the chain has gone on without it.
    ScheduleMismatch(ScheduleMismatch),
    /// A peer connected (its first connection).
    Connected(Connected),
    /// A peer's last connection ended.
    Disconnected(Disconnected),
    /// A peer that we were told to keep could not be reached.
    DialFailed(DialFailed),
    /// A peer of the chain was found that was not known; it may be dialled when there are too few.
    Discovered(Discovered),
    /// A peer subscribed to a topic of the chain.
    TopicJoined(TopicChange),
    /// A peer unsubscribed from a topic of the chain.
    TopicLeft(TopicChange),
    /// A message was judged false or out of bounds.
    Rejected(InvalidMessage),
    /// A message was neither accepted nor held against anyone.
    Ignored(InvalidMessage),
    /// Our own signer looks wrong: peers at different addresses relay blocks of one same stranger.
    SignerMismatch(SignerMismatch),
    /// Our own clock looks wrong: most peers' validly signed blocks are out of time in one direction.
    ClockSkew(ClockSkew),
    /// The sequencer's clock looks wrong: its blocks are out of time, and L1's or the relays' time agrees with ours.
    SequencerSkew(ClockSkew),
    /// The signer that is believed changed.
    SignerChanged(SignerChanged),
    /// The signer before the current one is no longer accepted: the current one has signed, or the grace is over.
    SignerRetired(SignerRetired),
    /// The signer could not be read from L1; the one that is known stays.
    SignerUnread(SignerUnread),
    /// This node listens here.
    Listening(Listening),
    /// This node no longer listens here: a certificate that the address names has ended, or an interface has gone.
    ListenEnded(Listening),
    /// Peers of several networks see this node at an address, or no longer do.
    Observed(SeenAt),
    /// Peers that were asked to dial this node could, or could not, unlike before.
    Reachable(Reachable),
    /// Another node answered or came in with this node's own key.
    SharedKey(SharedKey),
    /// What a peer calls itself, by identify.
    Identified(Identified),
    /// A block of our own passed our rules and could not be gossiped.
    PublishFailed(PublishFailed),
    /// A peer sent so much that is false that it is not listened to any more, for minutes.
    Graylisted(Graylisted),
    /// A peer or an address may not connect until the ban ends.
    Banned(Banned),
    /// A ban has ended.
    Unbanned(Unbanned),
    /// There were too many peers: who stays, who goes, and why.
    Pruned(Pruned),
    /// The loop stood still: a defect of this program, or a machine with too much to do.
    Stalled(Stalled),
    /// A check panicked: a defect of this program, survived. The message was rejected.
    CheckPanicked(CheckPanicked),
}

/// How a block reached this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A peer gossiped it.
    Gossip,
    /// This node made it (a sequencer).
    Local,
    /// It was fetched from a peer, to close a gap: such blocks come newest first.
    Sync,
}

/// See [`Event::Block`].
#[derive(Clone, Debug)]
pub struct NewBlock {
    /// The block, proven by the rules.
    pub block: Arc<Verified<Block>>,
    /// How it came.
    pub via: Via,
    /// Who relayed it; `None` for our own.
    pub peer: Option<PeerId>,
    /// The block's own time, Unix milliseconds: the header has whole seconds.
    pub timestamp_ms: u64,
    /// Arrival minus the block's own time; real blocks come some 45 ms early.
    pub delay_ms: i64,
    /// Judgement minus arrival.
    pub judged_ms: u64,
}

impl Serialize for NewBlock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let payload = &self.block.payload;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("number", &payload.number())?;
        map.serialize_entry("hash", &self.block.hash)?;
        map.serialize_entry("parent", &payload.parent_hash())?;
        map.serialize_entry("timestamp", &payload.timestamp())?;
        map.serialize_entry("timestamp_ms", &self.timestamp_ms)?;
        map.serialize_entry("txs", &payload.transaction_count())?;
        map.serialize_entry("bytes", &self.block.bytes)?;
        map.serialize_entry("version", &payload.version().to_string())?;
        map.serialize_entry("signer", &self.block.signer)?;
        map.serialize_entry("via", &self.via)?;
        map.serialize_entry("peer", &self.peer)?;
        map.serialize_entry("delay_ms", &self.delay_ms)?;
        map.serialize_entry("judged_ms", &self.judged_ms)?;
        map.end()
    }
}

/// See [`Event::Head`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewHead {
    /// The new head.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its parent.
    pub parent: B256,
    /// Its timestamp, Unix seconds.
    pub timestamp: u64,
    /// Its own time, Unix milliseconds.
    pub timestamp_ms: u64,
    /// HeadReason it moved.
    pub why: HeadReason,
    /// The head that it replaces on another branch; `None` unless `why` is a reorg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<BlockRef>,
}

/// HeadReason the head moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadReason {
    /// The first verified block of this run, or the one that begins again behind a gap that nobody filled.
    Anchored,
    /// It follows the head before it.
    Extended,
    /// The sequencer went on from an older block, and that branch leads now. [`Event::Reorg`] says what is gone.
    Reorged,
}

/// See [`Event::Gap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// First missing number.
    pub from: u64,
    /// Last missing number.
    pub to: u64,
    /// What became of it.
    pub state: GapState,
}

/// What became of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapState {
    /// A verified block came from beyond it.
    Opened,
    /// The missing blocks came.
    Closed,
    /// They did not come in time: the head begins again behind it, and these blocks were never seen.
    Skipped,
}

/// See [`Event::Synced`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Synced {
    /// The gap's first number, as it opened.
    pub from: u64,
    /// Its last.
    pub to: u64,
    /// How many of them are there, from the end downwards.
    pub done: u64,
    /// Blocks a second so far.
    pub blocks_per_sec: f64,
    /// Bytes a second so far, uncompressed.
    pub bytes_per_sec: f64,
}

/// See [`Event::FetchFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FetchFailed {
    /// Who was asked.
    pub peer: PeerId,
    /// For which block.
    pub number: u64,
    /// What is wrong with the answer.
    pub fault: &'static str,
    /// The same with its figures, in words.
    pub detail: String,
    /// The fault itself.
    #[serde(skip)]
    pub cause: AnswerFault,
}

/// See [`Event::Stored`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// The block's height.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Always true.
    pub stored: bool,
}

/// See [`Event::Store`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoreState {
    /// Whether blocks are kept.
    pub keeps: bool,
    /// HeadReason not, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// See [`Event::Conflict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The height.
    pub number: u64,
    /// The block that came first and stays.
    pub first: B256,
    /// The other one, as validly signed.
    pub second: B256,
}

/// See [`Event::Reorg`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reorg {
    /// The lowest number whose block leads no more, as far as is known: where nobody has the block in between, the branches may
    /// part below.
    pub from: u64,
    /// The highest one: the head that was left.
    pub to: u64,
    /// How many blocks that are.
    pub depth: u64,
    /// Their hashes, rising; of a deep reorg the last [`Reorg::HASHES`].
    pub hashes: Vec<B256>,
}

impl Reorg {
    /// Hashes at most.
    pub const HASHES: usize = 256;
}

/// See [`Event::Fork`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForkActive {
    /// The first block.
    pub number: u64,
    /// When it was scheduled, Unix seconds.
    pub time: u64,
    /// Its name as the schedule has it.
    pub name: String,
}

/// See [`Event::ScheduleMismatch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduleMismatch {
    /// The block that showed it.
    pub number: u64,
    /// Its timestamp, Unix seconds.
    pub timestamp: u64,
    /// The fork that it looks like.
    pub fork: &'static str,
    /// What to do, in words.
    pub remedy: String,
}

/// See [`Event::Rejected`] and [`Event::Ignored`].
#[derive(Clone, Debug, Serialize)]
pub struct InvalidMessage {
    /// Who sent it; `None` for our own.
    pub peer: Option<PeerId>,
    /// The topic by its payload version.
    #[serde(serialize_with = "serialize::version")]
    pub version: Version,
    /// The first rule that it breaks.
    pub fault: &'static str,
    /// The same with its figures, in words.
    pub detail: String,
    /// The fault itself.
    #[serde(skip)]
    pub cause: Fault,
}

/// See [`Event::SignerMismatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SignerMismatch {
    /// Who we believe in.
    pub expected: Address,
    /// Who signed what the peers relay.
    pub found: Address,
    /// How many peers relayed it.
    pub peers: usize,
}

/// See [`Event::ClockSkew`] and [`Event::SequencerSkew`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ClockSkew {
    /// Our clock minus the blocks' timestamps, seconds: positive when our clock is ahead (or the network is late).
    pub offset_secs: i64,
    /// How many peers showed it.
    pub peers: usize,
}

/// See [`Event::SignerChanged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SignerChanged {
    /// Believed until now; `None` at the first.
    pub previous: Option<Address>,
    /// Believed from now on; `None` when nobody is.
    pub current: Option<Address>,
    /// Still accepted, until the current one has signed or three hours are over.
    pub grace: Option<Address>,
}

/// See [`Event::SignerRetired`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SignerRetired {
    /// No longer accepted.
    pub retired: Address,
}

/// See [`Event::SignerUnread`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerUnread {
    /// HeadReason, in words.
    pub error: String,
}

/// See [`Event::Listening`] and [`Event::ListenEnded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listening {
    /// The multiaddr, with `/p2p/…`.
    pub address: String,
}

/// See [`Event::PublishFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublishFailed {
    /// The topic by its payload version.
    #[serde(serialize_with = "serialize::version")]
    pub version: Version,
    /// What gossipsub said.
    pub error: String,
}

/// See [`Event::Stalled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stalled {
    /// For how long, milliseconds.
    pub millis: u64,
}

/// See [`Event::CheckPanicked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckPanicked {
    /// Who sent the message.
    pub peer: Option<PeerId>,
}

#[cfg(all(test, feature = "net"))]
mod tests {
    use super::Event;

    /// `tests/core/samples.rs` cannot tell that a variant is missing, because the enum is open to other crates.
    macro_rules! every {
        ($($variant:ident)*) => {
            const VARIANTS: &[&str] = &[$(stringify!($variant)),*];
            /// Does not compile when a variant is missing below.
            const fn _is_listed(event: &Event) {
                match event { $(Event::$variant(_) => {})* }
            }
        };
    }
    every! {
        Block Head Gap Synced FetchFailed Stored Store Conflict Reorg Fork ScheduleMismatch Connected Disconnected DialFailed
        Discovered TopicJoined TopicLeft Rejected Ignored SignerMismatch ClockSkew SequencerSkew SignerChanged SignerRetired
        SignerUnread Listening ListenEnded Observed Reachable SharedKey Identified PublishFailed Graylisted Banned Unbanned Pruned
        Stalled CheckPanicked
    }

    #[test]
    fn each_variant_has_a_sample_for_the_npm_package() {
        let samples = include_str!("../../www/package/test/samples/events.json");
        let samples: Vec<serde_json::Value> = serde_json::from_str(samples).unwrap();
        let mut names: Vec<&str> = samples.iter().filter_map(|sample| sample.get("event")?.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let mut expected: Vec<String> = VARIANTS.iter().map(|variant| snake_case(variant)).collect();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }

    fn snake_case(name: &str) -> String {
        let words = name.char_indices().flat_map(|(at, letter)| {
            let underscore = (at > 0 && letter.is_ascii_uppercase()).then_some('_');
            underscore.into_iter().chain([letter.to_ascii_lowercase()])
        });
        words.collect()
    }
}
