//! A network in a simulated world: a sequencer, honest nodes of which some disconnect and reconnect, malicious nodes of every
//! kind, and nodes in two /24 networks that send nothing and try to take all connections of one honest node (an eclipse attack).
//!
//! What is checked:
//! - Every honest node emits every block once, and the last block is its head. A node detects a missed block by the block after it,
//!   so the chain continues for [`AFTER`] blocks, which may be missed too, and then the run continues for [`SETTLE`]: a lost
//!   response costs the full timeout of its request.
//! - A node that has rejected a message of a malicious node bans it within [`BAN_DEADLINE`]. A message that the sequencer's own key
//!   signed is not an offence of the peers that relay it, and no peer is banned for it. No honest node is banned.
//! - The eclipsed node keeps at least half of its honest connections while blocks are produced.

use core::{fmt::Write as _, time::Duration};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use alloy_primitives::B256;
use petrel_core::{
    Event,
    ban::BanTarget,
    chain::Chain,
    config::Config,
    dialing::ConnectionManager,
    fault::{Acceptance, Offence},
    fork::{Fork, Forks, Version},
    message::Message,
};

use crate::{
    forge::{Forge, begun, key, noise},
    random::SplitMix64,
    recording::Recording,
    world::{Answers, Conditions, World},
};

/// Maximum time from the first rejected message of a malicious node to its ban.
pub const BAN_DEADLINE: Duration = Duration::from_secs(60);
const START: u64 = 1_800_000_000;
/// Number of blocks, two seconds apart.
const BLOCKS: u64 = 50;
/// Number of blocks after them.
const AFTER: u64 = 4;
/// How long the run continues without blocks: two requests, one after the other, may be lost.
const SETTLE: Duration = Duration::from_secs(60);
/// Nodes that send nothing, half of them in each of two /24 networks.
const ECLIPSERS: usize = 48;
/// The node that they all dial.
const ECLIPSED: usize = 1;
/// How many other nodes each node dials.
const DIALS: usize = 7;
/// What malicious nodes gossip, by kind.
const KINDS: [&str; 8] = [
    "signed by an unknown signer",
    "wrong block hash, signed by the sequencer",
    "invalid snappy",
    "a forbidden field, signed by the sequencer",
    "undecodable, signed by the sequencer",
    "one bit flipped",
    "stale",
    "invalid responses only",
];

/// The parameters of a simulation.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Nodes, including the malicious ones, without the nodes of the eclipse attack. At most 200.
    pub nodes: usize,
    /// Percentage of the messages on each link that are lost.
    pub loss: u64,
    /// Malicious nodes, at most `nodes` − 2.
    pub malicious: usize,
    /// The seed of all random numbers.
    pub seed: u64,
    /// Whether each node's inputs and outputs are recorded.
    pub record: bool,
}

/// The result of a simulation.
pub struct Outcome {
    /// Each node's inputs and outputs, if they were recorded.
    pub recordings: Vec<Recording>,
    /// All events, one a line.
    pub log: String,
    /// The checks that failed, one line each.
    pub failures: Vec<String>,
    /// Statistics, one line each.
    pub figures: String,
}

/// Results of one kind of malicious node, over all honest nodes.
#[derive(Clone, Copy, Debug, Default)]
struct MaliciousStats {
    /// Pairs of a malicious node and an honest node that charged it with an offence.
    detected: usize,
    /// Pairs that ended in a ban.
    bans: usize,
    /// The longest time from the first offence to the ban.
    slowest: Duration,
}

struct Sim {
    plan: Plan,
    world: World,
    random: SplitMix64,
    hashes: Vec<B256>,
    made_at: Vec<Duration>,
    /// By node: the peers that it dials again. These are the peers of its earlier links, and of malicious nodes also the peers
    /// that it has sent messages to.
    met: BTreeMap<usize, BTreeSet<usize>>,
    /// The honest nodes that were linked with the eclipsed node after all nodes had dialled.
    first_links: BTreeSet<usize>,
    /// The nodes that were linked with it when the last block was produced.
    linked: BTreeSet<usize>,
}

