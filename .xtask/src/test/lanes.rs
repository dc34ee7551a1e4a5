//! All steps, in two lanes: one in this process, whose output is shown as it comes, and beside it one of children, whose output is
//! shown when they have ended. The first lane runs one step at a time, the other two, in the order of the table, each when those
//! that it needs have passed. When a step fails no other begins, and what runs in the other lane is ended.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::step::{Lane, PASSED, SKIPPED, Step, one, time};
use crate::{beside::Beside, shell::Shell};

/// Steps of the other lane that run at a time.
const BESIDE: usize = 2;
/// How often a child is looked after.
const PAUSE: Duration = Duration::from_millis(100);

/// What both lanes know.
#[derive(Default)]
struct State {
    /// The line of each step that has passed or was skipped.
    ended: BTreeMap<&'static str, String>,
    /// What children have printed and nobody has seen.
    printed: Vec<String>,
    failed: bool,
}

struct Lanes<'a> {
    shell: &'a Shell,
    state: Mutex<State>,
    changed: Condvar,
}

/// Runs these steps, and prints a line for each.
pub(super) fn run(shell: &Shell, steps: &[&'static Step]) -> Result<()> {
    let start = Instant::now();
    let lanes = Lanes { shell, state: Mutex::default(), changed: Condvar::new() };
    let (front, other): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(|step| step.lane == Lane::Front);
    let other = Mutex::new(VecDeque::from(other));
    let result = thread::scope(|scope| {
        let others: Vec<_> = (0..BESIDE).map(|_| scope.spawn(|| lanes.ending(lanes.other(&other)))).collect();
        let front = lanes.ending(lanes.front(&front));
        // A panic there is a failure here.
        let ended = others.into_iter().map(|other| other.join().unwrap_or_else(|_| bail!("a lane has panicked")));
        ended.fold(front, Result::and)
    });
    lanes.show();
    result?;
    let ended = &lanes.lock().ended;
    let report: Vec<&str> = steps.iter().filter_map(|step| ended.get(step.name)).map(String::as_str).collect();
    println!("\n{}\nno step failed; {} in all", report.join("\n"), time(start.elapsed()));
    Ok(())
}

impl Lanes<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn front(&self, steps: &[&'static Step]) -> Result<()> {
        for step in steps {
            if !self.may_begin(step) {
                return Ok(());
            }
            self.show();
            let line = one(self.shell, step)?;
            self.passed(step, line);
        }
        Ok(())
    }

    /// Takes the steps that nobody has taken, one after the other.
    fn other(&self, steps: &Mutex<VecDeque<&'static Step>>) -> Result<()> {
        let next = || steps.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        while let Some(step) = next() {
            if !self.may_begin(step) {
                return Ok(());
            }
            let behind = step.lane == Lane::Behind;
            let Some(line) = self.child(Beside::start(self.shell, &["test", "--no-needs", step.name], behind)?)? else {
                return Ok(());
            };
            self.passed(step, line);
        }
        Ok(())
    }

    /// Waits for a child; its line in the report, or nothing if it was ended because another step has failed.
    fn child(&self, mut child: Beside) -> Result<Option<String>> {
        loop {
            if let Some((status, text)) = child.ended()? {
                let mut lines = text.lines().rev().filter_map(|line| line.strip_prefix("== "));
                let line = lines.find(|line| line.starts_with(PASSED) || line.starts_with(SKIPPED));
                let line = line.unwrap_or_default().to_owned();
                self.lock().printed.push(text);
                anyhow::ensure!(status.success(), "a step beside the others failed ({status}); see above");
                return Ok(Some(line));
            }
            if self.lock().failed {
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Waits until all that a step needs has passed; false if something has failed.
    fn may_begin(&self, step: &Step) -> bool {
        let waits = |state: &mut State| !state.failed && !step.needs.iter().all(|name| state.ended.contains_key(name));
        let state = self.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        !state.failed
    }

    fn passed(&self, step: &Step, line: String) {
        self.lock().ended.insert(step.name, line);
        self.changed.notify_all();
    }

    /// The end of a lane: if it is a failure, of the other one too.
    fn ending(&self, result: Result<()>) -> Result<()> {
        if result.is_err() {
            self.lock().failed = true;
            self.changed.notify_all();
        }
        result
    }

    /// Shows what children have printed.
    fn show(&self) {
        self.lock().printed.drain(..).for_each(|text| print!("{text}"));
    }
}
