//! Where the database stands. After one error of the disk redb trusts it no more, whatever the disk does: it is opened anew
//! then.

use std::{
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use redb::{Database, DatabaseError};

/// Bytes of the database's cache: what is asked for are mostly the latest blocks, and the system caches the file too.
const CACHE: usize = 8 << 20;

/// Opens the database, making it when missing.
pub(super) fn open(file: &Path) -> Result<Database, DatabaseError> {
    redb::Builder::new().set_cache_size(CACHE).create(file)
}

/// See the module.
#[derive(Debug)]
pub(super) struct Shelf {
    /// `None` when it could not be opened again yet.
    database: RwLock<Option<Database>>,
    /// `None` when it is in memory.
    file: Option<PathBuf>,
}

impl Shelf {
    pub(super) fn new(database: Database, file: Option<PathBuf>) -> Self {
        Self { database: RwLock::new(Some(database)), file }
    }

    /// Does something with the database.
    ///
    /// # Errors
    /// It fails, or the database is not open.
    pub(super) fn with<T>(&self, act: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        match &*self.database.read().unwrap_or_else(PoisonError::into_inner) {
            Some(database) => act(database),
            None => Err(redb::Error::PreviousIo),
        }
    }

    /// Opens it anew, after an error. What was committed is there again.
    ///
    /// # Errors
    /// The disk still refuses.
    pub(super) fn reopen(&self) -> Result<(), redb::Error> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // Its lock on the file goes with it.
        drop(database.take());
        *database = Some(open(file)?);
        Ok(())
    }
}
