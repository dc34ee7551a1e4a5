//! Why the store cannot be opened (exit status 2), or closed.

use std::{path::PathBuf, time::Duration};

use alloy_primitives::B256;

use super::tables::LAYOUT;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system's error.
    #[error("{}: {error}", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's error.
        error: String,
    },
    /// The file is damaged, or not a store.
    #[error("{}: damaged, or not a store of petrel's: {error}; it was not changed: move it away to start with a new one", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// A later version wrote it.
    #[error("{}: written by a later version (layout {layout}, this one knows {LAYOUT}); use that version, or another --datadir", .file.display())]
    Later {
        /// The file.
        file: PathBuf,
        /// Its layout.
        layout: u64,
    },
    /// An earlier version wrote it, and it is not migrated yet.
    #[error("{}: written by an earlier version (layout {layout}); start `petrel node` with this --datadir once to migrate it", .file.display())]
    Earlier {
        /// The file.
        file: PathBuf,
        /// Its layout.
        layout: u64,
    },
    /// It belongs to another chain.
    #[error("{}: holds blocks of chain {found}, not of {wanted}; give each chain a --datadir of its own", .file.display())]
    OtherChain {
        /// The file.
        file: PathBuf,
        /// Its chain.
        found: u64,
        /// Ours.
        wanted: u64,
    },
    /// It belongs to a chain with the same id and another first block.
    #[error("{}: holds blocks of a chain with the same id and another genesis, {found}, not {wanted}; move it away, or give each chain a --datadir of its own", .file.display())]
    OtherGenesis {
        /// The file.
        file: PathBuf,
        /// Its chain's first block.
        found: B256,
        /// Ours.
        wanted: B256,
    },
    /// Opening was interrupted.
    #[error("{}: opening was interrupted; nothing is lost", .file.display())]
    Interrupted {
        /// The file.
        file: PathBuf,
    },
    /// It does not exist.
    #[error("{}: there is no store; `petrel node` with this --datadir creates it", .file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// Another process uses it.
    #[error("{}: in use by {by}: give this one its own --datadir", .file.display())]
    InUse {
        /// The file.
        file: PathBuf,
        /// Which process.
        by: String,
    },
}

/// What a store could not do when it was closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreCloseError {
    /// The last changes could not be written.
    #[error("the last {changes} changes could not be written to the store and are lost: {error}")]
    Lost {
        /// Their number.
        changes: usize,
        /// The error of the disk.
        error: String,
    },
    /// The disk did not answer in time.
    #[error("the disk did not take the last {changes} changes of the store in {} s: they may be lost", .waited.as_secs_f32())]
    TimedOut {
        /// The number of changes that were not acknowledged.
        changes: usize,
        /// How long was waited.
        waited: Duration,
    },
    /// All changes are on disk, but the database could not be closed.
    #[error("the store could not be closed, so the next start repairs it; nothing is lost: {0}")]
    Unclean(String),
}
