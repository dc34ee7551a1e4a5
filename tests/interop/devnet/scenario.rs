//! The steps of the test, block by block.

use std::{
    collections::BTreeMap,
    env,
    ops::RangeInclusive,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use petrel_tests::process::Process;
use serde_json::Value;

use crate::{
    genesis::{FORK_BLOCKS, LAST, fork_of},
    outdated,
    parts::{self, Devnet, SEQUENCER_KEYS, signer},
    report::{self, Outcome},
    spam::Spammer,
};

/// Maximum time until the next block, after which the test fails.
const DEADLINE: Duration = Duration::from_secs(60);
/// Minimum time for which L1 is stopped: a read of the signer times out after ten seconds.
const L1_STOPPED: Duration = Duration::from_secs(14);

/// Time after which no more messages arrive from a stopped sequencer.
const QUIET: Duration = Duration::from_millis(300);
/// Time for op-node to insert a gossiped block into op-geth.
const INSERTION: Duration = Duration::from_millis(100);

/// The hashes of emitted blocks, by number.
pub(crate) type Blocks = BTreeMap<u64, String>;

/// Petrel and the blocks that it has emitted so far.
struct Watched {
    petrel: Process,
    blocks: Blocks,
    /// Number of heights at which Petrel has emitted two blocks.
    conflicts: usize,
}

impl Watched {
    /// Reads events until Petrel emits this block or a later one.
    fn until(&mut self, number: u64) {
        while self.last() < number {
            self.next();
        }
    }

    fn next(&mut self) -> u64 {
        let event = self.petrel.expect("a block", DEADLINE, is_block);
        self.shown(&event)
    }

    fn shown(&mut self, event: &Value) -> u64 {
        let (number, hash) = (event["number"].as_u64().unwrap(), event["hash"].as_str().unwrap().to_owned());
        if number % FORK_BLOCKS == 0 && self.last() < number {
            println!("block {number}: {}", fork_of(number));
        }
        let same = self.blocks.insert(number, hash.clone()).is_none_or(|before| before == hash);
        self.conflicts += usize::from(!same);
        number
    }

    fn last(&self) -> u64 {
        self.blocks.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Kills the sequencer's op-node and restarts it with this key. Returns the time until the next new block.
    ///
    /// It is killed between two blocks: it gossips a block before op-geth has it, and would build another one of the same height.
    fn restart(&mut self, devnet: &mut Devnet, key: u8) -> Duration {
        let end = Instant::now() + DEADLINE;
        devnet.signal_sequencer("STOP");
        loop {
            while let Some(event) = self.petrel.wait_for(QUIET, is_block) {
                self.shown(&event);
            }
            if parts::inserted(self.last()) {
                break;
            }
            assert!(Instant::now() < end, "op-geth does not insert block {}", self.last());
            devnet.signal_sequencer("CONT");
            thread::sleep(INSERTION);
            devnet.signal_sequencer("STOP");
        }
        let since = Instant::now();
        devnet.restart_sequencer(key);
        self.back(since)
    }

    /// The time since `since` until the next new block.
    fn back(&mut self, since: Instant) -> Duration {
        let after = self.last();
        while self.next() <= after {}
        since.elapsed()
    }

    fn event(&mut self, name: &str) -> Value {
        self.petrel.expect(name, DEADLINE, |event| event["event"] == name)
    }
}

fn is_block(event: &Value) -> bool {
    event["event"] == "block"
}

pub(crate) fn run() -> Outcome {
    let folder = env::var_os("PETREL_INTEROP_FOLDER").map(PathBuf::from).expect("PETREL_INTEROP_FOLDER is set");
    let mut devnet = Devnet::start(&folder);
    let _spammer = Spammer::start(parts::GETH[0]);
    let mut recorder = devnet.recorder();
    let mut watched = Watched { petrel: devnet.petrel(), blocks: Blocks::new(), conflicts: 0 };
    let outdated = outdated::start(&devnet);
    let changed = watched.event("signer_changed");
    assert_eq!(changed["current"].as_str().unwrap().to_lowercase(), signer(SEQUENCER_KEYS[0]).to_lowercase());
    println!("the signer is read from L1: {}", changed["current"]);
    let mut tab = devnet.tab();
    if tab.is_none() {
        println!("no Chromium: there will be no tab");
    }
    let mut l1_tab = devnet.l1_tab();
    let mut back = Vec::new();

    watched.until(22);
    back.push(("the sequencer was killed and started again", watched.restart(&mut devnet, SEQUENCER_KEYS[0])));

    watched.until(62);
    parts::set_signer(SEQUENCER_KEYS[1]);
    let changed = watched.event("signer_changed");
    assert_eq!(changed["current"].as_str().unwrap().to_lowercase(), signer(SEQUENCER_KEYS[1]).to_lowercase());
    // op-node reads the new signer too, else it would reject the blocks of its own sequencer.
    let seen = watched.last();
    watched.until(seen + 4);
    let again = watched.restart(&mut devnet, SEQUENCER_KEYS[1]);
    back.push(("the signer was rotated on L1, the sequencer has the new key", again));
    watched.event("signer_retired");

    watched.until(97);
    let before = watched.last();
    let since = Instant::now();
    watched.petrel.kill();
    watched.petrel = devnet.petrel();
    back.push(("Petrel was killed and started again", watched.back(since)));
    let first = watched.blocks.range(before + 1..).next().map_or(before, |(number, _)| *number);
    let away: RangeInclusive<u64> = before + 1..=first.saturating_sub(1);

    let mut wallet = devnet.wallet();
    watched.until(118);
    // Drops earlier failures: anvil cannot prove a slot that was written between two blocks.
    while watched.petrel.wait_for(Duration::ZERO, |event| event["event"] == "signer_unread").is_some() {}
    devnet.l1.signal("STOP");
    let since = Instant::now();
    let seen = watched.last();
    let mut unread = None;
    while unread.is_none() || since.elapsed() < L1_STOPPED {
        assert!(since.elapsed() < 2 * DEADLINE, "an unresponsive L1 is not reported");
        watched.next();
        unread = unread.or_else(|| watched.petrel.wait_for(Duration::ZERO, |event| event["event"] == "signer_unread"));
    }
    let silent = since.elapsed().as_secs();
    devnet.l1.signal("CONT");
    println!("L1 was stopped for {silent} s and {} blocks: {}", watched.last() - seen, unread.unwrap()["error"]);

    watched.until(LAST);
    let followed = outdated.into_iter().map(outdated::OutdatedNode::followed).collect();
    let l1_tab = report::l1_tab(&l1_tab.drain());
    let wallet = report::wallet(&mut wallet);
    let tab_blocks = tab.as_mut().map(|tab| report::tab_blocks(&tab.drain()));
    let verdicts = report::check(&devnet, &mut recorder);
    report::outcome(watched.blocks, watched.conflicts, away, back, (tab_blocks, l1_tab, wallet), verdicts, followed)
}
