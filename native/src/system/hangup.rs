//! SIGHUP: a request to read files again, except when the node's terminal was closed.
//!
//! A process that was started with SIGHUP ignored (`nohup`) leaves it ignored.

use std::io::{IsTerminal as _, stderr, stdin};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a SIGHUP means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// Read again what can be read again (`systemctl reload`).
    Reload,
    /// The terminal of the process was closed: the process ends.
    TerminalClosed,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct HangupSignal {
    /// `None` where it is ignored.
    signal: Option<Signal>,
    had_terminal: bool,
}

impl HangupSignal {
    /// Installs the handler, unless the signal is ignored. Needs a tokio runtime.
    pub(crate) fn install() -> Self {
        let signal = if is_ignored() { None } else { signal(SignalKind::hangup()).ok() };
        Self { signal, had_terminal: has_terminal() }
    }

    /// Waits for the next one. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Hangup {
        let received = match &mut self.signal {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if received.is_none() {
            return std::future::pending().await;
        }
        if self.had_terminal && !has_terminal() { Hangup::TerminalClosed } else { Hangup::Reload }
    }
}

/// A terminal that was closed is none any more.
fn has_terminal() -> bool {
    stdin().is_terminal() || stderr().is_terminal()
}

/// Whether the process was started with SIGHUP ignored, as Linux tells it.
fn is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// SIGHUP has number 1, the lowest bit of the mask.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::ignores_hangup;

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        let status = |mask: &str| format!("Name:\tpetrel\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t1\n");
        assert!(ignores_hangup(&status("0000000000001001")));
        assert!(!ignores_hangup(&status("0000000000001000")));
        assert!(!ignores_hangup("") && !ignores_hangup(&status("x")));
    }
}
