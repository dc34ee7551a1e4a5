//! The times at which the missed blocks arrived, and the report.

use std::{
    fs,
    process::ExitCode,
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use super::{BYTES, DEADLINE, MISSED, NODE};

/// Rate (blocks a second) and burst of requests of a node: the daemon's defaults, which are op-node's.
const RATE: (f64, usize) = (4.0, 15);
/// Minimum part of the rate at which the node must be served.
const SLACK: f64 = 0.9;

/// All times are since the start of the connections.
pub(crate) struct CatchUp {
    /// When each leaf had all missed blocks, in rising order.
    complete: Vec<Duration>,
    /// When each block of the node arrived.
    node: Vec<Duration>,
}

impl CatchUp {
    /// Reads until all leaves have all blocks, or until [`DEADLINE`].
    pub(crate) fn all(receiver: &Receiver<usize>, leaves: usize, begin: Instant) -> Self {
        let mut missing = vec![MISSED; leaves + 1];
        let mut catch_up = Self { complete: Vec::new(), node: Vec::new() };
        while catch_up.complete.len() < leaves
            && let Ok(name) = receiver.recv_timeout(DEADLINE.saturating_sub(begin.elapsed()))
        {
            if name == NODE {
                catch_up.node.push(begin.elapsed());
                continue;
            }
            missing[name] -= 1;
            if missing[name] == 0 {
                catch_up.complete.push(begin.elapsed());
            }
        }
        catch_up
    }

    /// The node's rate from the end of its burst until the last leaf had all blocks, blocks a second.
    fn rate(&self) -> f64 {
        let (Some(burst), Some(last)) = (self.node.get(RATE.1), self.complete.last()) else { return 0.0 };
        let since = self.node.iter().filter(|at| *at > burst && *at <= last).count();
        since as f64 / last.saturating_sub(*burst).as_secs_f64()
    }

    /// Prints the report; success when all leaves have all blocks and the node was served at its rate.
    pub(crate) fn report(&self, leaves: usize, daemon: u32) -> ExitCode {
        let of = |part: usize| self.complete.get(leaves * part / 100).map_or(f64::NAN, Duration::as_secs_f64);
        let last = self.complete.last().map_or(f64::NAN, Duration::as_secs_f64);
        let all = self.complete.len() == leaves;
        println!(
            "\n{} of {leaves} leaves have all blocks: the first after {:.1} s, half of them {:.1} s, nine of ten {:.1} s, the last {last:.1} s",
            self.complete.len(),
            of(0),
            of(50),
            of(90)
        );
        let bytes = (leaves as u64 * MISSED) as f64 * BYTES as f64;
        println!("{:.0} MB of blocks, {:.0} MB/s", bytes / 1e6, bytes / 1e6 / last);
        println!("meanwhile the node got {:.2} blocks/s; its limit is {:.0}", self.rate(), RATE.0);
        let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
        println!("maximum memory of the daemon: {}", peak.trim());
        if all && self.rate() >= RATE.0 * SLACK { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
