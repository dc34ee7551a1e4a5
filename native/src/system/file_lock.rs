//! A claim on a file: `<file>.lock` beside it, locked while we live, with our process id in it, so that another process is
//! refused and can say who has it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// See the module. It ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: File,
}

/// Why there is no claim.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    /// Another process has it.
    #[error("in use by {by}")]
    InUse {
        /// Which process.
        by: String,
    },
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Claim {
    /// Claims a file, which need not be there.
    ///
    /// # Errors
    /// Another process has it; the lock cannot be made.
    pub(crate) fn take(file: &Path) -> Result<Self, ClaimError> {
        let mut name = file.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let mut lock =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let by = fs::read_to_string(&path).ok().filter(|by| !by.trim().is_empty());
                let by = by.map_or_else(|| "another process".to_owned(), |by| format!("process {}", by.trim()));
                return Err(ClaimError::InUse { by });
            }
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Self { _lock: lock })
    }
}
