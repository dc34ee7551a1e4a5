//! A snapshot of the node for status displays. Counters count since the start of the node.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use serde::Serialize;

use super::Node;
use crate::{
    ban::{Ban, BanTarget},
    block::BlockRef,
    dialing::multiaddr,
    event::Connected,
    peers::Peer,
    time::Now,
};

/// A snapshot of a node. It serialises to one flat JSON object.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The chain id.
    pub chain: u64,
    /// The chain's name.
    pub name: String,
    /// Name of the latest fork of the schedule that is active now.
    pub fork: String,
    /// The unsafe head.
    pub head: Option<BlockRef>,
    /// First and last missing block number, if there is a gap.
    pub gap: Option<(u64, u64)>,
    /// Block interval in milliseconds: the smaller of the configured and the observed one.
    pub interval_ms: u64,
    /// The fork that the chain's blocks show and that the configured schedule lacks.
    pub schedule_mismatch: Option<&'static str>,
    /// Fetched blocks in quarantine.
    pub quarantine: usize,
    /// Blocks served to peers.
    pub served: u64,
    /// Messages and their validation.
    #[serde(flatten)]
    pub validation: ValidationStatus,
    /// Connected peers, known peers and bans.
    #[serde(flatten)]
    pub peering: PeeringStatus,
    /// Connections and bytes, counted in `net`.
    #[serde(flatten)]
    pub traffic: TrafficStatus,
}

/// Messages and their validation; counters since the start.
#[derive(Clone, Debug, Serialize)]
pub struct ValidationStatus {
    /// The chain's signer.
    pub signer: Option<Address>,
    /// The unknown signer of the blocks that several peers relay instead of our signer's (signer mismatch).
    pub signer_mismatch: Option<Address>,
    /// Whether most peers' blocks indicate that our clock is wrong, and no independent time source confirms our clock
    /// (clock skew).
    pub clock_skew: bool,
    /// Whether most peers' blocks are out of time, and an independent time source confirms our clock (sequencer skew).
    pub sequencer_skew: bool,
    /// Arrival minus timestamp of the last validly signed block, milliseconds, also when the block was out of time.
    pub offset_ms: Option<i64>,
    /// Accepted blocks.
    pub accepted: u64,
    /// Messages that were not accepted, by fault name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Messages received for the first time.
    pub messages: u64,
    /// Bytes of these messages on the wire (compressed).
    pub wire_bytes: u64,
    /// Messages in the validation queues, and running validation tasks.
    #[serde(rename = "checks")]
    pub tasks: usize,
}

/// Peers and this node's own addresses.
#[derive(Clone, Debug, Serialize)]
pub struct PeeringStatus {
    /// The connected peers.
    pub peers: Vec<PeerStatus>,
    /// How many of them, without leaves, are subscribed to a topic of the chain.
    pub subscribed: usize,
    /// By chain id: how many of them, without leaves, are subscribed to topics of that chain, and to none of this chain. A
    /// peer counts for the first chain that it names.
    pub other_chains: BTreeMap<u64, usize>,
    /// Every ban.
    pub bans: Vec<BanStatus>,
    /// Peers of the peer store whose addresses are known, connected or not.
    pub known: usize,
    /// Dials of non-static peers that failed on every address.
    pub dials_failed: u64,
    /// Multiaddrs at which peers of enough networks see this node: see
    /// [`ObservedAddresses`](crate::dialing::ObservedAddresses).
    pub observed: Vec<String>,
    /// Whether the peers that were asked to dial this node could (AutoNAT); `None` while too few have answered.
    pub reachable: Option<bool>,
}

/// Connections and bytes since the start, counted in `net`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TrafficStatus {
    /// Connections that the connection gater allowed and refused.
    pub gated: GaterCounts,
    /// AutoNAT requests from peers.
    pub dial_backs: DialBacks,
    /// Stream bytes by protocol: `meshsub`, `payload_by_number`, `identify`, `ping`, `autonat`, `other`. The overhead
    /// of encryption and of the multiplexer is not included.
    pub protocol_bytes: BTreeMap<&'static str, ByteCount>,
    /// Gossip to leaves.
    pub leaves: LeavesStatus,
}

/// Bytes since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByteCount {
    /// Received bytes.
    #[serde(rename = "in")]
    pub read: u64,
    /// Sent bytes.
    #[serde(rename = "out")]
    pub written: u64,
}