impl Plan {
    /// Runs the simulation.
    #[must_use]
    pub fn run(self) -> Outcome {
        let mut chain = Chain::preset("op-mainnet").expect("a preset");
        chain.forks = Forks::all_until(Fork::Isthmus);
        chain = begun(&chain, 1000, START, Duration::from_secs(2));
        chain.signer = Some(key(1).address());
        let conditions = Conditions { latency: (5, 150), loss: self.loss, duplication: 0 };
        let config = Config::new(chain);
        let mut world = World::new(&config, self.nodes + ECLIPSERS, START, self.seed, conditions);
        if self.record {
            world.record(&config);
        }
        let random = SplitMix64(self.seed ^ 0x5eed);
        let mut sim = Sim {
            plan: self,
            world,
            random,
            hashes: Vec::new(),
            made_at: Vec::new(),
            met: BTreeMap::new(),
            first_links: BTreeSet::new(),
            linked: BTreeSet::new(),
        };
        sim.meet();
        for round in 0..BLOCKS + AFTER {
            sim.round(round);
        }
        sim.linked = sim.world.links(ECLIPSED).clone();
        sim.world.run(SETTLE);
        sim.outcome()
    }
}

impl Sim {
    /// The kind of a malicious node, `None` for others. The malicious nodes are the last ones of `nodes`.
    fn malicious_kind(&self, index: usize) -> Option<usize> {
        (index + self.plan.malicious).checked_sub(self.plan.nodes).filter(|_| index < self.plan.nodes)
    }

    fn honest(&self) -> usize {
        self.plan.nodes - self.plan.malicious
    }

    fn meet(&mut self) {
        let nodes = self.plan.nodes;
        for index in 0..nodes {
            self.world.at(index, Ipv4Addr::new(51, 10, index as u8, 1).into());
            let answers =
                [Answers::OtherNumber, Answers::Correct, Answers::WrongHash, Answers::Unresponsive, Answers::Malformed];
            if let Some(kind) = self.malicious_kind(index) {
                self.world.answers(index, answers[kind % answers.len()]);
            }
        }
        for index in nodes..nodes + ECLIPSERS {
            self.world.at(index, Ipv4Addr::new(45, 66, 77 + (index % 2) as u8, (index - nodes) as u8 + 1).into());
            self.world.receive_only(index);
            self.world.answers(index, Answers::Unresponsive);
            self.world.dial(index, ECLIPSED);
        }
        for index in 0..nodes {
            self.dial(index);
        }
        self.world.mesh();
        self.world.run(Duration::from_secs(3));
        let honest = self.honest();
        self.first_links = self.world.links(ECLIPSED).iter().copied().filter(|peer| *peer < honest).collect();
    }

    /// A node dials random other nodes.
    fn dial(&mut self, index: usize) {
        for _ in 0..DIALS {
            let to = self.random.below(self.plan.nodes as u64) as usize;
            if to != index {
                self.world.dial(index, to);
            }
        }
    }

    /// A node dials all nodes that it was linked with.
    fn come_back(&mut self, index: usize) {
        let links = self.world.links(index).clone();
        let met = self.met.entry(index).or_default();
        met.extend(links);
        for other in met.clone() {
            self.world.dial(index, other);
        }
    }

    /// Two seconds: one block, the invalid messages about it, and reconnects.
    fn round(&mut self, round: u64) {
        let block = self.block(self.world.now().secs(), round);
        let (data, hash) = block.sealed();
        self.hashes.push(hash);
        self.made_at.push(self.world.now().mono);
        self.world.produce(0, Version::V4, data);
        self.churn(round);
        for half in 0..2 {
            for index in self.honest()..self.plan.nodes {
                // A malicious node that was disconnected dials again, unless it is banned: the peers that it dialled, and the
                // peers that dialled it, got a message and disconnected it before this line saw the link.
                let sent_to = self.world.sent_to(index).clone();
                self.met.entry(index).or_default().extend(sent_to);
                self.come_back(index);
                if round >= 4
                    && let Some(message) = self.invalid_message(index, &block, round * 2 + half)
                {
                    self.world.send_to_all(index, Version::V4, &message);
                }
            }
            for index in self.plan.nodes..self.plan.nodes + ECLIPSERS {
                self.world.dial(index, ECLIPSED);
            }
            self.world.run(Duration::from_secs(1));
        }
    }

