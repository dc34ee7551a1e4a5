//! A whole network in a simulated world: a sequencer, honest nodes of which some leave and come back, liars of every kind,
//! and silent nodes of two /24 that try to take all the links of one honest node.
//!
//! What must hold: every honest node has every block, once, and stands at the head. What is missed is noticed by what follows it,
//! so the chain goes on for [`AFTER`] blocks that themselves may be missed, and then there is time, [`SETTLE`], to fetch: an answer
//! that is lost takes a request's whole patience. Whoever judged a lie of a liar has banned it within [`PATIENCE`]; what the
//! sequencer's own key has signed is no lie of whoever passes it on, and nobody is banned for it; nobody bans
//! an honest node; the surrounded node keeps half of its honest links at least as long as blocks come.

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
    world::{Answers, Conditions, Recording, World},
};

/// A liar is banned so soon after its first lie that was judged.
pub const PATIENCE: Duration = Duration::from_secs(60);
const START: u64 = 1_800_000_000;
/// Blocks made, two seconds apart.
const BLOCKS: u64 = 50;
/// Blocks made after them.
const AFTER: u64 = 4;
/// How long the run goes on without blocks: two requests, one after the other, may be lost.
const SETTLE: Duration = Duration::from_secs(60);
/// Silent nodes, half of them in each of two /24.
const SILENT_NODES: usize = 48;
/// The node that they surround.
const SURROUNDED: usize = 1;
/// How many nodes each dials.
const DIALS: usize = 7;
/// What the liars gossip, by kind.
const KINDS: [&str; 8] = [
    "signed by an unknown signer",
    "another block's hash, by the sequencer",
    "no snappy",
    "a forbidden field, by the sequencer",
    "undecodable, by the sequencer",
    "a bit flipped",
    "stale",
    "in answers alone",
];

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Nodes, liars among them; the silent nodes are not counted. At most 200.
    pub nodes: usize,
    /// Percentage of the messages on each link that are lost.
    pub loss: u64,
    /// Liars, at most `nodes` − 2.
    pub liars: usize,
    /// All chance.
    pub seed: u64,
    /// Whether what happens to each node is recorded.
    pub record: bool,
}

/// What came of it.
pub struct Outcome {
    /// What happened to each node, where that was recorded.
    pub recordings: Vec<Recording>,
    /// Everything that was told.
    pub log: String,
    /// What does not hold, a line each.
    pub failures: Vec<String>,
    /// Figures, a line each.
    pub figures: String,
}

/// What one kind of liar came to, over all honest nodes.
#[derive(Clone, Copy, Debug, Default)]
struct LiarStats {
    /// Pairs of a liar and a node that judged a lie of it.
    caught: usize,
    /// Those that ended in a ban.
    bans: usize,
    /// From the first lie that was judged to the ban.
    slowest: Duration,
}

struct Sim {
    plan: Plan,
    world: World,
    random: SplitMix64,
    hashes: Vec<B256>,
    made_at: Vec<Duration>,
    /// With whom a liar, or who is away, was linked, and whom a liar has told something: they come back to them.
    met: BTreeMap<usize, BTreeSet<usize>>,
    /// With which honest nodes the surrounded one was linked when everybody had come.
    friends: BTreeSet<usize>,
    /// With whom it was linked when the last block was made.
    linked: BTreeSet<usize>,
}

impl Plan {
    /// Runs it.
    #[must_use]
    pub fn run(self) -> Outcome {
        let mut chain = Chain::preset("op-mainnet").expect("a preset");
        chain.forks = Forks::all_until(Fork::Isthmus);
        chain = begun(&chain, 1000, START, Duration::from_secs(2));
        chain.signer = Some(key(1).address());
        let conditions = Conditions { latency: (5, 150), loss: self.loss, duplication: 0 };
        let config = Config::new(chain);
        let mut world = World::new(&config, self.nodes + SILENT_NODES, START, self.seed, conditions);
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
            friends: BTreeSet::new(),
            linked: BTreeSet::new(),
        };
        sim.meet();
        for round in 0..BLOCKS + AFTER {
            sim.round(round);
        }
        sim.linked = sim.world.links(SURROUNDED).clone();
        sim.world.run(SETTLE);
        sim.outcome()
    }
}

