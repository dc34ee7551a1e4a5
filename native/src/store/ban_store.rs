//! The bans in the store of a node that is stopped.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use petrel_core::ban::{Ban, BanTarget};

use super::{database, database_file, disk::SystemDisk, error::StoreError, layout, rows, tables::LAYOUT};
use crate::system::file_lock::FileLock;

/// See the module.
#[derive(Debug)]
pub struct BanStore {
    database: redb::Database,
    file: PathBuf,
    _lock: FileLock,
}

impl BanStore {
    /// Opens the store in `datadir`, of any chain.
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
        let database = opened.map_err(|error| database_file::open_error(&file, error.into()))?;
        match layout::read_layout(&database, &file)? {
            LAYOUT => Ok(Self { database, file, _lock: lock }),
            layout => Err(StoreError::Earlier { file, layout }),
        }
    }

    /// All bans, and how many more there are that cannot be read and are not in force.
    ///
    /// # Errors
    /// The file is damaged, or the disk refuses.
    pub fn all(&self) -> Result<(Vec<(BanTarget, Ban)>, u64), StoreError> {
        let bans = rows::bans(&self.database).map_err(|error| self.damaged(&error))?;
        Ok((bans.found, bans.unreadable))
    }

    /// Adds a ban, or lifts it with `None`; whether there was one. The change is on disk when this returns.
    ///
    /// # Errors
    /// As of [`BanStore::all`].
    pub fn put(&self, subject: BanTarget, ban: Option<&Ban>) -> Result<bool, StoreError> {
        layout::put_ban(&self.database, subject, ban).map_err(|error| self.damaged(&error))
    }

    fn damaged(&self, error: &redb::Error) -> StoreError {
        match error {
            redb::Error::Io(error) => StoreError::Io { file: self.file.clone(), error: error.to_string() },
            error => StoreError::Damaged { file: self.file.clone(), error: error.to_string() },
        }
    }
}
