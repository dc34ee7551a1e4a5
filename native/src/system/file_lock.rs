//! A lock on a file: `<file>.lock` beside it is locked while the process runs and holds its process id, so that another process
//! fails with an error that names it. A symbolic link of this name is refused: the file that it points to would be emptied.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, io::Errno};

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
    /// Another process has the lock, or the lock file cannot be created, or it is a symbolic link.
    pub(crate) fn take(file: &Path) -> Result<Self, FileLockError> {
        let mut name = file.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let mut lock = open(&path)?;
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

/// Opens a lock file; a missing one is created.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options.open(path).map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => io::Error::other(format!("{} is a symbolic link: remove it", path.display())),
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::{FileLock, FileLockError};

    #[test]
    fn a_lock_file_that_is_a_link_is_refused_and_what_it_points_to_is_unchanged() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, other) = (folder.path().join("petrel.redb"), folder.path().join("other"));
        fs::write(&other, "contents").expect("a file");
        let link = folder.path().join("petrel.redb.lock");
        symlink(&other, &link).expect("a link");
        let refused = FileLock::take(&file).expect_err("a link");
        assert!(refused.to_string().contains("petrel.redb.lock is a symbolic link"), "{refused}");
        assert_eq!(fs::read_to_string(&other).expect("it"), "contents");
        // One that points nowhere creates nothing.
        fs::remove_file(&other).expect("it");
        FileLock::take(&file).expect_err("a link");
        assert!(!other.exists());
        fs::remove_file(&link).expect("it");
        let held = FileLock::take(&file).expect("no link");
        assert!(matches!(FileLock::take(&file), Err(FileLockError::InUse { .. })));
        drop(held);
    }
}
