//! The open database, for the thread that writes and the threads that read. After an I/O error redb does not use a database any
//! more, even if the disk works again: it is then opened again. Readers do not wait for that; they find nothing meanwhile.

use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use redb::Database;

use super::{
    database::{self, DatabaseSource},
    database_file,
};

/// See the module.
#[derive(Debug)]
pub(super) struct SharedDatabase {
    /// `None` while it is being opened again, and after it was closed.
    database: RwLock<Option<Database>>,
    /// `None` for a database in memory.
    source: Option<DatabaseSource>,
}

impl SharedDatabase {
    pub(super) fn new(database: Database, source: Option<DatabaseSource>) -> Self {
        Self { database: RwLock::new(Some(database)), source }
    }

    /// Runs a function on the database.
    ///
    /// # Errors
    /// The function fails, or the database is not open ([`redb::Error::PreviousIo`]).
    pub(super) fn with<T>(&self, act: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        match &*self.database.read().unwrap_or_else(PoisonError::into_inner) {
            Some(database) => act(database),
            None => Err(redb::Error::PreviousIo),
        }
    }

    /// Bytes that may still be written to its disk; `None` if that is unknown, and for a database in memory.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        let source = self.source.as_ref()?;
        source.disk.free_bytes(source.file.parent()?)
    }

    /// Bytes of its file on the disk; 0 for a database in memory.
    pub(super) fn file_bytes(&self) -> u64 {
        self.source.as_ref().map_or(0, |source| database::file_bytes(&source.file))
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.database.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Opens it again after an error, as a new store if the file was removed. Committed data is preserved.
    ///
    /// # Errors
    /// The disk still fails.
    pub(super) fn reopen(&self) -> Result<(), redb::Error> {
        let Some(source) = &self.source else { return Ok(()) };
        let failed = self.lock().take();
        // This releases its lock on the file.
        drop(failed);
        let opened = database_file::open_or_create(source)?;
        *self.lock() = Some(opened);
        Ok(())
    }

    /// Closes it after the reads that are under way, so that the next start needs no repair.
    ///
    /// # Errors
    /// The disk fails, or the database is not open: the next start repairs it.
    pub(super) fn close(&self) -> Result<(), redb::Error> {
        let open = self.lock().take();
        Ok(open.ok_or(redb::Error::PreviousIo)?.close()?)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }
}
