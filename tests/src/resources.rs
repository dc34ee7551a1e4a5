//! A process's CPU time and memory as Linux reports them, the load of the machine, and the priority of a thread.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// Linux counts CPU time in hundredths of a second.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used, user and system time together.
///
/// # Panics
/// The process has ended.
#[must_use]
pub fn cpu(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process lives");
    // The second field is the program's name in brackets; utime and stime are the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number of ticks");
    (ticks(11) + ticks(12)) / TICKS
}

/// A number of `/proc/PID/status`: `VmRSS:`, `VmHWM:` (both in KiB), `Threads:`.
///
/// # Panics
/// The process has ended, or there is no such line.
#[must_use]
pub fn status(process: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// The load average of the last minute, as text: the number of processes that run or wait to run.
#[must_use]
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// Lowers the priority of this thread and of those that it starts later, to this niceness (0 to 19). The peers of a daemon run on
/// other machines; in a test they share its processors.
pub fn lower_priority(nice: u8) {
    let thread = fs::read_link("/proc/thread-self").ok();
    if let Some(id) = thread.as_deref().and_then(Path::file_name) {
        let nice = nice.to_string();
        let _without = Command::new("renice").args(["-n", &nice, "-p"]).arg(id).stdout(Stdio::null()).status();
    }
}
