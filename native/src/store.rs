//! What survives a restart: blocks, known peers, bans, and small values of the daemon, in one redb file in the data directory.
//!
//! A separate thread writes in the order of the requests: all that wait go into one transaction, which is on disk (fsync) when it
//! is acknowledged. So a slow disk makes larger batches and does not delay the node. Reads happen concurrently, on any thread.
//! [`Store::close`] writes what waits and closes the file; without it the next start has to look at the whole file, which
//! [`OpenProgress`] reports and interrupts.
//!
//! Blocks are stored by number and hash; of several at one height the one on the head's chain is served. When there are more
//! blocks or bytes than the budget allows, the oldest are removed. A file that is damaged, newer than this program, or of another
//! chain is refused with a remedy, and nothing in it is overwritten. When the disk is full, writing stops and an event says so;
//! the node continues, and writes again when there is space. After another error of the disk the file is opened again; what was
//! acknowledged is read meanwhile.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use petrel_core::{
    chain::Chain,
    payload_by_number::{Lookup, LookupFailed},
    persistence::{Persist, Persisted, RestoredState},
};
use redb::ReadableDatabase;
use tokio::sync::oneshot;

mod block_tables;
mod budget;
mod committed_view;
mod compaction;
mod database;
mod database_file;
mod disk;
mod error;
mod export;
mod layout;
mod open_progress;
mod read_failures;
mod retry;
mod rows;
mod shared_database;
mod stopped_store;
mod tables;
mod usage;
mod verify;
mod watched_backend;
mod write_queue;
mod writer;

pub use budget::StoreBudget;
pub(crate) use database_file::FILE;
pub use disk::{StoreDisk, SystemDisk};
pub use error::{StoreCloseError, StoreError};
pub use export::ExportReport;
pub use open_progress::{OpenProgress, RepairProgress};
pub use stopped_store::StoppedStore;
pub use usage::StoreUsage;
pub use verify::VerifyReport;

use crate::system::file_lock::FileLock;
use database::DatabaseSource;
use read_failures::ReadFailures;
use shared_database::SharedDatabase;
use tables::LAYOUT;
use usage::UsageCount;
use write_queue::WriteEntry;
use writer::StoreWriter;

/// Where a store is, whose it is, and how it is opened.
#[derive(Clone, Debug)]
pub struct StoreSource {
    /// The data directory, which is created when missing.
    pub datadir: PathBuf,
    /// The chain.
    pub chain: Chain,
    /// How much is stored.
    pub budget: StoreBudget,
    /// Where the file's bytes are.
    pub disk: Arc<dyn StoreDisk>,
    /// Tells how far opening is, and interrupts it.
    pub progress: Arc<OpenProgress>,
}

impl StoreSource {
    /// In files of the system.
    pub fn new(datadir: &Path, chain: &Chain, budget: StoreBudget) -> Self {
        let (datadir, chain) = (datadir.to_owned(), chain.clone());
        Self { datadir, chain, budget, disk: Arc::new(SystemDisk), progress: Arc::default() }
    }
}

/// See the module. Cheap to clone. [`Store::close`] ends it; dropping the last clone does the same without a limit of time.
#[derive(Clone, Debug)]
pub struct Store {
    database: Arc<SharedDatabase>,
    writer: Arc<StoreWriter>,
    has_blocks: bool,
    /// Held while a copy is made: one at a time.
    exporting: Arc<Mutex<()>>,
    read_failures: Arc<ReadFailures>,
    _lock: Option<Arc<FileLock>>,
}

impl Store {
    /// Opens the store of this chain in `datadir`, as [`Store::open_from`].
    ///
    /// # Errors
    /// See [`StoreError`]; existing data is not overwritten then.
    pub fn open(datadir: &Path, chain: &Chain, budget: StoreBudget) -> Result<(Self, RestoredState), StoreError> {
        Self::open_from(StoreSource::new(datadir, chain, budget))
    }

    /// Opens the store, creating it when missing, and reads what an earlier run persisted.
    ///
    /// # Errors
    /// As of [`Store::open`].
    pub fn open_from(source: StoreSource) -> Result<(Self, RestoredState), StoreError> {
        let StoreSource { datadir, chain, budget, disk, progress } = source;
        let file = datadir.join(database_file::FILE);
        fs::create_dir_all(&datadir)
            .map_err(|error| StoreError::Io { file: file.clone(), error: error.to_string() })?;
        let lock = database_file::lock(&file)?;
        let source = DatabaseSource { file: file.clone(), chain, disk, progress };
        let failed = |error: redb::Error| match source.progress.is_interrupted() {
            true => StoreError::Interrupted { file: file.clone() },
            false => database_file::open_error(&file, error),
        };
        let mut open = database_file::open_or_create(&source).map_err(failed)?;
        let database = &mut open.database;
        let layout = layout::check_chain(database, &source.chain, &file)?;
        let damaged = |error: redb::Error| StoreError::Damaged { file: file.clone(), error: error.to_string() };
        if layout < LAYOUT {
            layout::migrate(database, &source.chain).map_err(damaged)?;
        }
        let mut usage = layout::count_usage(database).map_err(damaged)?;
        shrink_to(budget, database, &source, &mut usage).map_err(failed)?;
        let has_blocks = budget.blocks > 0;
        let (memory, unreadable) = restore(database, &source.chain, has_blocks).map_err(damaged)?;
        source.progress.has_opened();
        let database = Arc::new(SharedDatabase::new(open, source));
        let writer = StoreWriter::start(database.clone(), budget, usage, true);
        writer.usage.set_unreadable_rows(unreadable);
        let (writer, lock) = (Arc::new(writer), Some(Arc::new(lock)));
        Ok((
            Self {
                database,
                writer,
                has_blocks,
                exporting: Arc::default(),
                read_failures: Arc::default(),
                _lock: lock,
            },
            memory,
        ))
    }

