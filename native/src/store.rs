//! What survives a restart: one redb file in the data directory.
//!
//! A thread of its own writes, in the order in which things were asked for: all that waits goes into one transaction, which
//! is on disk (fsync) when it is acknowledged. So a slow disk makes larger batches and does not slow the node. Reading
//! goes beside it, on any thread.
//!
//! Beside blocks it has what is known of peers, bans, and small notes of the daemon's.
//!
//! Blocks are kept by number and hash; of several at one height the one on the head's chain is served. The oldest make
//! room when there are more blocks or bytes than the budget has. A file that is damaged, newer than this program or
//! another chain's is refused with what to do, and nothing in it is overwritten. A disk that is full stops the writing,
//! which is said; the node goes on, and begins to write again when there is room.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy_primitives::B256;
use petrel_core::{
    ban::{Ban, BanTarget},
    chain::Chain,
    payload_by_number::StoredBlock,
    persistence::{Persist, Persisted, RestoredState},
};
use redb::DatabaseError;
use tokio::sync::oneshot;

mod block_tables;
mod database;
mod layout;
mod writer;

use crate::system::file_lock::{Claim, ClaimError};

use block_tables::Held;
pub use block_tables::Holdings;
use database::Shelf;
use writer::{Entry, Writer};

/// The file's name in the data directory.
const FILE: &str = "petrel.redb";

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Blocks; 0 keeps none, and leaves those alone that are there.
    pub blocks: u64,
    /// Bytes of payloads.
    pub bytes: u64,
}

impl Default for Budget {
    /// A day of two-second blocks, and what a small disk has.
    fn default() -> Self {
        Self { blocks: 43_200, bytes: 8 << 30 }
    }
}

/// Why there is no store. Exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refuses.
    #[error("{}: {error}", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What went wrong.
        error: String,
    },
    /// Damaged, or not ours.
    #[error("{}: damaged, or not a store of petrel's: {error}; it is left as it is: move it away to begin anew", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// Written by a later version.
    #[error("{}: written by a later version (layout {layout}, this one knows {}); use that version, or another --datadir", .file.display(), layout::LAYOUT)]
    Later {
        /// The file.
        file: PathBuf,
        /// Its layout.
        layout: u64,
    },
    /// Written by an earlier version, and not yet taken over.
    #[error("{}: written by an earlier version (layout {layout}); start `petrel node` with this --datadir once, which takes it over", .file.display())]
    Earlier {
        /// The file.
        file: PathBuf,
        /// Its layout.
        layout: u64,
    },
    /// Of another chain.
    #[error("{}: holds blocks of chain {found}, not of {wanted}; give each chain a --datadir of its own", .file.display())]
    OtherChain {
        /// The file.
        file: PathBuf,
        /// Its chain.
        found: u64,
        /// Ours.
        wanted: u64,
    },
    /// Of a chain with the same id, that begins with another block.
    #[error("{}: holds blocks of a chain with the same id and another genesis, {found}, not {wanted}; move it away, or give each chain a --datadir of its own", .file.display())]
    OtherGenesis {
        /// The file.
        file: PathBuf,
        /// Its chain's first block.
        found: B256,
        /// Ours.
        wanted: B256,
    },
    /// There is none.
    #[error("{}: there is no store; it is made when `petrel node` starts with this --datadir", .file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// Another process has it.
    #[error("{}: in use by {by}: give this one its own --datadir", .file.display())]
    InUse {
        /// The file.
        file: PathBuf,
        /// Which process.
        by: String,
    },
}

/// See the module. Cheap to clone; when the last one is dropped, what waits is written first.
#[derive(Clone, Debug)]
pub struct Store {
    shelf: Arc<Shelf>,
    writer: Arc<Writer>,
    has_blocks: bool,
    _claim: Option<Arc<Claim>>,
}

impl Store {
    /// Opens the store of this chain in `datadir`, making it when missing, and what an earlier run kept.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing that is there is overwritten then.
    pub fn open(datadir: &Path, chain: &Chain, budget: Budget) -> Result<(Self, RestoredState), StoreError> {
        let file = datadir.join(FILE);
        let io = |error: String| StoreError::Io { file: file.clone(), error };
        fs::create_dir_all(datadir).map_err(|error| io(error.to_string()))?;
        let claim = claim(&file)?;
        if fs::metadata(&file).map_or(true, |found| found.len() == 0) {
            make(&file, chain)?;
        }
        let database = database::open(&file).map_err(|error| refused(&file, error))?;
        let layout = layout::check(&database, chain, &file)?;
        let damaged = |error: redb::Error| StoreError::Damaged { file: file.clone(), error: error.to_string() };
        if layout < layout::LAYOUT {
            layout::migrate(&database, chain).map_err(damaged)?;
        }
        let has_blocks = budget.blocks > 0;
        let memory = RestoredState {
            chain: if has_blocks { layout::links(&database, &chain.cadence).map_err(damaged)? } else { Vec::new() },
            peers: layout::peers(&database).map_err(damaged)?,
            bans: layout::bans(&database).map_err(damaged)?,
        };
        let held = layout::held(&database).map_err(damaged)?;
        let shelf = Arc::new(Shelf::new(database, Some(file)));
        let writer = Writer::start(shelf.clone(), budget, held, true);
        Ok((Self { shelf, writer: Arc::new(writer), has_blocks, _claim: Some(Arc::new(claim)) }, memory))
    }

