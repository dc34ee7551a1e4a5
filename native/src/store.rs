//! What survives a restart: blocks, known peers, bans, and small values of the daemon, in one redb file in the data directory.
//!
//! A separate thread writes in the order of the requests: all that wait go into one transaction, which is on disk (fsync) when it
//! is acknowledged. So a slow disk makes larger batches and does not delay the node. Reads happen concurrently, on any thread.
//!
//! Blocks are stored by number and hash; of several at one height the one on the head's chain is served. When there are more
//! blocks or bytes than the budget allows, the oldest are removed. A file that is damaged, newer than this program, or of another
//! chain is refused with a remedy, and nothing in it is overwritten. When the disk is full, writing stops and an event says so;
//! the node continues, and writes again when there is space.

use std::{fs, path::Path, sync::Arc};

use petrel_core::{
    chain::Chain,
    payload_by_number::StoredBlock,
    persistence::{Persist, Persisted, RestoredState},
};
use tokio::sync::oneshot;

mod ban_store;
mod block_tables;
mod budget;
mod database;
mod database_file;
mod error;
mod layout;
mod tables;
mod usage;
mod writer;

pub use ban_store::BanStore;
pub use budget::StoreBudget;
pub(crate) use database_file::FILE;
pub use error::StoreError;
pub use usage::StoreUsage;

use crate::system::file_lock::FileLock;
use database::SharedDatabase;
use tables::LAYOUT;
use usage::UsageCount;
use writer::{StoreWriter, WriteEntry};

/// See the module. Cheap to clone; dropping the last clone writes the waiting requests first.
#[derive(Clone, Debug)]
pub struct Store {
    database: Arc<SharedDatabase>,
    writer: Arc<StoreWriter>,
    has_blocks: bool,
    _lock: Option<Arc<FileLock>>,
}

impl Store {
    /// Opens the store of this chain in `datadir`, creating it when missing, and reads what an earlier run persisted.
    ///
    /// # Errors
    /// See [`StoreError`]; existing data is not overwritten then.
    pub fn open(datadir: &Path, chain: &Chain, budget: StoreBudget) -> Result<(Self, RestoredState), StoreError> {
        let file = datadir.join(database_file::FILE);
        let io = |error: String| StoreError::Io { file: file.clone(), error };
        fs::create_dir_all(datadir).map_err(|error| io(error.to_string()))?;
        let lock = database_file::lock(&file)?;
        if fs::metadata(&file).map_or(true, |found| found.len() == 0) {
            database_file::create(&file, chain)?;
        }
        let database = database::open(&file).map_err(|error| database_file::open_error(&file, error))?;
        let layout = layout::check_chain(&database, chain, &file)?;
        let damaged = |error: redb::Error| StoreError::Damaged { file: file.clone(), error: error.to_string() };
        if layout < LAYOUT {
            layout::migrate(&database, chain).map_err(damaged)?;
        }
        let has_blocks = budget.blocks > 0;
        let memory = RestoredState {
            chain: if has_blocks { layout::links(&database, &chain.cadence).map_err(damaged)? } else { Vec::new() },
            peers: layout::peers(&database).map_err(damaged)?,
            bans: layout::bans(&database).map_err(damaged)?,
        };
        let usage = layout::count_usage(&database).map_err(damaged)?;
        let database = Arc::new(SharedDatabase::new(database, Some(file)));
        let writer = StoreWriter::start(database.clone(), budget, usage, true);
        Ok((Self { database, writer: Arc::new(writer), has_blocks, _lock: Some(Arc::new(lock)) }, memory))
    }

    /// A store in memory, which is lost with the process.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn in_memory(chain: &Chain, budget: StoreBudget) -> Result<Self, redb::Error> {
        let database = redb::Builder::new().create_with_backend(redb::backends::InMemoryBackend::new())?;
        layout::create_tables(&database, chain)?;
        let database = Arc::new(SharedDatabase::new(database, None));
        let writer = StoreWriter::start(database.clone(), budget, UsageCount::default(), false);
        Ok(Self { database, writer: Arc::new(writer), has_blocks: budget.blocks > 0, _lock: None })
    }

    /// The block of this number, of the canonical chain if it is known.
    pub fn load(&self, number: u64) -> Option<StoredBlock> {
        if !self.has_blocks {
            return None;
        }
        let found = self.database.with(|database| layout::load(database, number));
        found.unwrap_or_else(|error| {
            tracing::warn!(number, %error, "a block cannot be read from the store");
            None
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
        self.database.with(|database| layout::value(database, name))
    }

    /// Persists a small value of the daemon, replacing the one of the same name; the result is as of [`Store::persist`].
    pub fn persist_value(&self, name: &'static str, value: Vec<u8>) -> oneshot::Receiver<Persisted> {
        self.writer.write(WriteEntry::Value(name, value))
    }
}
