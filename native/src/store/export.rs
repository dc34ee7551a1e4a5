//! A copy of the store in another file, as of one moment. A running node goes on writing meanwhile; the file grows by what it replaces.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{Database, Key, ReadTransaction, ReadableTable, TableDefinition, TableError, Value};
use serde::Serialize;

use super::{
    database,
    disk::SystemDisk,
    tables::{BANS, BLOCKS, CHAIN, LINKS, META, PEERS, VALUES, WORDS},
};

/// Rows in one transaction.
const STEP: usize = 128;

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// The copy, a `petrel.redb` for another data directory.
    pub file: PathBuf,
    /// Blocks in it.
    pub blocks: u64,
    /// Its bytes on disk.
    pub file_bytes: u64,
}

/// Copies everything that a transaction sees to a new file. On an error the file does not exist.
pub(super) fn export(read: &ReadTransaction, file: &Path) -> Result<ExportReport, redb::Error> {
    if fs::exists(file)? {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists already").into());
    }
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let copied = copy(read, &unfinished).and_then(|blocks| {
        fs::rename(&unfinished, file)?;
        Ok(blocks)
    });
    if copied.is_err() {
        let _absent = fs::remove_file(&unfinished);
    }
    Ok(ExportReport { file: file.to_owned(), blocks: copied?, file_bytes: database::file_bytes(file) })
}

/// Copies every table; the number of blocks.
fn copy(read: &ReadTransaction, file: &Path) -> Result<u64, redb::Error> {
    if fs::exists(file)? {
        // Of an export that was cut off.
        fs::remove_file(file)?;
    }
    let target = database::open(&SystemDisk, file, true, &Arc::default())?.database;
    copy_table(read, &target, META)?;
    copy_table(read, &target, WORDS)?;
    copy_table(read, &target, VALUES)?;
    copy_table(read, &target, PEERS)?;
    copy_table(read, &target, BANS)?;
    copy_table(read, &target, CHAIN)?;
    copy_table(read, &target, LINKS)?;
    let blocks = copy_table(read, &target, BLOCKS)?;
    target.close()?;
    Ok(blocks)
}

/// Copies a table; the number of its rows.
fn copy_table<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    target: &Database,
    definition: TableDefinition<'_, K, V>,
) -> Result<u64, redb::Error> {
    let table = match read.open_table(definition) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(0),
        opened => opened?,
    };
    let mut rows = table.iter()?;
    let mut copied = 0;
    loop {
        let write = target.begin_write()?;
        let mut rest = STEP;
        {
            let mut out = write.open_table(definition)?;
            for row in rows.by_ref().take(STEP) {
                let (key, value) = row?;
                out.insert(key.value(), value.value())?;
                (copied, rest) = (copied + 1, rest - 1);
            }
        }
        write.commit()?;
        if rest > 0 {
            return Ok(copied);
        }
    }
}
