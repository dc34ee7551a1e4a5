//! Opening the database, and repairing it after a crash.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use petrel_core::chain::Chain;
use redb::{Database, DatabaseError, StorageError};

use super::{
    disk::StoreDisk,
    open_progress::OpenProgress,
    watched_backend::{WatchedBackend, WatchedFile},
};

/// Bytes of the database's cache: mostly the latest blocks are requested, and the system caches the file too.
pub(super) const CACHE: usize = 8 << 20;

/// An open database, and the file that it uses.
#[derive(Debug)]
pub(super) struct OpenDatabase {
    pub(super) database: Database,
    pub(super) file: Arc<WatchedFile>,
}

/// Where a database is, and whose it is.
#[derive(Clone, Debug)]
pub(super) struct DatabaseSource {
    pub(super) file: PathBuf,
    pub(super) chain: Chain,
    pub(super) disk: Arc<dyn StoreDisk>,
    pub(super) progress: Arc<OpenProgress>,
}

impl DatabaseSource {
    /// Opens the file, which must exist, and repairs it if it was not closed.
    pub(super) fn open(&self) -> Result<OpenDatabase, DatabaseError> {
        open(&*self.disk, &self.file, false, &self.progress)
    }
}

/// Opens a database; a missing one is created, without tables, if `create` is set.
pub(super) fn open(
    disk: &dyn StoreDisk,
    file: &Path,
    create: bool,
    progress: &Arc<OpenProgress>,
) -> Result<OpenDatabase, DatabaseError> {
    let inner = disk.open(file, create).map_err(StorageError::Io)?;
    let file_bytes = inner.len().map_err(StorageError::Io)?;
    let watched = progress.clone();
    let file = Arc::new(WatchedFile::new(inner, progress.clone()));
    let database = redb::Builder::new()
        .set_cache_size(CACHE)
        .set_repair_callback(move |repair| {
            watched.repair_begins(file_bytes);
            if watched.is_interrupted() {
                repair.abort();
            }
        })
        .create_with_backend(WatchedBackend(file.clone()))?;
    Ok(OpenDatabase { database, file })
}

/// Bytes that a file takes on the disk; its holes take none. 0 if it does not exist.
pub(super) fn file_bytes(file: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(file).map_or(0, |found| found.blocks().saturating_mul(512))
}
