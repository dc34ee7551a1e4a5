//! A disk below the store with faults: full, failing, or hanging. The bytes are in a real file.

use std::{
    io,
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use petrel_node::store::{Store, StoreBudget, StoreDisk, StoreSource, SystemDisk};
use redb::StorageBackend;

use crate::store::chain;

/// Longer than anything on these disks takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a store on this disk is opened from.
pub(crate) fn source_on(disk: &SharedDisk, folder: &Path) -> StoreSource {
    let source = StoreSource::new(folder, &chain(10), StoreBudget::default());
    StoreSource { disk: Arc::new(disk.clone()), ..source }
}

/// A store on this disk.
pub(crate) fn open_on(disk: &SharedDisk, folder: &Path) -> Store {
    Store::open_from(source_on(disk, folder)).unwrap().0
}

/// Errors of the system: of the disk, and of a full one.
pub(crate) const EIO: i32 = 5;
pub(crate) const ENOSPC: i32 = 28;

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Each write fails with `EIO`.
    Fails,
    /// Each write fails with `ENOSPC`.
    Full,
    /// Each write waits until the fault has changed.
    Hangs,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct FaultDisk {
    fault: Mutex<Fault>,
    changed: Condvar,
    opened: AtomicUsize,
    /// With it: how many more writes succeed, before each fails with this error of the system.
    writes_left: Mutex<Option<(usize, i32)>>,
    /// Bytes that are said to be free.
    free: Mutex<Option<u64>>,
    /// Reads of files that were opened as this one or later wait until that has changed.
    reads_hang_from: Mutex<Option<usize>>,
    reads_changed: Condvar,
}

impl FaultDisk {
    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
        self.changed.notify_all();
    }

    /// Each write after this many fails with this error of the system.
    pub(crate) fn fail_after(&self, writes: usize, error: i32) {
        *self.writes_left.lock().unwrap() = Some((writes, error));
    }

    /// No write fails any more.
    pub(crate) fn heal(&self) {
        *self.writes_left.lock().unwrap() = None;
        self.set(Fault::None);
    }

    /// Says that this many bytes are free.
    pub(crate) fn set_free(&self, free: Option<u64>) {
        *self.free.lock().unwrap() = free;
    }

    /// Whether reads of files wait that are opened from now on.
    pub(crate) fn hang_reads(&self, hang: bool) {
        *self.reads_hang_from.lock().unwrap() = hang.then(|| self.opened());
        self.reads_changed.notify_all();
    }

    /// How often a file was opened.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    fn before_write(&self) -> io::Result<()> {
        if let Some((left, error)) = &mut *self.writes_left.lock().unwrap() {
            *left = left.checked_sub(1).ok_or_else(|| io::Error::from_raw_os_error(*error))?;
        }
        let fault = self.fault.lock().unwrap();
        match *self.changed.wait_while(fault, |fault| *fault == Fault::Hangs).unwrap() {
            Fault::Fails => Err(io::Error::from_raw_os_error(EIO)),
            Fault::Full => Err(io::Error::from_raw_os_error(ENOSPC)),
            Fault::None | Fault::Hangs => Ok(()),
        }
    }
}

/// A disk that several owners share.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedDisk(pub(crate) Arc<FaultDisk>);

impl StoreDisk for SharedDisk {
    fn open(&self, file: &Path, create: bool) -> io::Result<Box<dyn StorageBackend>> {
        let index = self.0.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(FaultFile { inner: SystemDisk.open(file, create)?, index, disk: self.0.clone() }))
    }

    fn free_bytes(&self, _: &Path) -> Option<u64> {
        *self.0.free.lock().unwrap()
    }
}

#[derive(Debug)]
struct FaultFile {
    inner: Box<dyn StorageBackend>,
    /// How many files were opened before.
    index: usize,
    disk: Arc<FaultDisk>,
}

impl StorageBackend for FaultFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let hang_from = self.disk.reads_hang_from.lock().unwrap();
        let hangs = |from: &mut Option<usize>| from.is_some_and(|from| self.index >= from);
        drop(self.disk.reads_changed.wait_while(hang_from, hangs).unwrap());
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.before_write()?;
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.before_write()?;
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if let Err(error) = self.disk.before_write() {
            // A torn write: the first half of it is on disk.
            self.inner.write(offset, data.get(..data.len() / 2).unwrap_or_default())?;
            return Err(error);
        }
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }
}
