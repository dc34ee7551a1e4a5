//! Runs the steps in lanes: one in this process, whose output is printed at once, and three of child processes, whose output is
//! printed after their end. Each lane runs one step at a time, in the order of the table, each after the steps that it needs. One of
//! the three takes no step that compiles: the steps that mostly wait for a network need not wait for compilers too. When a step
//! fails, no other step is started, and the children are ended.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::step::{Lane, PASSED, SKIPPED, Step, one, time};
use crate::{background::BackgroundStep, shell::Shell};

/// What each lane of child processes takes.
const BESIDE: [&[Lane]; 3] =
    [&[Lane::Background, Lane::LowPriority], &[Lane::Background, Lane::LowPriority], &[Lane::Background]];
/// Interval at which a child is checked.
const PAUSE: Duration = Duration::from_millis(100);

/// The shared state of the lanes.
#[derive(Default)]
struct State {
    /// The line of each step that has passed or was skipped.
    ended: BTreeMap<&'static str, String>,
    /// Output of children that is not printed yet.
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
        let (lanes, other) = (&lanes, &other);
        let others = BESIDE.map(|takes| scope.spawn(move || lanes.ending(lanes.other(other, takes))));
        let front = lanes.ending(lanes.front(&front));
        // A panic in a lane is a failure of the run.
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

    /// Runs the remaining steps that the lane takes, one after the other.
    fn other(&self, steps: &Mutex<VecDeque<&'static Step>>, takes: &[Lane]) -> Result<()> {
        let next = || {
            let mut steps = steps.lock().unwrap_or_else(PoisonError::into_inner);
            let at = steps.iter().position(|step| takes.contains(&step.lane))?;
            steps.remove(at)
        };
        while let Some(step) = next() {
            if !self.may_begin(step) {
                return Ok(());
            }
            let low_priority = step.lane == Lane::LowPriority;
            let Some(line) =
                self.child(BackgroundStep::start(self.shell, &["test", "--no-needs", step.name], low_priority)?)?
            else {
                return Ok(());
            };
            self.passed(step, line);
        }
        Ok(())
    }

    /// Waits for a child. Returns its line in the report, or `None` if it was ended because another step has failed.
    fn child(&self, mut child: BackgroundStep) -> Result<Option<String>> {
        loop {
            if let Some((status, text)) = child.ended()? {
                let mut lines = text.lines().rev().filter_map(|line| line.strip_prefix("== "));
                let line = lines.find(|line| line.starts_with(PASSED) || line.starts_with(SKIPPED));
                let line = line.unwrap_or_default().to_owned();
                self.lock().printed.push(text);
                anyhow::ensure!(status.success(), "a step in the background failed ({status}); see above");
                return Ok(Some(line));
            }
            if self.lock().failed {
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Waits until all needed steps of a step have passed; `false` if a step has failed.
    fn may_begin(&self, step: &Step) -> bool {
        let waits = |state: &mut State| !state.failed && !step.needs.iter().all(|name| state.ended.contains_key(name));
        let state = self.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        !state.failed
    }

    fn passed(&self, step: &Step, line: String) {
        self.lock().ended.insert(step.name, line);
        self.changed.notify_all();
    }

    /// The end of a lane; a failure ends the other lane too.
    fn ending(&self, result: Result<()>) -> Result<()> {
        if result.is_err() {
            self.lock().failed = true;
            self.changed.notify_all();
        }
        result
    }

    /// Prints the output of children.
    fn show(&self) {
        self.lock().printed.drain(..).for_each(|text| print!("{text}"));
    }
}
