//! A lock on a file: `<file>.lock` beside it is locked while the process runs and holds its process id, so that another process
//! fails with an error that names it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// See the module. The system releases it when the process ends.
#[derive(Debug)]
pub(crate) struct FileLock {
    _lock: File,
}

/// Why a file cannot be locked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileLockError {
    /// Another process has the lock.
    #[error("in use by {by}")]
    InUse {
        /// Which process.
        by: String,
    },
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FileLock {
    /// Locks a file, which need not exist.
    ///
    /// # Errors
    /// Another process has the lock, or the lock file cannot be created.
    pub(crate) fn take(file: &Path) -> Result<Self, FileLockError> {
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
                return Err(FileLockError::InUse { by });
            }
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Self { _lock: lock })
    }
}