    /// A store that is gone with the process.
    ///
    /// # Errors
    /// There is no memory.
    pub fn in_memory(chain: &Chain, budget: Budget) -> Result<Self, redb::Error> {
        let database = redb::Builder::new().create_with_backend(redb::backends::InMemoryBackend::new())?;
        layout::make(&database, chain)?;
        let shelf = Arc::new(Shelf::new(database, None));
        let writer = Writer::start(shelf.clone(), budget, Held::default(), false);
        Ok(Self { shelf, writer: Arc::new(writer), has_blocks: budget.blocks > 0, _claim: None })
    }

    /// The block of this number, of the leading chain where it is known.
    pub fn load(&self, number: u64) -> Option<StoredBlock> {
        if !self.has_blocks {
            return None;
        }
        let found = self.shelf.with(|database| layout::load(database, number));
        found.unwrap_or_else(|error| {
            tracing::warn!(number, %error, "a block cannot be read from the store");
            None
        })
    }

    /// Keeps something; the answer comes when it is on disk, or could not be.
    pub fn keep(&self, keep: Persist) -> oneshot::Receiver<Persisted> {
        if !self.has_blocks && matches!(keep, Persist::Block(_) | Persist::Head(_)) {
            let (tell, told) = oneshot::channel();
            let _heard = tell.send(Persisted::NotForSure);
            return told;
        }
        self.writer.write(Entry::Node(keep))
    }

    /// How much is kept, as of the last transaction; it does not keep the store open.
    pub fn holdings(&self) -> Arc<Holdings> {
        self.writer.holdings.clone()
    }

    /// A small thing of the daemon's, as it was kept last.
    ///
    /// # Errors
    /// The disk refuses, or the file is damaged.
    pub fn note(&self, name: &str) -> Result<Option<Vec<u8>>, redb::Error> {
        self.shelf.with(|database| layout::note(database, name))
    }

    /// Keeps a small thing of the daemon's in the place of what had its name; the answer as of [`Store::keep`].
    pub fn keep_note(&self, name: &'static str, value: Vec<u8>) -> oneshot::Receiver<Persisted> {
        self.writer.write(Entry::Note(name, value))
    }
}

/// The bans in a store that no node has open.
#[derive(Debug)]
pub struct Bans {
    database: redb::Database,
    file: PathBuf,
    _claim: Claim,
}

impl Bans {
    /// Opens the store in `datadir`, of whatever chain.
    ///
    /// # Errors
    /// See [`StoreError`]: it is not there, in use, damaged, or of another version than this program.
    pub fn open(datadir: &Path) -> Result<Self, StoreError> {
        let file = datadir.join(FILE);
        if !file.exists() {
            return Err(StoreError::Missing { file });
        }
        let claim = claim(&file)?;
        let database = database::open(&file).map_err(|error| refused(&file, error))?;
        match layout::layout(&database, &file)? {
            layout::LAYOUT => Ok(Self { database, file, _claim: claim }),
            layout => Err(StoreError::Earlier { file, layout }),
        }
    }

    /// All of them.
    ///
    /// # Errors
    /// The file is damaged, or the disk refuses.
    pub fn all(&self) -> Result<Vec<(BanTarget, Ban)>, StoreError> {
        layout::bans(&self.database).map_err(|error| self.damaged(&error))
    }

    /// Adds one, or with `None` lifts it; whether there was one. It is on disk then.
    ///
    /// # Errors
    /// As of [`Bans::all`].
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

fn claim(file: &Path) -> Result<Claim, StoreError> {
    let file = || file.to_owned();
    Claim::take(&file()).map_err(|error| match error {
        ClaimError::InUse { by } => StoreError::InUse { file: file(), by },
        ClaimError::Io(error) => StoreError::Io { file: file(), error: error.to_string() },
    })
}

/// Makes a new store under another name first: one that a crash left half made is not taken for a damaged one.
fn make(file: &Path, chain: &Chain) -> Result<(), StoreError> {
    let io = |error: String| StoreError::Io { file: file.to_owned(), error };
    let unfinished = file.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error.to_string())),
        _ => {}
    }
    let database = database::open(&unfinished).map_err(|error| refused(&unfinished, error))?;
    layout::make(&database, chain).map_err(|error| io(error.to_string()))?;
    drop(database);
    let named = fs::rename(&unfinished, file).and_then(|()| match file.parent() {
        // The name is on disk before anything is acknowledged.
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    });
    named.map_err(|error| io(error.to_string()))
}

/// redb opens nothing that it does not know, and changes nothing of it.
fn refused(file: &Path, error: DatabaseError) -> StoreError {
    let file = file.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { file, by: "another process".to_owned() },
        DatabaseError::Storage(redb::StorageError::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
            StoreError::Io { file, error: error.to_string() }
        }
        error => StoreError::Damaged { file, error: error.to_string() },
    }
}
