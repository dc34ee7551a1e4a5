//! The results of the test, compared with op-geth.

use std::{fs, ops::RangeInclusive, process::Command, time::Duration};

use petrel_tests::process::Process;
use serde_json::Value;

use crate::{
    genesis::LAST,
    outdated::OutdatedReport,
    parts::{Devnet, GETH, SEQUENCER_KEYS, signer},
    scenario::Blocks,
};

/// Maximum time until the next block after a restart, on a slow machine; the times themselves are printed.
const BACK: Duration = Duration::from_secs(30);
/// The latest first block of Petrel, and the minimum number of the tab's blocks: both depend on the speed of the machine.
pub(crate) const FIRST: u64 = 70;
const TAB: usize = 50;
/// Maximum time for one step of the wallet: the comparison with op-geth takes a dozen blocks.
const WALLET_STEP: Duration = Duration::from_secs(120);

/// See the module.
pub(crate) struct Outcome {
    blocks: usize,
    first: u64,
    last: u64,
    /// Blocks with another hash than op-geth's, or emitted twice with different hashes.
    wrong: usize,
    /// Blocks that Petrel did not emit although it was running.
    missed: Vec<u64>,
    /// Number of blocks gossiped while Petrel was not running.
    away: usize,
    back: Vec<(&'static str, Duration)>,
    tab: Option<(usize, usize)>,
    l1_tab: L1TabReport,
    /// The numbers of recorded messages, and of those that `petrel check` accepted.
    messages: (usize, usize),
    /// The nodes with an outdated schedule.
    outdated: Vec<OutdatedReport>,
    /// Whether each step of the wallet succeeded.
    wallet: bool,
}

pub(crate) fn outcome(
    blocks: Blocks,
    conflicts: usize,
    away: RangeInclusive<u64>,
    back: Vec<(&'static str, Duration)>,
    (tab, l1_tab, wallet): (Option<Blocks>, L1TabReport, bool),
    messages: (usize, usize),
    outdated: Vec<OutdatedReport>,
) -> Outcome {
    let (first, last) = ends(&blocks);
    let missed = (first..=last).filter(|number| !blocks.contains_key(number) && !away.contains(number)).collect();
    Outcome {
        blocks: blocks.len(),
        first,
        last,
        wrong: wrong(&blocks) + conflicts,
        missed,
        away: away.count(),
        back,
        tab: tab.map(|tab| (tab.len(), wrong(&tab))),
        l1_tab,
        messages,
        outdated,
        wallet,
    }
}

/// The lowest and the highest number.
pub(crate) fn ends(blocks: &Blocks) -> (u64, u64) {
    let number = |entry: Option<(&u64, &String)>| entry.map_or(0, |(number, _)| *number);
    (number(blocks.first_key_value()), number(blocks.last_key_value()))
}

/// The number of blocks whose hash is not op-geth's.
pub(crate) fn wrong(blocks: &Blocks) -> usize {
    let differs = |number: u64, hash: &str| {
        GETH[0].block(&format!("{number:#x}")).is_none_or(|(_, known, _)| !known.eq_ignore_ascii_case(hash))
    };
    blocks.iter().filter(|(number, hash)| differs(**number, hash)).count()
}

/// What the tab has shown that reads its signer from L1.
pub(crate) struct L1TabReport {
    /// Blocks with the signature of each signer.
    signed: [usize; 2],
    /// Blocks with another hash than op-geth's.
    wrong: usize,
    /// The signers that it has read, in order.
    read: Vec<String>,
}

impl L1TabReport {
    /// Prints it; `true` when the rotation was followed.
    fn print(&self) -> bool {
        let Self { signed: [before, after], wrong, read } = self;
        println!(
            "the tab that reads L1 has read {read:?}: {before} and {after} blocks of them, {wrong} with another hash"
        );
        *before > 0
            && *after > 0
            && *wrong == 0
            && read.iter().eq(&SEQUENCER_KEYS.map(|key| signer(key).to_lowercase()))
    }
}

/// The report about the tab that reads its signer from L1, by its events.
pub(crate) fn l1_tab(events: &[Value]) -> L1TabReport {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_lowercase();
    let of = |key: u8| {
        let signer = signer(key).to_lowercase();
        events.iter().filter(|event| event["event"] == "block" && text(event, "signer") == signer).count()
    };
    let changed = events.iter().filter(|event| event["event"] == "signer_changed");
    L1TabReport {
        signed: SEQUENCER_KEYS.map(of),
        wrong: wrong(&tab_blocks(events)),
        read: changed.map(|event| text(event, "current")).collect(),
    }
}

/// The blocks that the tab has emitted.
pub(crate) fn tab_blocks(events: &[Value]) -> Blocks {
    let block = |event: &Value| Some((event["number"].as_u64()?, event["hash"].as_str()?.to_owned()));
    events.iter().filter(|event| event["event"] == "block").filter_map(block).collect()
}

/// Prints the steps of the wallet until its end; `true` when each succeeded.
pub(crate) fn wallet(wallet: &mut Process) -> bool {
    loop {
        let line = wallet
            .expect("a step of the wallet", WALLET_STEP, |line| line["event"] == "step" || line["event"] == "done");
        if line["event"] == "done" {
            return line["failed"] == 0;
        }
        match line["error"].as_str() {
            Some(error) => println!("wallet: {} FAILED: {error}", line["name"]),
            None => println!("wallet: {} ({} ms) {}", line["name"], line["ms"], line["detail"]),
        }
    }
}

/// Validates every recorded message. Returns their number, and how many are accepted with one of the two signers.
pub(crate) fn check(devnet: &Devnet, recorder: &mut Process) -> (usize, usize) {
    recorder.stop(Duration::from_secs(5));
    let mut files: Vec<_> = fs::read_dir(devnet.messages()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "snappy"));
    files.sort();
    let accepted = SEQUENCER_KEYS.map(|key| {
        let mut command = Command::new(std::env::var_os("PETREL_BIN").unwrap());
        command.arg("check").arg("--rollup.config").arg(devnet.rollup()).args(["--at", "block"]);
        let output = command.args(["--p2p.unsafe-block-signer", &signer(key)]).args(&files).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        let accepted = |line: &&str| line.contains(r#""verdict":"accept""#);
        lines.lines().filter(accepted).count()
    });
    (files.len(), accepted.iter().sum())
}

impl Outcome {
    /// Prints the results; `true` when they are as expected.
    pub(crate) fn print(&self) -> bool {
        let Self { blocks, first, last, wrong, missed, away, .. } = self;
        println!("\nPetrel showed {blocks} blocks, {first} to {last}: {wrong} with another hash than op-geth's,");
        println!("{} missed while it ran {missed:?}, {away} gossiped while it did not run", missed.len());
        for (what, time) in &self.back {
            println!("back after {:.1} s: {what}", time.as_secs_f64());
        }
        match self.tab {
            Some((shown, wrong)) => println!("the tab showed {shown} blocks, {wrong} with another hash"),
            None => println!("no tab"),
        }
        let (messages, accepted) = self.messages;
        println!("petrel check accepts {accepted} of {messages} gossiped messages");
        let l1_tab = self.l1_tab.print();
        let followed = self.outdated.iter().filter(|outdated| !outdated.print()).count() == 0;
        let back = self.back.iter().all(|(_, time)| *time <= BACK);
        let tab = self.tab.is_none_or(|(shown, wrong)| shown > TAB && wrong == 0);
        let fine = *first <= FIRST && *last >= LAST && *wrong == 0 && missed.is_empty() && back && tab && l1_tab;
        let fine = fine
            && followed
            && self.wallet
            && messages >= usize::try_from(LAST - FIRST).unwrap()
            && accepted == messages;
        println!("{}", if fine { "all as expected" } else { "NOT as expected" });
        fine
    }
}