    fn block(&self, at: u64, round: u64) -> Forge {
        let parent = self.hashes.last().copied().unwrap_or_default();
        Forge::new(10, Fork::Isthmus, 1001 + round, at, 2_000).with(|block| block.parent_hash = parent)
    }

    /// Honest nodes disconnect for ten seconds and reconnect, one after the other.
    fn churn(&mut self, round: u64) {
        let honest = self.honest() as u64;
        if round >= 5 && round.is_multiple_of(5) && honest > 4 && round < 30 {
            let index = 2 + (round / 5 % (honest - 2)) as usize;
            let links = self.world.links(index).clone();
            for other in &links {
                self.world.cut(index, *other);
            }
            self.met.insert(index, links);
        }
        if round >= 9 && round % 5 == 4 && honest > 4 && round < 35 {
            self.come_back(2 + (round / 5 % (honest - 2)) as usize);
        }
    }

    /// The next invalid message of a malicious node. The sequencer's key signs those of some kinds; these are not an offence of
    /// the sender.
    fn invalid_message(&mut self, index: usize, block: &Forge, turn: u64) -> Option<Message> {
        let whole = |(data, _): (Vec<u8>, B256)| Message {
            wire: data.len(),
            form: petrel_core::message::Form::Snappy,
            data: data.into(),
        };
        let salt = turn * 1_000 + index as u64;
        let other = block.clone().with(|payload| payload.gas_used = salt);
        Some(match self.malicious_kind(index)? % KINDS.len() {
            0 => whole(other.by(20 + index as u8).sealed()),
            1 => whole(other.claiming(B256::repeat_byte(index as u8)).sealed()),
            2 => Message::decompress(&noise(salt, 400)),
            3 => whole(other.with(|payload| payload.excess_blob_gas = 1).sealed()),
            4 => whole((other.seal(&noise(salt, 700)), B256::ZERO)),
            5 => {
                let (mut data, hash) = block.sealed();
                let at = self.random.below(data.len() as u64) as usize;
                data[at] ^= 1 << self.random.below(8);
                whole((data, hash))
            }
            // Stale: not an offence.
            6 => whole(other.with(|payload| payload.timestamp -= 600).sealed()),
            // Only its responses are invalid.
            _ => return None,
        })
    }

    fn outcome(&mut self) -> Outcome {
        let mut failures = Vec::new();
        let (mut spread, mut banned) = (Vec::new(), 0);
        let mut stats = [MaliciousStats::default(); KINDS.len()];
        for index in 0..self.honest() {
            self.whole(index, &mut failures, &mut spread);
            banned += self.bans(index, &mut failures, &mut stats);
        }
        let silent_links = self.linked.iter().filter(|peer| **peer >= self.plan.nodes).count();
        let kept = self.first_links.intersection(&self.linked).count();
        // A peer that reconnects and delivers nothing new may be pruned; most must not be.
        let eclipsed = format!(
            "{kept} of {} honest links kept, {silent_links} of {ECLIPSERS} attackers linked",
            self.first_links.len()
        );
        if silent_links > 2 * ConnectionManager::NETWORK || 2 * kept < self.first_links.len() {
            failures.push(format!("the eclipsed node: {eclipsed}"));
        }
        let mut figures = self.figures(spread);
        for (kind, (name, stats)) in KINDS.iter().zip(stats).enumerate() {
            let malicious = (0..self.plan.malicious).filter(|index| index % KINDS.len() == kind).count();
            let MaliciousStats { detected, bans, slowest } = stats;
            writeln!(
                figures,
                "{name}: {malicious} nodes, detected by {detected}, {bans} bans, the slowest after {slowest:?}"
            )
            .expect("memory");
        }
        writeln!(figures, "bans: {banned}; the eclipsed node: {eclipsed}").expect("memory");
        Outcome { recordings: self.world.recordings(), log: self.world.log().to_owned(), failures, figures }
    }

