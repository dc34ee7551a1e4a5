//! Events: what happened, for the outside. The daemon's `--events json` and the browser's page use the same events.
//!
//! Every event serialises to one flat JSON object with its name under `"event"`. Hashes and addresses are 0x-hex, peer
//! ids base58, times Unix seconds, delays milliseconds.

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

/// One event.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A block passed every rule. There may be several blocks at one height; `head` says which one is the unsafe head.
    Block(NewBlock),
    /// The unsafe head moved.
    Head(NewHead),
    /// Blocks between the head and a verified block above it are missing, or no longer are.
    Gap(Gap),
    /// Progress of range sync in a gap.
    Synced(Synced),
    /// A peer's response to our request was invalid or of no use.
    FetchFailed(FetchFailed),
    /// A block is on disk and survives a crash.
    Stored(Stored),
    /// Blocks can no longer be persisted, or can be again. The node follows the chain in both cases.
    Store(StoreState),
    /// The sequencer signed a second block at a height that the head has passed.
    Conflict(Conflict),
    /// Blocks are no longer part of the chain: the sequencer went back, and the head moved to another branch.
    Reorg(Reorg),
    /// A fork of the schedule is active from this block on.
    Fork(ForkActive),
    /// Our signer's blocks show a fork that the configured schedule lacks.
    ScheduleMismatch(ScheduleMismatch),
    /// A peer connected (its first connection).
    Connected(Connected),
    /// A peer's last connection ended.
    Disconnected(Disconnected),
    /// Dialling a static peer failed on every address.
    DialFailed(DialFailed),
    /// A new peer of the chain was discovered. The peer dialer may dial it when there are too few peers.
    Discovered(Discovered),
    /// A peer subscribed to a topic of the chain.
    TopicJoined(TopicChange),
    /// A peer unsubscribed from a topic of the chain.
    TopicLeft(TopicChange),
    /// A message was rejected: it breaks a rule.
    Rejected(InvalidMessage),
    /// A message was ignored: it was neither accepted nor is its sender penalised.
    Ignored(InvalidMessage),
    /// Our signer is probably wrong: peers at different addresses relay blocks of the same unknown signer.
    SignerMismatch(SignerMismatch),
    /// Our clock is probably wrong: most peers' validly signed blocks are out of time in the same direction.
    ClockSkew(ClockSkew),
    /// The sequencer's clock is probably wrong: its blocks are out of time, and an independent time source (L1 or the
    /// relays) agrees with our clock.
    SequencerSkew(ClockSkew),
    /// The accepted signer changed.
    SignerChanged(SignerChanged),
    /// The previous signer is no longer accepted: the current one has signed, or the grace period is over.
    SignerRetired(SignerRetired),
    /// The signer could not be read from L1; the current one stays.
    SignerUnread(SignerUnread),
    /// This node listens on an address.
    Listening(Listening),
    /// This node no longer listens on an address: a certificate that the address names has expired, or a network
    /// interface was removed.
    ListenEnded(Listening),
    /// Peers of several networks see this node at an address, or no longer do.
    Observed(SeenAt),
    /// Whether the peers that were asked to dial this node could (AutoNAT); emitted when it changes.
    Reachable(Reachable),
    /// Another node that we dialled, or that dialled us, has this node's own key.
    SharedKey(SharedKey),
    /// A peer's agent version (identify).
    Identified(Identified),
    /// Our own block passed validation and could not be gossiped.
    PublishFailed(PublishFailed),
    /// A peer's gossipsub score fell below the graylist threshold: gossipsub ignores it for minutes.
    Graylisted(Graylisted),
    /// A peer, an address or a network may not connect until the ban ends.
    Banned(Banned),
    /// A ban has ended.
    Unbanned(Unbanned),
    /// There were more peers than the high watermark: which stay, which are disconnected, and why.
    Pruned(Pruned),
    /// The event loop was blocked: a defect of this program, or an overloaded machine.
    Stalled(Stalled),
    /// A validation task panicked: a defect of this program. The message was rejected, and the node continues.
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
    /// It was fetched from a peer to close a gap. Such blocks come newest first.
    Sync,
}

/// See [`Event::Block`].
#[derive(Clone, Debug)]
pub struct NewBlock {
    /// The block, which passed every rule.
    pub block: Arc<Verified<Block>>,
    /// How it reached this node.
    pub via: Via,
    /// The peer that relayed it; `None` for our own block.
    pub peer: Option<PeerId>,
    /// The block's timestamp in Unix milliseconds; its header has whole seconds.
    pub timestamp_ms: u64,
    /// Arrival minus the block's timestamp, milliseconds. Blocks of real chains come some 45 ms early.
    pub delay_ms: i64,
    /// End of validation minus arrival, milliseconds.
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
    /// The block number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The parent's hash.
    pub parent: B256,
    /// Its timestamp, Unix seconds.
    pub timestamp: u64,
    /// Its timestamp, Unix milliseconds.
    pub timestamp_ms: u64,
    /// Why the head moved.
    pub why: HeadReason,
    /// The previous head on another branch; `None` unless `why` is `reorged`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<BlockRef>,
    /// How many blocks between the head event before and this one have no head event of their own: 0 unless a gap of more
    /// than [`Head::MAX_HEAD_EVENTS`](crate::unsafe_chain::Head::MAX_HEAD_EVENTS) blocks was closed. Not serialised when 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: u64,
}

