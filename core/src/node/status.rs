//! What a node knows of itself at one moment, for status displays; counters since its start.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use serde::Serialize;

use super::{Node, place::multiaddr};
use crate::{
    event::{BlockRef, Connected},
    gossip::{Fault, Message},
    peers::{Ban, Peer, Subject},
    request::Reply,
    time::Now,
};

/// A node at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The chain id.
    pub chain: u64,
    /// The chain's name.
    pub name: String,
    /// Who is believed.
    pub signer: Option<Address>,
    /// The unsafe head.
    pub head: Option<BlockRef>,
    /// First and last missing number, where a gap is open.
    pub gap: Option<(u64, u64)>,
    /// The connected peers.
    pub peers: Vec<PeerStatus>,
    /// Blocks accepted.
    pub accepted: u64,
    /// Blocks that peers were given.
    pub served: u64,
    /// Messages not accepted, by the fault's name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Messages received for the first time.
    pub messages: u64,
    /// Their bytes on the wire.
    pub wire_bytes: u64,
    /// Arrival minus timestamp of the last validly signed block, milliseconds, even when it was out of time.
    pub offset_ms: Option<i64>,
    /// Whether most peers' blocks say that our clock is wrong, and no independent time says that it is right.
    pub clock_doubt: bool,
    /// Whether most peers' blocks are out of time, and an independent time agrees with our clock.
    pub sequencer_clock_doubt: bool,
    /// The fork that the chain shows and the configured schedule lacks.
    pub schedule_mismatch: Option<&'static str>,
    /// The latest fork of the schedule that is active now, by name.
    pub fork: String,
    /// Milliseconds between blocks: the smaller of the configured interval and the observed one.
    pub interval_ms: u64,
    /// The stranger whom several peers follow instead of our signer.
    pub signer_doubt: Option<Address>,
    /// Messages that wait for a check, and checks that run.
    pub checks: usize,
    /// Fetched blocks that wait until their hash is named.
    pub quarantine: usize,
    /// Every ban.
    pub bans: Vec<BanStatus>,
    /// Peers that are remembered, connected or not.
    pub known: usize,
    /// Dials of peers that are not static that failed on every address.
    pub dials_failed: u64,
    /// Connections that were let through, and those that were not.
    pub gated: Gated,
    /// Multiaddrs at which peers of enough networks see this node: see [`Observed`](crate::peers::Observed).
    pub observed: Vec<String>,
    /// Whether peers that were asked could dial us; `None` as long as too few have said.
    pub reachable: Option<bool>,
    /// Peers that asked to be dialled back.
    pub dial_backs: DialBacks,
    /// Bytes of streams by what was spoken on them: `meshsub`, `payload_by_number`, `identify`, `ping`, `autonat`, `other`.
    /// Neither encryption nor the multiplexer's frames are in them.
    pub protocol_bytes: BTreeMap<&'static str, Carried>,
    /// What goes out to leaves.
    pub leaves: LeavesStatus,
}

/// Bytes, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Carried {
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
pub struct Gated {
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
    pub who: Subject,
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
    pub firsts: u64,
}

/// See [`Status`].
#[derive(Debug, Default)]
pub(super) struct Counts {
    accepted: u64,
    served: u64,
    faults: BTreeMap<&'static str, u64>,
    messages: u64,
    wire_bytes: u64,
    offset_ms: Option<i64>,
    dials_failed: u64,
}

impl Counts {
    pub(super) fn dial_failed(&mut self) {
        self.dials_failed += 1;
    }

    pub(super) fn received(&mut self, message: &Message) {
        self.messages += 1;
        self.wire_bytes = self.wire_bytes.saturating_add(message.wire as u64);
    }

    pub(super) fn judged(&mut self, result: &Result<(), Fault>) {
        match result {
            Ok(()) => self.accepted += 1,
            Err(fault) => *self.faults.entry(fault.name()).or_default() += 1,
        }
    }

    pub(super) fn served(&mut self, reply: &Reply) {
        self.served += u64::from(matches!(reply, Reply::Block(_)));
    }

    pub(super) fn offset(&mut self, millis: i64) {
        self.offset_ms = Some(millis);
    }
}

impl Node {
    /// This node at `now`.
    pub fn status(&self, now: Now) -> Status {
        let (skewed, agrees) = (self.doubts.clock(), self.clock_agrees_at(now));
        Status {
            chain: self.config.chain.id,
            name: self.config.chain.name.clone(),
            signer: self.signers.current(),
            head: self.head.head(),
            gap: self.head.gap(),
            peers: self.peers.iter().map(PeerStatus::from).collect(),
            accepted: self.counts.accepted,
            served: self.counts.served,
            faults: self.counts.faults.clone(),
            messages: self.counts.messages,
            wire_bytes: self.counts.wire_bytes,
            offset_ms: self.counts.offset_ms,
            clock_doubt: skewed && !agrees,
            sequencer_clock_doubt: skewed && agrees,
            schedule_mismatch: self.upgrades.mismatch(),
            fork: self.config.chain.forks.name_at(now.secs()).to_owned(),
            interval_ms: u64::try_from(self.pace.interval(now).as_millis()).unwrap_or(u64::MAX),
            signer_doubt: self.doubts.signer(),
            bans: self.gate.iter().map(BanStatus::from).collect(),
            known: self.book.iter().count(),
            dials_failed: self.counts.dials_failed,
            quarantine: self.sync.quarantined(),
            gated: Gated::default(),
            observed: self.observed.agreed().map(multiaddr).collect(),
            reachable: self.reachable,
            dial_backs: DialBacks::default(),
            protocol_bytes: BTreeMap::new(),
            leaves: LeavesStatus::default(),
            checks: self.running.len() + self.waiting.iter().map(crate::gossip::Waiting::len).sum::<usize>(),
        }
    }
}

impl From<(Subject, &Ban)> for BanStatus {
    fn from((who, ban): (Subject, &Ban)) -> Self {
        Self { who, until: ban.until, reason: ban.reason.clone() }
    }
}

impl From<&Peer> for PeerStatus {
    fn from(peer: &Peer) -> Self {
        Self {
            connected: peer.connected.clone(),
            agent: peer.agent.clone(),
            score: peer.score,
            application: peer.told,
            firsts: peer.firsts,
        }
    }
}
