//! The database's file: its lock, its creation, and why it cannot be opened.

use std::{fs, io, path::Path};

use super::{
    database::{self, DatabaseSource, OpenDatabase},
    error::StoreError,
    layout,
};
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

/// Opens the database, or creates it: also one without tables, whose creation was cut off.
pub(super) fn open_or_create(source: &DatabaseSource) -> Result<OpenDatabase, redb::Error> {
    if fs::metadata(&source.file).map_or(true, |found| found.len() == 0) {
        create(source)?;
    }
    let open = source.open()?;
    if layout::has_no_tables(&open.database)? {
        layout::create_tables(&open.database, &source.chain)?;
    }
    Ok(open)
}

/// Creates a new store under a temporary name first, so that a store that a crash or a full disk left incomplete does not count as
/// damaged.
fn create(source: &DatabaseSource) -> Result<(), redb::Error> {
    let unfinished = source.file.with_extension("new");
    remove(&unfinished)?;
    let created = database::open(&*source.disk, &unfinished, true, &source.progress).map_err(redb::Error::from);
    let filled = created.and_then(|open| {
        layout::create_tables(&open.database, &source.chain)?;
        Ok(open.database.close()?)
    });
    if let Err(error) = filled {
        // On a full disk its bytes are needed.
        let _remains = remove(&unfinished);
        return Err(error);
    }
    fs::rename(&unfinished, &source.file)?;
    // The name is on disk before anything is acknowledged.
    match source.file.parent() {
        Some(folder) => Ok(fs::File::open(folder)?.sync_all()?),
        None => Ok(()),
    }
}

/// Removes a file, if it exists.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The error of opening a database. redb does not change a file that it cannot open.
pub(super) fn open_error(file: &Path, error: redb::Error) -> StoreError {
    let file = file.to_owned();
    match error {
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse { file, by: "another process".to_owned() },
        redb::Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => {
            StoreError::Io { file, error: error.to_string() }
        }
        error => StoreError::Damaged { file, error: error.to_string() },
    }
}
