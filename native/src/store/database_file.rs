//! The database's file: its lock, its creation, and why it cannot be opened.

use std::{fs, path::Path};

use petrel_core::chain::Chain;
use redb::DatabaseError;

use super::{database, error::StoreError, layout};
use crate::system::file_lock::{FileLock, FileLockError};

/// Its name in the data directory.
pub(crate) const FILE: &str = "petrel.redb";

/// Locks the file for this process.
pub(super) fn lock(file: &Path) -> Result<FileLock, StoreError> {
    let file = || file.to_owned();
    FileLock::take(&file()).map_err(|error| match error {
        FileLockError::InUse { by } => StoreError::InUse { file: file(), by },
        FileLockError::Io(error) => StoreError::Io { file: file(), error: error.to_string() },
    })
}

/// Creates a new store under a temporary name first, so that a store that a crash left incomplete does not count as damaged.
pub(super) fn create(file: &Path, chain: &Chain) -> Result<(), StoreError> {
    let io = |error: String| StoreError::Io { file: file.to_owned(), error };
    let unfinished = file.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error.to_string())),
        _ => {}
    }
    let database = database::open(&unfinished).map_err(|error| open_error(&unfinished, error))?;
    layout::create_tables(&database, chain).map_err(|error| io(error.to_string()))?;
    drop(database);
    let named = fs::rename(&unfinished, file).and_then(|()| match file.parent() {
        // The name is on disk before anything is acknowledged.
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    });
    named.map_err(|error| io(error.to_string()))
}

/// The error of opening a database. redb does not change a file that it cannot open.
pub(super) fn open_error(file: &Path, error: DatabaseError) -> StoreError {
    let file = file.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { file, by: "another process".to_owned() },
        DatabaseError::Storage(redb::StorageError::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
            StoreError::Io { file, error: error.to_string() }
        }
        error => StoreError::Damaged { file, error: error.to_string() },
    }
}