/// AutoNAT requests (dial this node back) since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DialBacks {
    /// Requests whose peer was reached.
    pub reached: u64,
    /// Requests whose peer was not reached.
    pub unreached: u64,
    /// Requests that were refused: too many at once, too often, or no address that may be dialled.
    pub refused: u64,
}

/// Gossip to leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeavesStatus {
    /// Bytes in the send queues of all leaves; an upper bound.
    pub waiting: u64,
    /// How often a block was not gossiped to a leaf since the start, because its send queue was too long.
    pub passed: u64,
}

/// Decisions of the connection gater since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GaterCounts {
    /// Outbound connections that were allowed.
    pub dials: u64,
    /// Outbound connections that were refused.
    pub dials_refused: u64,
    /// Inbound connections that were allowed.
    pub accepts: u64,
    /// Inbound connections that were refused.
    pub accepts_refused: u64,
}

/// A ban.
#[derive(Clone, Debug, Serialize)]
pub struct BanStatus {
    /// A peer, an address or a network.
    pub who: BanTarget,
    /// When the ban ends, Unix seconds; `None` when it lasts until an operator lifts it.
    pub until: Option<u64>,
    /// The reason, as text.
    pub reason: String,
}

/// A connected peer.
#[derive(Clone, Debug, Serialize)]
pub struct PeerStatus {
    /// Its connection.
    #[serde(flatten)]
    pub connected: Connected,
    /// Its agent version (identify).
    pub agent: Option<String>,
    /// gossipsub's score of it, which includes `application`.
    pub score: f64,
    /// The application score that was last set in gossipsub (P5).
    pub application: f64,
    /// Verified blocks that it delivered first since it connected (first deliveries).
    pub first_deliveries: u64,
}

impl Node {
    /// A snapshot at `now`. [`Status::traffic`] is empty: `net` fills it.
    pub fn status(&self, now: Now) -> Status {
        Status {
            chain: self.config.chain.id,
            name: self.config.chain.name.clone(),
            fork: self.config.chain.forks.name_at(now.secs()).to_owned(),
            head: self.head(),
            gap: self.chain.head().gap(),
            interval_ms: u64::try_from(self.chain.interval(now).as_millis()).unwrap_or(u64::MAX),
            schedule_mismatch: self.chain.schedule_mismatch(),
            quarantine: self.chain.quarantined(),
            served: self.serving.served(),
            validation: self.validation_status(now),
            peering: self.peering_status(),
            traffic: TrafficStatus::default(),
        }
    }

    fn validation_status(&self, now: Now) -> ValidationStatus {
        let (mismatch, agrees) = (self.validation.mismatch(), self.validation.clock_agrees_at(now.mono));
        let counts = self.validation.counts();
        ValidationStatus {
            signer: self.validation.signers().current(),
            signer_mismatch: mismatch.signer(),
            clock_skew: mismatch.clock() && !agrees,
            sequencer_skew: mismatch.clock() && agrees,
            offset_ms: counts.offset_ms,
            accepted: counts.accepted,
            faults: counts.faults.clone(),
            messages: counts.messages,
            wire_bytes: counts.wire_bytes,
            tasks: self.validation.in_progress(),
        }
    }

    fn peering_status(&self) -> PeeringStatus {
        PeeringStatus {
            peers: self.context.peers.iter().map(|peer| self.peer_status(peer)).collect(),
            subscribed: self.context.peers.nodes().filter(|peer| peer.is_subscribed()).count(),
            other_chains: self.other_chains(),
            bans: self.reputation.bans().iter().map(BanStatus::from).collect(),
            known: self.context.store.known().len(),
            dials_failed: self.dialing.dials_failed(),
            observed: self.dialing.observed().agreed().map(multiaddr).collect(),
            reachable: self.reachable,
        }
    }

    fn other_chains(&self) -> BTreeMap<u64, usize> {
        let mut chains = BTreeMap::new();
        for chain in self.context.peers.nodes().filter_map(Peer::other_chain) {
            *chains.entry(chain).or_default() += 1;
        }
        chains
    }

    pub(super) fn peer_status(&self, peer: &Peer) -> PeerStatus {
        let score = self.reputation.of(peer.connected.peer);
        PeerStatus {
            connected: peer.connected.clone(),
            agent: peer.agent.clone(),
            score: score.gossip,
            application: score.application,
            first_deliveries: score.first_deliveries,
        }
    }
}

impl From<(BanTarget, &Ban)> for BanStatus {
    fn from((who, ban): (BanTarget, &Ban)) -> Self {
        Self { who, until: ban.until, reason: ban.reason.clone() }
    }
}
