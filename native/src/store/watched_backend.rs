//! The database's file as redb uses it. Reads are counted for [`OpenProgress`], and fail when opening is interrupted: redb itself
//! reports the progress of a repair four times in all, which may be minutes apart. The header of the last commit is remembered, for a
//! [`CommittedView`](super::committed_view::CommittedView).

use std::{
    io,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, StorageBackend};

use super::open_progress::OpenProgress;

/// See the module.
#[derive(Debug)]
pub(super) struct WatchedFile {
    inner: Box<dyn StorageBackend>,
    progress: Arc<OpenProgress>,
    header: Mutex<WatchedHeader>,
}

/// redb's header, which is at the beginning of the file and names the trees of the last commit. redb writes it as a whole.
#[derive(Debug, Default)]
struct WatchedHeader {
    written: Option<Arc<[u8]>>,
    /// The one that was written before the last fsync.
    on_disk: Option<Arc<[u8]>>,
}

impl WatchedFile {
    pub(super) fn new(inner: Box<dyn StorageBackend>, progress: Arc<OpenProgress>) -> Self {
        Self { inner, progress, header: Mutex::default() }
    }

    /// The header of the last commit that is on disk; `None` before redb has opened the file.
    pub(super) fn committed_header(&self) -> Option<Arc<[u8]>> {
        self.header().on_disk.clone()
    }

    /// Reads without counting, also after redb has closed the file.
    pub(super) fn read_directly(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    /// Its length in bytes.
    pub(super) fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn header(&self) -> MutexGuard<'_, WatchedHeader> {
        self.header.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// redb's access to a [`WatchedFile`].
#[derive(Debug)]
pub(super) struct WatchedBackend(pub(super) Arc<WatchedFile>);

impl StorageBackend for WatchedBackend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.0.progress.is_interrupted() {
            return Err(io::Error::other("opening the store was interrupted"));
        }
        self.0.progress.has_read(out.len());
        self.0.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let written = self.0.header().written.clone();
        self.0.inner.sync_data()?;
        self.0.header().on_disk = written;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.inner.write(offset, data)?;
        if offset == 0 {
            self.0.header().written = Some(data.into());
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.0.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.inner.query_lock_range(start, end)
    }
}