const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Why the head moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadReason {
    /// It is the first verified block of this run, or the first one after a skipped gap.
    Anchored,
    /// It is a child of the previous head.
    Extended,
    /// The sequencer built on an older block, and the head moved to that branch. [`Event::Reorg`] names the replaced
    /// blocks.
    Reorged,
}

/// See [`Event::Gap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// First missing number.
    pub from: u64,
    /// Last missing number.
    pub to: u64,
    /// The state of the gap.
    pub state: GapState,
}

/// The state of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapState {
    /// A verified block above the gap arrived.
    Opened,
    /// The missing blocks arrived.
    Closed,
    /// The missing blocks did not arrive in time. The head continues above the gap, and these blocks are never emitted.
    Skipped,
}

/// See [`Event::Synced`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Synced {
    /// The first missing number when the gap opened.
    pub from: u64,
    /// The last missing number when the gap opened.
    pub to: u64,
    /// How many of these blocks are verified, from the upper end downwards.
    pub done: u64,
    /// Average blocks per second so far.
    pub blocks_per_sec: f64,
    /// Average uncompressed bytes per second so far.
    pub bytes_per_sec: f64,
}

/// See [`Event::FetchFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FetchFailed {
    /// The peer that was asked.
    pub peer: PeerId,
    /// The requested block number.
    pub number: u64,
    /// The fault's name: see [`AnswerFault::name`].
    pub fault: &'static str,
    /// The fault with its values, as text.
    pub detail: String,
    /// The fault.
    #[serde(skip)]
    pub cause: AnswerFault,
}

/// See [`Event::Stored`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// The block number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Always true.
    pub stored: bool,
}

/// See [`Event::Store`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoreState {
    /// Whether blocks can be persisted.
    pub keeps: bool,
    /// Why they cannot, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// See [`Event::Conflict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The block number.
    pub number: u64,
    /// The hash of the block that came first and stays part of the chain.
    pub first: B256,
    /// The hash of the second block, which is validly signed as well.
    pub second: B256,
}

/// See [`Event::Reorg`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reorg {
    /// The lowest replaced block number, as far as is known: where no peer has the blocks in between, the branches may
    /// part below it.
    pub from: u64,
    /// The highest replaced block number: the previous head.
    pub to: u64,
    /// The number of replaced blocks.
    pub depth: u64,
    /// Their hashes in rising order; for a deep reorg only the last [`Reorg::HASHES`].
    pub hashes: Vec<B256>,
}

impl Reorg {
    /// Maximum number of hashes in one event.
    pub const HASHES: usize = 256;
}

/// See [`Event::Fork`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForkActive {
    /// The first block number of the fork.
    pub number: u64,
    /// The fork's scheduled time, Unix seconds.
    pub time: u64,
    /// The fork's name in the schedule.
    pub name: String,
}

/// See [`Event::ScheduleMismatch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduleMismatch {
    /// The number of the block that showed it.
    pub number: u64,
    /// Its timestamp, Unix seconds.
    pub timestamp: u64,
    /// The fork that the block indicates.
    pub fork: &'static str,
    /// What to do, as text.
    pub remedy: String,
}

/// See [`Event::Rejected`] and [`Event::Ignored`].
#[derive(Clone, Debug, Serialize)]
pub struct InvalidMessage {
    /// The peer that sent it; `None` for our own message.
    pub peer: Option<PeerId>,
    /// The topic by its payload version.
    #[serde(serialize_with = "serialize::version")]
    pub version: Version,
    /// The name of the fault, which is the first rule that it breaks: see [`Fault::name`].
    pub fault: &'static str,
    /// The fault with its values, as text.
    pub detail: String,
    /// The fault.
    #[serde(skip)]
    pub cause: Fault,
}

/// See [`Event::SignerMismatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SignerMismatch {
    /// The configured signer.
    pub expected: Address,
    /// The signer of the blocks that the peers relay.
    pub found: Address,
    /// How many peers relayed such blocks.
    pub peers: usize,
}

/// See [`Event::ClockSkew`] and [`Event::SequencerSkew`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ClockSkew {
    /// Our clock minus the blocks' timestamps, seconds: positive when our clock is ahead, or the network is late.
    pub offset_secs: i64,
    /// How many peers sent such blocks.
    pub peers: usize,
}

/// See [`Event::SignerChanged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SignerChanged {
    /// The signer before; `None` for the first one.
    pub previous: Option<Address>,
    /// The signer from now on; `None` when there is none.
    pub current: Option<Address>,
    /// The previous signer that is still accepted, until the current one has signed or three hours are over.
    pub grace: Option<Address>,
}

/// See [`Event::SignerRetired`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SignerRetired {
    /// The signer that is no longer accepted.
    pub retired: Address,
}

/// See [`Event::SignerUnread`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerUnread {
    /// The error, as text.
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
    /// gossipsub's error.
    pub error: String,
}

/// See [`Event::Stalled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stalled {
    /// How long the loop was blocked, milliseconds.
    pub millis: u64,
}

/// See [`Event::CheckPanicked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckPanicked {
    /// The peer that sent the message; `None` for our own.
    pub peer: Option<PeerId>,
}

#[cfg(all(test, feature = "net"))]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests;