    /// A store in memory, which is lost with the process.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn in_memory(chain: &Chain, budget: StoreBudget) -> Result<Self, redb::Error> {
        let database = redb::Builder::new().create_with_backend(redb::backends::InMemoryBackend::new())?;
        layout::create_tables(&database, chain)?;
        let database = Arc::new(SharedDatabase::in_memory(database));
        let writer = StoreWriter::start(database.clone(), budget, UsageCount::default(), false);
        let (writer, has_blocks) = (Arc::new(writer), budget.blocks > 0);
        Ok(Self { database, writer, has_blocks, exporting: Arc::default(), read_failures: Arc::default(), _lock: None })
    }

    /// The block of this number, of the canonical chain if it is known.
    ///
    /// # Errors
    /// The disk refuses to read, or the store is closed.
    pub fn load(&self, number: u64) -> Lookup {
        if !self.has_blocks {
            return Ok(None);
        }
        self.database.read(|read| layout::load(read, number)).map_err(|error| {
            // A store that is closed or has no commit is no fault of the disk.
            if !matches!(error, redb::Error::PreviousIo) {
                self.read_failures.add(number, &error);
            }
            LookupFailed
        })
    }

    /// Persists something; the result comes when it is on disk, or has failed.
    pub fn persist(&self, request: Persist) -> oneshot::Receiver<Persisted> {
        if !self.has_blocks && matches!(request, Persist::Block(_) | Persist::Head(_)) {
            let (sender, result) = oneshot::channel();
            let _dropped = sender.send(Persisted::Unconfirmed);
            return result;
        }
        self.writer.write(WriteEntry::Node(request))
    }

    /// Stored blocks and bytes, as of the last transaction; the handle does not keep the store open.
    pub fn usage(&self) -> Arc<StoreUsage> {
        self.writer.usage.clone()
    }

    /// A small value of the daemon, as it was persisted last.
    ///
    /// # Errors
    /// The disk fails, or the file is damaged.
    pub fn value(&self, name: &str) -> Result<Option<Vec<u8>>, redb::Error> {
        self.database.read(|read| layout::value(read, name))
    }

    /// Persists a small value of the daemon, replacing the one of the same name; the result is as of [`Store::persist`].
    pub fn persist_value(&self, name: &'static str, value: Vec<u8>) -> oneshot::Receiver<Persisted> {
        self.writer.write(WriteEntry::Value(name, value))
    }

    /// Copies everything that is stored now to a new file, a `petrel.redb` for another data directory. It may take minutes, and
    /// neither reads nor writes wait for it.
    ///
    /// # Errors
    /// The file exists, the disk refuses, another copy is being made, or the store is closed meanwhile.
    pub fn export(&self, file: &Path) -> Result<ExportReport, String> {
        let Ok(_one_at_a_time) = self.exporting.try_lock() else {
            return Err("another copy is being made".to_owned());
        };
        let read = self.database.with(|database| Ok(database.begin_read()?));
        let copied = read.and_then(|read| export::export(&read, file));
        copied.map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Writes what waits, and closes the file, whoever else holds this store: reads and writes fail afterwards. Gives
    /// up after `timeout`.
    ///
    /// # Errors
    /// See [`StoreCloseError`].
    pub async fn close(&self, timeout: Duration) -> Result<(), StoreCloseError> {
        self.writer.close(timeout).await
    }
}

/// What an earlier run persisted, and how many peers and bans cannot be read.
fn restore(database: &redb::Database, chain: &Chain, has_blocks: bool) -> Result<(RestoredState, u64), redb::Error> {
    let (peers, bans) = (rows::peers(database)?, rows::bans(database)?);
    let unreadable = peers.unreadable + bans.unreadable;
    if unreadable > 0 {
        let (peers, bans) = (peers.unreadable, bans.unreadable);
        tracing::warn!(peers, bans, "peers or bans in the store cannot be read and are skipped");
    }
    let chain = if has_blocks { layout::links(database, &chain.cadence)? } else { Vec::new() };
    Ok((RestoredState { chain, peers: peers.found, bans: bans.found }, unreadable))
}

/// Removes blocks and compacts the file, if it is larger on disk than the budget: it was lowered, or an earlier version wrote it.
fn shrink_to(
    budget: StoreBudget,
    database: &mut redb::Database,
    source: &DatabaseSource,
    usage: &mut UsageCount,
) -> Result<(), redb::Error> {
    let before = database::file_bytes(&source.file);
    // Not for each page beyond it.
    if budget.blocks == 0 || before <= budget.bytes.saturating_add(budget.bytes / 8) {
        return Ok(());
    }
    tracing::warn!(
        file_bytes = before,
        budget = budget.bytes,
        "the store's file is larger than --store.bytes: the oldest blocks are removed, and it is compacted, which may take minutes"
    );
    compaction::shrink(database, budget, usage)?;
    tracing::info!(
        file_bytes = database::file_bytes(&source.file),
        blocks = usage.blocks,
        "the store's file is compacted"
    );
    Ok(())
}