    /// Checks that a node emitted every block once and has the right head; appends the delay of each block to `spread`.
    fn whole(&self, index: usize, failures: &mut Vec<String>, spread: &mut Vec<Duration>) {
        let mut seen: BTreeMap<u64, Vec<B256>> = BTreeMap::new();
        for (at, event) in self.world.events_with_times(index) {
            let Event::Block(new) = event else { continue };
            let number = new.block.payload.number();
            seen.entry(number).or_default().push(new.block.hash);
            if let Some(made) = number.checked_sub(1001).and_then(|place| self.made_at.get(place as usize)) {
                spread.push(at.saturating_sub(*made));
            }
        }
        let last = 1000 + BLOCKS;
        for (number, hashes) in (1001..).zip(self.hashes.iter().map(|hash| vec![*hash])) {
            let found = seen.get(&number);
            if found != Some(&hashes) && (found.is_some() || number <= last) {
                failures.push(format!("node {index}: block {number} is {found:?}, not {hashes:?}"));
            }
        }
        let head = self.world.node(index).head().map(|head| head.number);
        if head.is_none_or(|head| head < last) {
            failures.push(format!("node {index}: its head is {head:?}"));
        }
    }

    /// Checks a node's bans against the offences that it found; returns the number of its bans.
    fn bans(&self, index: usize, failures: &mut Vec<String>, stats: &mut [MaliciousStats]) -> usize {
        let (mut offences, mut banned) = (BTreeMap::new(), BTreeMap::new());
        for (at, event) in self.world.events_with_times(index) {
            let offender = match event {
                Event::Rejected(rejected) if rejected.cause.acceptance() == Acceptance::Charge => rejected.peer,
                // A mismatch leads to a ban at once; a malformed response costs a sixth of its penalty.
                Event::FetchFailed(failed) if failed.cause.offence() == Some(Offence::ResponseMismatch) => {
                    Some(failed.peer)
                }
                Event::Banned(ban) => {
                    banned.entry(ban.who).or_insert(at);
                    None
                }
                _ => None,
            };
            if let Some(peer) = offender {
                offences.entry(BanTarget::Peer(peer)).or_insert(at);
            }
        }
        for (who, at) in &offences {
            let node = (self.honest()..self.plan.nodes).find(|node| BanTarget::Peer(World::peer(*node)) == *who);
            if let Some(stats) = node.and_then(|node| stats.get_mut(self.malicious_kind(node)? % KINDS.len())) {
                stats.detected += 1;
                if let Some(banned) = banned.get(who) {
                    stats.bans += 1;
                    stats.slowest = stats.slowest.max(banned.saturating_sub(*at));
                }
            }
            if banned.get(who).is_none_or(|banned| *banned > *at + BAN_DEADLINE) {
                failures.push(format!("node {index}: offence of {who} at {at:?}, ban at {:?}", banned.get(who)));
            }
        }
        for honest in (0..self.honest()).map(World::peer).filter(|peer| banned.contains_key(&BanTarget::Peer(*peer))) {
            failures.push(format!("node {index} bans the honest node {honest}"));
        }
        banned.len()
    }

    fn figures(&self, mut spread: Vec<Duration>) -> String {
        spread.sort_unstable();
        let at = |share: usize| {
            spread.get((spread.len() * share / 100).min(spread.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        let traffic: Vec<_> = (0..self.honest()).map(|index| self.world.traffic(index)).collect();
        let count = traffic.len().max(1) as u64;
        let mean = |of: fn(&crate::world::Traffic) -> u64| traffic.iter().map(of).sum::<u64>() / count;
        format!(
            "time to convergence: p50 {:?}, p99 {:?}, last {:?}\na node sent {} blocks, {} bytes, {} control messages; received {} blocks, {} bytes\n",
            at(50),
            at(99),
            at(100),
            mean(|t| t.sent.0),
            mean(|t| t.sent.1),
            mean(|t| t.control),
            mean(|t| t.received.0),
            mean(|t| t.received.1),
        )
    }
}
