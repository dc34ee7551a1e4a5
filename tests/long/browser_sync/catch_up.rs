//! What came when, and what is said of it.

use std::{
    fs,
    process::ExitCode,
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use super::{BYTES, DEADLINE, MISSED, NODE};

/// Blocks a second that a node is given for long, and at once: the daemon's defaults, which are op-node's.
const RATE: (f64, usize) = (4.0, 15);
/// How far below it a node may be served.
const SLACK: f64 = 0.9;

/// Since everybody began to connect.
pub(crate) struct CatchUp {
    /// When each leaf had all that it missed, rising.
    whole: Vec<Duration>,
    /// When each block of the node's came.
    node: Vec<Duration>,
}

impl CatchUp {
    /// Reads until all leaves are whole, or for so long as that may take.
    pub(crate) fn all(told: &Receiver<usize>, leaves: usize, begin: Instant) -> Self {
        let mut missing = vec![MISSED; leaves + 1];
        let mut catch_up = Self { whole: Vec::new(), node: Vec::new() };
        while catch_up.whole.len() < leaves
            && let Ok(name) = told.recv_timeout(DEADLINE.saturating_sub(begin.elapsed()))
        {
            if name == NODE {
                catch_up.node.push(begin.elapsed());
                continue;
            }
            missing[name] -= 1;
            if missing[name] == 0 {
                catch_up.whole.push(begin.elapsed());
            }
        }
        catch_up
    }

    /// Blocks a second that the node was given from the end of its burst until the last leaf was whole.
    fn rate(&self) -> f64 {
        let (Some(burst), Some(last)) = (self.node.get(RATE.1), self.whole.last()) else { return 0.0 };
        let since = self.node.iter().filter(|at| *at > burst && *at <= last).count();
        since as f64 / last.saturating_sub(*burst).as_secs_f64()
    }

    /// Prints it; success when all are whole and the node was served as it is due.
    pub(crate) fn report(&self, leaves: usize, daemon: u32) -> ExitCode {
        let of = |part: usize| self.whole.get(leaves * part / 100).map_or(f64::NAN, Duration::as_secs_f64);
        let last = self.whole.last().map_or(f64::NAN, Duration::as_secs_f64);
        let all = self.whole.len() == leaves;
        println!(
            "\n{} of {leaves} leaves are whole: the first after {:.1} s, half of them {:.1} s, nine of ten {:.1} s, the last {last:.1} s",
            self.whole.len(),
            of(0),
            of(50),
            of(90)
        );
        let bytes = (leaves as u64 * MISSED) as f64 * BYTES as f64;
        println!("{:.0} MB of blocks, {:.0} MB/s", bytes / 1e6, bytes / 1e6 / last);
        println!("meanwhile a node was given {:.2} blocks/s; it is due {:.0}", self.rate(), RATE.0);
        let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
        println!("the daemon held at most {}", peak.trim());
        if all && self.rate() >= RATE.0 * SLACK { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
