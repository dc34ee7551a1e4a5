//! The disk of a round. A limit on the size of files makes writes beyond it fail, as those to a bad or a full disk: no mount is needed.

use std::{fmt, fs, path::Path, process::Command};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    /// Every write succeeds.
    Works,
    /// Writes to the upper half of the store's file fail, and the file does not grow: its size may be this many bytes.
    RefusesUpperHalf(u64),
    /// The store's file does not grow beyond its present size in bytes.
    RefusesGrowth(u64),
}

impl Disk {
    /// Each kind in turn. A store that does not exist yet needs a disk that works.
    pub(crate) fn of_round(round: u64, store: &Path) -> Self {
        match (round % 3, fs::metadata(store).map(|found| found.len())) {
            (0, Ok(bytes)) => Self::RefusesUpperHalf(bytes / 2),
            (2, Ok(bytes)) => Self::RefusesGrowth(bytes),
            _ => Self::Works,
        }
    }

    /// The same command, whose files are limited.
    pub(crate) fn limit(self, command: Command) -> Command {
        let (Self::RefusesUpperHalf(bytes) | Self::RefusesGrowth(bytes)) = self else { return command };
        let mut shell = Command::new("sh");
        // In blocks of 512 bytes. As the signal is ignored, the write fails with `EFBIG`.
        shell.args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", &bytes.div_ceil(512).to_string()]);
        shell.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Works => "the disk works",
            Self::RefusesUpperHalf(_) => "the disk refuses the file's upper half",
            Self::RefusesGrowth(_) => "the disk is full",
        })
    }
}
