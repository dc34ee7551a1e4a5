//! The last commit of a database whose disk has failed, for reading. After an I/O error redb does not use a database any more. Opening
//! it again may take minutes, and fails as long as the disk does. But redb does not overwrite what its last commit refers to, so this
//! commit can be read from the same file.
//!
//! redb opens the file as a reader beside a writer in another process: such a reader reads only what it is asked for, and repairs
//! nothing. It is given the header of the last commit, because the one in the file may be of a commit that failed. It takes no locks
//! of the file: the store has a lock of its own, and the writer of this process does not write while there is a view.

use std::{fmt, io, ops::Bound, sync::Arc};

use redb::{BackendError, ConcurrencyMode, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, StorageBackend};

use super::{database::CACHE, watched_backend::WatchedFile};

/// The place of the flags in redb's header, behind its magic number, and the flag of a file that was not closed (redb's design.md).
const FLAGS: usize = 9;
const NOT_CLOSED: u8 = 2;

/// See the module. It must be dropped before the database is written again.
pub(super) struct CommittedView {
    database: ReadOnlyDatabase,
    header: Arc<[u8]>,
}

impl fmt::Debug for CommittedView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CommittedView").finish_non_exhaustive()
    }
}

impl CommittedView {
    /// Opens the last commit of a file.
    ///
    /// # Errors
    /// The disk refuses to read, or there is no commit.
    pub(super) fn open(file: &Arc<WatchedFile>) -> Result<Self, redb::Error> {
        let header = file.committed_header().ok_or(redb::Error::PreviousIo)?;
        let mut closed = header.to_vec();
        if let Some(flags) = closed.get_mut(FLAGS) {
            *flags &= !NOT_CLOSED;
        }
        let database = redb::Builder::new()
            .set_cache_size(CACHE)
            .set_concurrency_mode(ConcurrencyMode::SingleWriter)
            .open_read_only_with_backend(CommittedFile { file: file.clone(), header: closed })?;
        Ok(Self { database, header })
    }

    /// Whether it shows the last commit of this file.
    pub(super) fn is_latest(&self, file: &WatchedFile) -> bool {
        file.committed_header().is_some_and(|header| Arc::ptr_eq(&header, &self.header))
    }

    /// Runs a function on the commit.
    ///
    /// # Errors
    /// The function fails.
    pub(super) fn read<T>(
        &self,
        act: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        act(&self.database.begin_read()?)
    }
}

/// The file, with another header. redb only reads it.
#[derive(Debug)]
struct CommittedFile {
    file: Arc<WatchedFile>,
    header: Vec<u8>,
}

impl StorageBackend for CommittedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_directly(offset, out)?;
        let header = usize::try_from(offset).ok().and_then(|begin| self.header.get(begin..)).unwrap_or_default();
        out.iter_mut().zip(header).for_each(|(byte, committed)| *byte = *committed);
        Ok(())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, _: u64, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    /// Nobody else has a lock.
    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(false)
    }
}
