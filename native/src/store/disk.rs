//! Where the database's bytes are: in a file of the system, and in tests in a file with faults.

use std::{fmt::Debug, fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::Path};

use redb::{StorageBackend, backends::FileBackend};

/// See the module.
pub trait StoreDisk: Debug + Send + Sync {
    /// Opens a file for reading and writing; a missing one is created if `create` is set.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, file: &Path, create: bool) -> io::Result<Box<dyn StorageBackend>>;

    /// Bytes that this process may still write on the disk of this folder; `None` if that is unknown.
    fn free_bytes(&self, folder: &Path) -> Option<u64>;
}

/// The files of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl StoreDisk for SystemDisk {
    fn open(&self, file: &Path, create: bool) -> io::Result<Box<dyn StorageBackend>> {
        let opened = OpenOptions::new().read(true).write(true).create(create).truncate(false).mode(0o600).open(file)?;
        let backend = FileBackend::new(opened).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Box::new(backend))
    }

    fn free_bytes(&self, folder: &Path) -> Option<u64> {
        #[cfg(target_os = "linux")]
        let free = rustix::fs::statvfs(folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        #[cfg(not(target_os = "linux"))]
        let free = None;
        free
    }
}
