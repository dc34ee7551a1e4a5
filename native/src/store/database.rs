//! The open database. After an I/O error redb does not use a database any more, even if the disk works again: it is then opened
//! again.

use std::{
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use redb::{Database, DatabaseError};

/// Bytes of the database's cache: mostly the latest blocks are requested, and the system caches the file too.
const CACHE: usize = 8 << 20;

/// Opens the database, creating it when missing.
pub(super) fn open(file: &Path) -> Result<Database, DatabaseError> {
    redb::Builder::new().set_cache_size(CACHE).create(file)
}

/// See the module.
#[derive(Debug)]
pub(super) struct SharedDatabase {
    /// `None` while it cannot be opened again.
    database: RwLock<Option<Database>>,
    /// `None` for a database in memory.
    file: Option<PathBuf>,
}

impl SharedDatabase {
    pub(super) fn new(database: Database, file: Option<PathBuf>) -> Self {
        Self { database: RwLock::new(Some(database)), file }
    }

    /// Runs a function on the database.
    ///
    /// # Errors
    /// The function fails, or the database is not open.
    pub(super) fn with<T>(&self, act: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        match &*self.database.read().unwrap_or_else(PoisonError::into_inner) {
            Some(database) => act(database),
            None => Err(redb::Error::PreviousIo),
        }
    }

    /// Opens it again after an error. Committed data is preserved.
    ///
    /// # Errors
    /// The disk still fails.
    pub(super) fn reopen(&self) -> Result<(), redb::Error> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // This releases its lock on the file.
        drop(database.take());
        *database = Some(open(file)?);
        Ok(())
    }
}
