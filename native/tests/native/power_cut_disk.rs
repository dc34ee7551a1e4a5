//! A disk below the store whose power is cut at a given operation. Until a file is synced, what was written to it is only in the
//! system's memory: at the cut, each of its sectors is on the disk or not, whichever was written first, as is each change of its length.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use petrel_node::store::StoreDisk;
use redb::StorageBackend;

/// Bytes that a disk writes as a whole or not at all.
const SECTOR: usize = 512;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct PowerCutDisk(Arc<Mutex<Power>>);

#[derive(Debug, Default)]
struct Power {
    is_cut: bool,
    /// Writes, syncs and changes of a length until the cut; `None`: it does not come.
    operations_left: Option<u64>,
    /// Of each 100 sectors that were not synced, how many are on the disk after the cut.
    percent: u64,
    random: u64,
    /// Whether the disk says that it has synced, and has not.
    lies: bool,
    unsynced: Vec<Unsynced>,
}

/// A change that is not on the disk yet.
#[derive(Debug)]
enum Unsynced {
    Write(Arc<File>, u64, Vec<u8>),
    Length(Arc<File>, u64),
}

impl PowerCutDisk {
    /// Cuts the power after this many operations from now.
    pub(crate) fn cut_after(&self, operations: u64, percent: u64, seed: u64) {
        let mut power = self.power();
        (power.operations_left, power.percent, power.random) = (Some(operations), percent, seed);
    }

    /// From now on nothing is synced.
    pub(crate) fn lie(&self) {
        self.power().lies = true;
    }

    /// Cuts the power now, if it is not cut yet.
    pub(crate) fn cut(&self) {
        self.power().cut().unwrap();
    }

    fn power(&self) -> MutexGuard<'_, Power> {
        self.0.lock().unwrap()
    }
}

impl Power {
    /// Counts an operation, which fails from the cut on.
    fn operate(&mut self) -> io::Result<()> {
        match &mut self.operations_left {
            Some(0) => self.cut()?,
            Some(left) => *left -= 1,
            None => {}
        }
        self.check()
    }

    fn check(&self) -> io::Result<()> {
        if self.is_cut { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
    }

    /// Puts everything on the disk.
    fn sync(&mut self) -> io::Result<()> {
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Unsynced::Length(file, len) => file.set_len(len)?,
                Unsynced::Write(file, offset, data) => file.write_all_at(&data, offset)?,
            }
        }
        Ok(())
    }

    /// Puts a part of what was not synced on the disk.
    fn cut(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.is_cut, true) {
            return Ok(());
        }
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Unsynced::Length(file, len) if self.is_kept() => file.set_len(len)?,
                Unsynced::Length(..) => {}
                Unsynced::Write(file, offset, data) => {
                    for (index, sector) in data.chunks(SECTOR).enumerate() {
                        let begin = offset + (index * SECTOR) as u64;
                        // Beyond the end of the file nothing is kept.
                        if self.is_kept() && begin + sector.len() as u64 <= file.metadata()?.len() {
                            file.write_all_at(sector, begin)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn is_kept(&mut self) -> bool {
        // Xorshift; its state is never 0.
        let mut next = self.random.max(1);
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        self.random = next;
        next % 100 < self.percent
    }
}

impl StoreDisk for PowerCutDisk {
    fn open(&self, file: &Path, create: bool) -> io::Result<Box<dyn StorageBackend>> {
        let mut power = self.power();
        power.check()?;
        // What a file that was closed has changed is seen by the next one that is opened.
        power.sync()?;
        let file = OpenOptions::new().read(true).write(true).create(create).truncate(false).open(file)?;
        let mut cached = vec![0; file.metadata()?.len() as usize];
        file.read_exact_at(&mut cached, 0)?;
        Ok(Box::new(CachedFile { disk: self.clone(), file: Arc::new(file), cached: Mutex::new(cached) }))
    }

    fn free_bytes(&self, _: &Path) -> Option<u64> {
        None
    }
}

#[derive(Debug)]
struct CachedFile {
    disk: PowerCutDisk,
    file: Arc<File>,
    /// What the system has in memory: the file with all that was written.
    cached: Mutex<Vec<u8>>,
}

impl CachedFile {
    fn range(&self, offset: u64, len: usize) -> io::Result<(MutexGuard<'_, Vec<u8>>, std::ops::Range<usize>)> {
        let cached = self.cached.lock().unwrap();
        let range = offset as usize..offset as usize + len;
        if range.end > cached.len() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok((cached, range)) }
    }
}

impl StorageBackend for CachedFile {
    fn len(&self) -> io::Result<u64> {
        self.disk.power().check()?;
        Ok(self.cached.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.power().check()?;
        let (cached, range) = self.range(offset, out.len())?;
        out.copy_from_slice(&cached[range]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut power = self.disk.power();
        power.operate()?;
        self.cached.lock().unwrap().resize(len as usize, 0);
        power.unsynced.push(Unsynced::Length(self.file.clone(), len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut power = self.disk.power();
        power.operate()?;
        if power.lies {
            return Ok(());
        }
        power.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut power = self.disk.power();
        power.operate()?;
        let (mut cached, range) = self.range(offset, data.len())?;
        cached[range].copy_from_slice(data);
        power.unsynced.push(Unsynced::Write(self.file.clone(), offset, data.to_vec()));
        Ok(())
    }
}
