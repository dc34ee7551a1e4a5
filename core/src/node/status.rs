//! What a node knows of itself at one moment, for status displays; counters since its start.

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

/// A node at one moment. It is written as one flat JSON object.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The chain id.
    pub chain: u64,
    /// The chain's name.
    pub name: String,
    /// The latest fork of the schedule that is active now, by name.
    pub fork: String,
    /// The unsafe head.
    pub head: Option<BlockRef>,
    /// First and last missing number, where a gap is open.
    pub gap: Option<(u64, u64)>,
    /// Milliseconds between blocks: the smaller of the configured interval and the observed one.
    pub interval_ms: u64,
    /// The fork that the chain shows and the configured schedule lacks.
    pub schedule_mismatch: Option<&'static str>,
    /// Fetched blocks that wait until their hash is named.
    pub quarantine: usize,
    /// Blocks that peers were given.
    pub served: u64,
    /// What became of messages.
    #[serde(flatten)]
    pub validation: ValidationStatus,
    /// Who is connected, known and banned.
    #[serde(flatten)]
    pub peering: PeeringStatus,
    /// What libp2p's side counts.
    #[serde(flatten)]
    pub traffic: TrafficStatus,
}

/// Messages and their validation; counters since the start.
#[derive(Clone, Debug, Serialize)]
pub struct ValidationStatus {
    /// Who may sign.
    pub signer: Option<Address>,
    /// The unknown signer whom several peers follow instead of ours.
    pub signer_doubt: Option<Address>,
    /// Whether most peers' blocks say that our clock is wrong, and no independent time says that it is right.
    pub clock_doubt: bool,
    /// Whether most peers' blocks are out of time, and an independent time agrees with our clock.
    pub sequencer_clock_doubt: bool,
    /// Arrival minus timestamp of the last validly signed block, milliseconds, even when it was out of time.
    pub offset_ms: Option<i64>,
    /// Blocks accepted.
    pub accepted: u64,
    /// Messages not accepted, by the fault's name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Messages received for the first time.
    pub messages: u64,
    /// Their bytes on the wire.
    pub wire_bytes: u64,
    /// Messages that wait for a task, and tasks that run.
    pub checks: usize,
}

/// Peers and this node's own addresses.
#[derive(Clone, Debug, Serialize)]
pub struct PeeringStatus {
    /// The connected peers.
    pub peers: Vec<PeerStatus>,
    /// Every ban.
    pub bans: Vec<BanStatus>,
    /// Peers that are remembered, connected or not.
    pub known: usize,
    /// Dials of peers that are not static that failed on every address.
    pub dials_failed: u64,
    /// Multiaddrs at which peers of enough networks see this node: see
    /// [`ObservedAddresses`](crate::dialing::ObservedAddresses).
    pub observed: Vec<String>,
    /// Whether peers that were asked could dial us; `None` as long as too few have said.
    pub reachable: Option<bool>,
}

/// Connections and bytes, counted since the start where libp2p meets the node.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TrafficStatus {
    /// Connections that were let through, and those that were not.
    pub gated: GateCounts,
    /// Peers that asked to be dialled back.
    pub dial_backs: DialBacks,
    /// Bytes of streams by what was spoken on them: `meshsub`, `payload_by_number`, `identify`, `ping`, `autonat`, `other`.
    /// Neither encryption nor the multiplexer's frames are in them.
    pub protocol_bytes: BTreeMap<&'static str, ByteCount>,
    /// What goes out to leaves.
    pub leaves: LeavesStatus,
}

/// Bytes, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByteCount {
    /// That came in.
    #[serde(rename = "in")]
    pub read: u64,
    /// That went out.
    #[serde(rename = "out")]
    pub written: u64,
}

/// Requests to be dialled back (AutoNAT), counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DialBacks {
    /// Those who were reached.
    pub reached: u64,
    /// Those who were not.
    pub unreached: u64,
    /// Those who were not dialled: too many, too often, or nowhere that is dialled.
    pub refused: u64,
}

/// What is gossiped to leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeavesStatus {
    /// Bytes that wait for all of them, at most.
    pub waiting: u64,
    /// How often a leaf did not get a block by gossip since the start, for too much waited.
    pub passed: u64,
}

/// Connections at the gate, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GateCounts {
    /// Dials that were let through.
    pub dials: u64,
    /// Dials that were refused.
    pub dials_refused: u64,
    /// Those who came in.
    pub accepts: u64,
    /// Those who were not let in.
    pub accepts_refused: u64,
}

/// A ban.
#[derive(Clone, Debug, Serialize)]
pub struct BanStatus {
    /// A peer, or an address.
    pub who: BanTarget,
    /// When it ends, Unix seconds; `None` until somebody lifts it.
    pub until: Option<u64>,
    /// Why, in words.
    pub reason: String,
}

/// A connected peer.
#[derive(Clone, Debug, Serialize)]
pub struct PeerStatus {
    /// How it connected.
    #[serde(flatten)]
    pub connected: Connected,
    /// What it calls itself.
    pub agent: Option<String>,
    /// gossipsub's score of it, in which `application` is.
    pub score: f64,
    /// Our part of it, as gossipsub was told.
    pub application: f64,
    /// Of how many verified blocks it brought the first copy since it connected.
    pub first_deliveries: u64,
}

impl Node {
    /// This node at `now`.
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
            signer_doubt: mismatch.signer(),
            clock_doubt: mismatch.clock() && !agrees,
            sequencer_clock_doubt: mismatch.clock() && agrees,
            offset_ms: counts.offset_ms,
            accepted: counts.accepted,
            faults: counts.faults.clone(),
            messages: counts.messages,
            wire_bytes: counts.wire_bytes,
            checks: self.validation.in_progress(),
        }
    }

    fn peering_status(&self) -> PeeringStatus {
        PeeringStatus {
            peers: self.context.peers.iter().map(|peer| self.peer_status(peer)).collect(),
            bans: self.reputation.bans().iter().map(BanStatus::from).collect(),
            known: self.context.store.iter().count(),
            dials_failed: self.dialing.dials_failed(),
            observed: self.dialing.observed().agreed().map(multiaddr).collect(),
            reachable: self.reachable,
        }
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
