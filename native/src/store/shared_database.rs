//! The open database, for the thread that writes and the threads that read. After an I/O error redb does not use a database any
//! more, even if the disk works again: it is then opened again. Readers do not wait for that; meanwhile they read the last commit from
//! the file that was open, see [`CommittedView`].

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard},
};

use redb::{Database, ReadTransaction, ReadableDatabase};

use super::{
    committed_view::CommittedView,
    database::{self, DatabaseSource, OpenDatabase},
    database_file,
    watched_backend::WatchedFile,
};

/// See the module.
#[derive(Debug)]
pub(super) struct SharedDatabase {
    state: RwLock<State>,
    /// `None` for a database in memory.
    source: Option<DatabaseSource>,
    /// The last commit, once it is read after an I/O error. Reads of it follow one another.
    view: Mutex<Option<CommittedView>>,
}

#[derive(Debug)]
enum State {
    Open(Database, Option<Arc<WatchedFile>>),
    /// It is being opened again, or will be: the file that was open.
    Failed(Arc<WatchedFile>),
    Closed,
}

impl SharedDatabase {
    /// A database in a file.
    pub(super) fn new(open: OpenDatabase, source: DatabaseSource) -> Self {
        let OpenDatabase { database, file } = open;
        Self { state: RwLock::new(State::Open(database, Some(file))), source: Some(source), view: Mutex::default() }
    }

    /// A database in memory.
    pub(super) fn in_memory(database: Database) -> Self {
        Self { state: RwLock::new(State::Open(database, None)), source: None, view: Mutex::default() }
    }

    /// Runs a function on the database.
    ///
    /// # Errors
    /// The function fails, or the database is not open ([`redb::Error::PreviousIo`]).
    pub(super) fn with<T>(&self, act: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(database, _) => act(database),
            State::Failed(_) | State::Closed => Err(redb::Error::PreviousIo),
        }
    }

    /// Runs a function on what is committed, also while the database is being opened again. The function may run twice.
    ///
    /// # Errors
    /// The function fails, the disk refuses to read, or the database is closed.
    pub(super) fn read<T>(&self, act: impl Fn(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        // Held until the end: it is not written meanwhile, when it is being opened again.
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let file = match &*state {
            State::Open(database, file) => {
                let found = database.begin_read().map_err(redb::Error::from).and_then(|read| act(&read));
                match (found, file) {
                    (Err(redb::Error::Io(_) | redb::Error::PreviousIo), Some(file)) => file,
                    (found, _) => return found,
                }
            }
            State::Failed(file) => file,
            State::Closed => return Err(redb::Error::PreviousIo),
        };
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = match view.take().filter(|view| view.is_latest(file)) {
            Some(latest) => latest,
            None => CommittedView::open(file)?,
        };
        let found = latest.read(act)?;
        // After an error it would not be used any more either.
        *view = Some(latest);
        Ok(found)
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
        matches!(*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Open(..))
    }

    /// Opens it again after an error, as a new store if the file was removed. Committed data is preserved.
    ///
    /// # Errors
    /// The disk still fails.
    pub(super) fn reopen(&self) -> Result<(), redb::Error> {
        let Some(source) = &self.source else { return Ok(()) };
        self.give_up();
        let OpenDatabase { database, file } = database_file::open_or_create(source)?;
        let mut state = self.lock();
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *state = State::Open(database, Some(file));
        Ok(())
    }

    /// Drops a database that has failed.
    fn give_up(&self) {
        let mut state = self.lock();
        if let State::Open(_, Some(file)) = &*state {
            let file = file.clone();
            let failed = mem::replace(&mut *state, State::Failed(file));
            drop(state);
            // This releases its lock on the file.
            drop(failed);
        }
    }

    /// Closes it after the reads that are under way, so that the next start needs no repair.
    ///
    /// # Errors
    /// The disk fails, or the database is not open: the next start repairs it.
    pub(super) fn close(&self) -> Result<(), redb::Error> {
        match mem::replace(&mut *self.lock(), State::Closed) {
            State::Open(database, _) => Ok(database.close()?),
            State::Failed(_) | State::Closed => Err(redb::Error::PreviousIo),
        }
    }

    fn lock(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
