//! What was seen, held against op-geth.

use std::{fs, ops::RangeInclusive, process::Command, time::Duration};

use petrel_tests::process::Process;
use serde_json::Value;

use crate::{
    genesis::LAST,
    parts::{Devnet, GETH, SEQUENCER_KEYS, signer},
    scenario::Blocks,
    stale::Followed,
};

/// How long Petrel may take to be back where all is well but the machine is slow; the times themselves are printed.
const BACK: Duration = Duration::from_secs(30);
/// By which block Petrel must show something, and the tab: how many the chain has by then is up to the machine.
pub(crate) const FIRST: u64 = 70;
const TAB: usize = 50;

/// See the module.
pub(crate) struct Outcome {
    blocks: usize,
    first: u64,
    last: u64,
    /// Shown with another hash than op-geth's, or twice with different ones.
    wrong: usize,
    /// Not shown, though Petrel ran.
    missed: Vec<u64>,
    /// Gossiped while Petrel did not run.
    away: usize,
    back: Vec<(&'static str, Duration)>,
    tab: Option<(usize, usize)>,
    /// Messages that were dumped, and those that `petrel check` accepted.
    messages: (usize, usize),
    /// Those whose schedule is out of date.
    stale: Vec<Followed>,
}

pub(crate) fn outcome(
    blocks: Blocks,
    conflicts: usize,
    away: RangeInclusive<u64>,
    back: Vec<(&'static str, Duration)>,
    tab: Option<Blocks>,
    messages: (usize, usize),
    stale: Vec<Followed>,
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
        messages,
        stale,
    }
}

/// The lowest and the highest number.
pub(crate) fn ends(blocks: &Blocks) -> (u64, u64) {
    let number = |entry: Option<(&u64, &String)>| entry.map_or(0, |(number, _)| *number);
    (number(blocks.first_key_value()), number(blocks.last_key_value()))
}

/// Those whose hash is not op-geth's.
pub(crate) fn wrong(blocks: &Blocks) -> usize {
    let differs = |number: u64, hash: &str| {
        GETH[0].block(&format!("{number:#x}")).is_none_or(|(_, known, _)| !known.eq_ignore_ascii_case(hash))
    };
    blocks.iter().filter(|(number, hash)| differs(**number, hash)).count()
}

/// What the tab has shown.
pub(crate) fn tab_blocks(events: &[Value]) -> Blocks {
    let block = |event: &Value| Some((event["number"].as_u64()?, event["hash"].as_str()?.to_owned()));
    events.iter().filter(|event| event["event"] == "block").filter_map(block).collect()
}

/// Judges every message that the witness kept: how many there are, and how many are accepted under one of the two signers.
pub(crate) fn check(devnet: &Devnet, witness: &mut Process) -> (usize, usize) {
    witness.stop(Duration::from_secs(5));
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
    /// Prints it; `true` when it is as it should be.
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
        let followed = self.stale.iter().filter(|stale| !stale.print()).count() == 0;
        let back = self.back.iter().all(|(_, time)| *time <= BACK);
        let tab = self.tab.is_none_or(|(shown, wrong)| shown > TAB && wrong == 0);
        let fine = *first <= FIRST && *last >= LAST && *wrong == 0 && missed.is_empty() && back && tab;
        let fine = fine && followed && messages >= usize::try_from(LAST - FIRST).unwrap() && accepted == messages;
        println!("{}", if fine { "all as it should be" } else { "NOT as it should be" });
        fine
    }
}
