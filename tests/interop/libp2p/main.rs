//! Every transport of Petrel against every libp2p that supports it, dialling and dialled: go-libp2p, js-libp2p in Node, js-libp2p in
//! a tab of Chromium, and Petrel itself. `cargo xtask interop libp2p` builds all sides and runs this.
//!
//! Each row of the table has the *daemon*, `petrel node`; the *other*, a program that executes commands (tests/interop/go-libp2p,
//! tests/interop/js-libp2p), connected to the daemon by the transport of the row; and a *publisher*, a sequencer that is connected
//! to the daemon only. Blocks are signed and valid, and the daemon validates them. Checks that cannot work are listed with their
//! reasons in [`known`]; any other failure, and any unexpected success, fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod blocks;
mod daemon;
mod known;
mod ours;
mod row;
mod table;
mod theirs;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::Mutex,
    thread,
    time::Instant,
};

use row::{Direction, Row, Transport, Who};

/// Rows that run at the same time: they wait for timers more than for the processor.
const AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let begin = Instant::now();
    let mut plan: Vec<Job> = Vec::new();
    for transport in Transport::ALL {
        plan.push(Job::Ours(transport));
        for who in Who::THEIRS {
            plan.extend(Direction::BOTH.map(|direction| Job::Theirs(transport, who, direction)));
        }
    }
    plan.reverse();
    let (plan, rows) = (Mutex::new(plan), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(job) = plan.lock().unwrap().pop() else { return };
                    let made = job.run();
                    rows.lock().unwrap().extend(made);
                }
            });
        }
    });
    let fine = table::print(rows.into_inner().unwrap());
    println!("\n{} s", begin.elapsed().as_secs());
    if fine {
        println!("every cell is as expected");
        ExitCode::SUCCESS
    } else {
        println!("some cells are NOT as expected, see above");
        ExitCode::FAILURE
    }
}

/// A job that gives one or two rows.
#[derive(Clone, Copy)]
enum Job {
    /// Two daemons: a row for each end of their connection.
    Ours(Transport),
    Theirs(Transport, Who, Direction),
}

impl Job {
    /// Runs the job. A panic fails its rows and does not end the other jobs.
    fn run(self) -> Vec<Row> {
        let rows = match self {
            Self::Ours(transport) => {
                Direction::BOTH.map(|direction| Row::new(transport, Who::Petrel, direction)).to_vec()
            }
            Self::Theirs(transport, who, direction) => vec![Row::new(transport, who, direction)],
        };
        let run = || match self {
            Self::Ours(transport) => ours::run(transport).to_vec(),
            Self::Theirs(transport, who, direction) => vec![theirs::run(transport, who, direction)],
        };
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
            let failed = |mut row: Row| {
                row.wrong("the harness panicked, see above");
                row
            };
            rows.into_iter().map(failed).collect()
        })
    }
}
