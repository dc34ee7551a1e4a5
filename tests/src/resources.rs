//! What Linux says of a process: its time on the processors, its memory; and how busy the machine is.

use std::fs;

/// Linux counts CPU time in hundredths of a second.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used, in itself and in the kernel.
///
/// # Panics
/// It is gone.
#[must_use]
pub fn cpu(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process lives");
    // The second field is the program's name in brackets; utime and stime are the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number of ticks");
    (ticks(11) + ticks(12)) / TICKS
}

/// A number of its status: `VmRSS:`, `VmHWM:` (both in KiB), `Threads:`.
///
/// # Panics
/// It is gone, or there is no such line.
#[must_use]
pub fn status(process: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// Processes that run or wait to run, the mean of a minute, as text; 1 for each busy processor.
#[must_use]
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}