impl Sim {
    /// The liars are the last of the nodes.
    fn lies(&self, index: usize) -> Option<usize> {
        (index + self.plan.liars).checked_sub(self.plan.nodes).filter(|_| index < self.plan.nodes)
    }

    fn honest(&self) -> usize {
        self.plan.nodes - self.plan.liars
    }

    fn meet(&mut self) {
        let nodes = self.plan.nodes;
        for index in 0..nodes {
            self.world.at(index, Ipv4Addr::new(51, 10, index as u8, 1).into());
            let answers = [Answers::Neighbour, Answers::Honest, Answers::Tampered, Answers::Silence, Answers::Garbage];
            if let Some(kind) = self.lies(index) {
                self.world.answers(index, answers[kind % answers.len()]);
            }
        }
        for index in nodes..nodes + SILENT_NODES {
            self.world.at(index, Ipv4Addr::new(45, 66, 77 + (index % 2) as u8, (index - nodes) as u8 + 1).into());
            self.world.mute(index);
            self.world.answers(index, Answers::Silence);
            self.world.dial(index, SURROUNDED);
        }
        for index in 0..nodes {
            self.dial(index);
        }
        self.world.mesh();
        self.world.run(Duration::from_secs(3));
        let honest = self.honest();
        self.friends = self.world.links(SURROUNDED).iter().copied().filter(|peer| *peer < honest).collect();
    }

    /// A node dials some others.
    fn dial(&mut self, index: usize) {
        for _ in 0..DIALS {
            let to = self.random.below(self.plan.nodes as u64) as usize;
            if to != index {
                self.world.dial(index, to);
            }
        }
    }

    /// A node dials those with whom it was linked.
    fn come_back(&mut self, index: usize) {
        let links = self.world.links(index).clone();
        let met = self.met.entry(index).or_default();
        met.extend(links);
        for other in met.clone() {
            self.world.dial(index, other);
        }
    }

    /// Two seconds: a block, lies about it, and who comes and goes.
    fn round(&mut self, round: u64) {
        let block = self.block(self.world.now().secs(), round);
        let (data, hash) = block.sealed();
        self.hashes.push(hash);
        self.made_at.push(self.world.now().mono);
        self.world.produce(0, Version::V4, data);
        self.churn(round);
        for half in 0..2 {
            for index in self.honest()..self.plan.nodes {
                // Who was thrown out and is let in comes back: to those that it dialled, and to those that dialled it, heard
                // something and threw it out before it was looked at here.
                let told = self.world.sent_to(index).clone();
                self.met.entry(index).or_default().extend(told);
                self.come_back(index);
                if round >= 4
                    && let Some(lie) = self.lie(index, &block, round * 2 + half)
                {
                    self.world.send_to_all(index, Version::V4, &lie);
                }
            }
            for index in self.plan.nodes..self.plan.nodes + SILENT_NODES {
                self.world.dial(index, SURROUNDED);
            }
            self.world.run(Duration::from_secs(1));
        }
    }

    fn block(&self, at: u64, round: u64) -> Forge {
        let parent = self.hashes.last().copied().unwrap_or_default();
        Forge::new(10, Fork::Isthmus, 1001 + round, at, 2_000).with(|block| block.parent_hash = parent)
    }

    /// Honest nodes leave for ten seconds and come back, one after the other.
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

