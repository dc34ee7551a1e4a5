//! The store of a node that is stopped: its bans, and what an operator does with its file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use petrel_core::ban::{Ban, BanTarget};
use redb::{Database, ReadableDatabase};

use super::{
    compaction, database, database_file,
    disk::SystemDisk,
    error::StoreError,
    export::{self, ExportReport},
    layout, rows,
    tables::LAYOUT,
    verify::{self, VerifyReport},
};
use crate::system::file_lock::FileLock;

/// See the module.
#[derive(Debug)]
pub struct StoppedStore {
    database: Database,
    file: PathBuf,
    _lock: FileLock,
}

impl StoppedStore {
    /// Opens the store in `datadir`, of any chain. One that was not closed is repaired first.
    ///
    /// # Errors
    /// See [`StoreError`]: the store is missing, in use, damaged, or of another version.
    pub fn open(datadir: &Path) -> Result<Self, StoreError> {
        let file = datadir.join(database_file::FILE);
        if !file.exists() {
            return Err(StoreError::Missing { file });
        }
        let lock = database_file::lock(&file)?;
        let opened = database::open(&SystemDisk, &file, false, &Arc::default());
        let database = opened.map_err(|error| database_file::open_error(&file, error.into()))?.database;
        match layout::read_layout(&database, &file)? {
            LAYOUT => Ok(Self { database, file, _lock: lock }),
            layout => Err(StoreError::Earlier { file, layout }),
        }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Its bytes on disk.
    pub fn file_bytes(&self) -> u64 {
        database::file_bytes(&self.file)
    }

    /// All bans, and how many more there are that cannot be read and are not in force.
    ///
    /// # Errors
    /// The file is damaged, or the disk refuses.
    pub fn bans(&self) -> Result<(Vec<(BanTarget, Ban)>, u64), StoreError> {
        let bans = rows::bans(&self.database).map_err(|error| self.failed(error))?;
        Ok((bans.found, bans.unreadable))
    }

    /// Adds a ban, or lifts it with `None`; whether there was one. The change is on disk when this returns.
    ///
    /// # Errors
    /// As of [`StoppedStore::bans`].
    pub fn put_ban(&self, subject: BanTarget, ban: Option<&Ban>) -> Result<bool, StoreError> {
        layout::put_ban(&self.database, subject, ban).map_err(|error| self.failed(error))
    }

    /// Verifies each page of the file, and each block.
    ///
    /// # Errors
    /// The file is damaged beyond what can be described, or the disk refuses.
    pub fn verify(&mut self) -> Result<VerifyReport, StoreError> {
        let is_whole = self.database.check_integrity().map_err(|error| self.failed(error.into()))?;
        let mut report = verify::verify(&self.database).map_err(|error| self.failed(error))?;
        if !is_whole {
            report.add_fault("the file's own tables were damaged, and are repaired".to_owned());
        }
        Ok(report)
    }

    /// Moves everything to the front of the file and gives the rest back to the disk.
    ///
    /// # Errors
    /// As of [`StoppedStore::bans`].
    pub fn compact(&mut self) -> Result<(), StoreError> {
        compaction::compact(&mut self.database).map_err(|error| self.failed(error))
    }

    /// Copies it to a new file.
    ///
    /// # Errors
    /// The target exists, or the disk refuses; the error names the target.
    pub fn export(&self, target: &Path) -> Result<ExportReport, StoreError> {
        let copied =
            self.database.begin_read().map_err(redb::Error::from).and_then(|read| export::export(&read, target));
        copied.map_err(|error| database_file::open_error(target, error))
    }

    fn failed(&self, error: redb::Error) -> StoreError {
        database_file::open_error(&self.file, error)
    }
}
