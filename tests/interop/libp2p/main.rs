//! Every transport of Petrel's against every libp2p that speaks it, dialling and dialled: go-libp2p, js-libp2p in Node, the
//! same in a tab of Chromium, and Petrel itself. `cargo xtask interop libp2p` builds all sides and runs this.
//!
//! Who is there, in each row of the table: the *daemon*, `petrel node`; the *other*, a program that obeys (tests/interop/
//! go-libp2p, tests/interop/js-libp2p), connected to the daemon by the transport of the row; and a *feeder*, a sequencer of
//! ours that gives its blocks to the daemon alone. Blocks are real: signed, hashed, and judged by the daemon. What cannot
//! work is known here with its reason ([`known`]); anything else that fails, or that works against expectation, fails all.
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

/// Rows that are made at once: they wait for timers more than for the processor.
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
        println!("every cell is as it must be");
        ExitCode::SUCCESS
    } else {
        println!("some cells are NOT as they must be, see above");
        ExitCode::FAILURE
    }
}

/// What makes some rows.
#[derive(Clone, Copy)]
enum Job {
    /// Two daemons: a row for each end of their connection.
    Ours(Transport),
    Theirs(Transport, Who, Direction),
}

impl Job {
    /// A panic is the job's, and not the end of the others.
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
            let spoilt = |mut row: Row| {
                row.wrong("the harness panicked, see above");
                row
            };
            rows.into_iter().map(spoilt).collect()
        })
    }
}