    /// The next lie of a liar; of some kinds the sequencer's own key has signed it, and then it is the sequencer's.
    fn lie(&mut self, index: usize, block: &Forge, turn: u64) -> Option<Message> {
        let whole = |(data, _): (Vec<u8>, B256)| Message {
            wire: data.len(),
            form: petrel_core::message::Form::Snappy,
            data: data.into(),
        };
        let salt = turn * 1_000 + index as u64;
        let other = block.clone().with(|payload| payload.gas_used = salt);
        Some(match self.lies(index)? % KINDS.len() {
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
            // Stale: nobody is blamed for it.
            6 => whole(other.with(|payload| payload.timestamp -= 600).sealed()),
            // It lies in answers alone.
            _ => return None,
        })
    }

    fn outcome(&mut self) -> Outcome {
        let mut failures = Vec::new();
        let (mut spread, mut banned) = (Vec::new(), 0);
        let mut stats = [LiarStats::default(); KINDS.len()];
        for index in 0..self.honest() {
            self.whole(index, &mut failures, &mut spread);
            banned += self.bans(index, &mut failures, &mut stats);
        }
        let silent_kept = self.linked.iter().filter(|peer| **peer >= self.plan.nodes).count();
        let kept = self.friends.intersection(&self.linked).count();
        // Who comes back and brings nothing new may have to go; most must not.
        let surrounded =
            format!("{kept} of {} honest links kept, {silent_kept} of {SILENT_NODES} silent nodes", self.friends.len());
        if silent_kept > 2 * ConnectionManager::NETWORK || 2 * kept < self.friends.len() {
            failures.push(format!("the surrounded node: {surrounded}"));
        }
        let mut figures = self.figures(spread);
        for (kind, (name, stats)) in KINDS.iter().zip(stats).enumerate() {
            let liars = (0..self.plan.liars).filter(|liar| liar % KINDS.len() == kind).count();
            let LiarStats { caught, bans, slowest } = stats;
            writeln!(figures, "{name}: {liars} liars, caught by {caught}, {bans} bans, the slowest after {slowest:?}")
                .expect("memory");
        }
        writeln!(figures, "bans: {banned}; the surrounded node: {surrounded}").expect("memory");
        Outcome { recordings: self.world.recordings(), log: self.world.log().to_owned(), failures, figures }
    }

    /// Every block, once, and the head; how long each took.
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

    /// Whom a node has banned and whom it should have; how many.
    fn bans(&self, index: usize, failures: &mut Vec<String>, stats: &mut [LiarStats]) -> usize {
        let (mut lied, mut banned) = (BTreeMap::new(), BTreeMap::new());
        for (at, event) in self.world.events_with_times(index) {
            let liar = match event {
                Event::Rejected(judged) if judged.cause.acceptance() == Acceptance::Charge => judged.peer,
                // What proves itself false; bytes that are no answer at all cost a sixth of it.
                Event::FetchFailed(failed) if failed.cause.offence() == Some(Offence::ResponseMismatch) => {
                    Some(failed.peer)
                }
                Event::Banned(ban) => {
                    banned.entry(ban.who).or_insert(at);
                    None
                }
                _ => None,
            };
            if let Some(peer) = liar {
                lied.entry(BanTarget::Peer(peer)).or_insert(at);
            }
        }
        for (who, at) in &lied {
            let liar = (self.honest()..self.plan.nodes).find(|liar| BanTarget::Peer(World::peer(*liar)) == *who);
            if let Some(stats) = liar.and_then(|liar| stats.get_mut(self.lies(liar)? % KINDS.len())) {
                stats.caught += 1;
                if let Some(banned) = banned.get(who) {
                    stats.bans += 1;
                    stats.slowest = stats.slowest.max(banned.saturating_sub(*at));
                }
            }
            if banned.get(who).is_none_or(|banned| *banned > *at + PATIENCE) {
                failures.push(format!("node {index}: {who} lied at {at:?} and was banned at {:?}", banned.get(who)));
            }
        }
        for honest in (0..self.honest()).map(World::peer).filter(|peer| banned.contains_key(&BanTarget::Peer(*peer))) {
            failures.push(format!("node {index}: bans the honest {honest}"));
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
