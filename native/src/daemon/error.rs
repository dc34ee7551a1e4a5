//! Why a daemon or a devnet does not start, or stops by itself.

use std::io;

use crate::{
    identity::IdentityError,
    network::driver::DriverError,
    signer::{L1Error, SignerStoreError},
    store::StoreError,
};

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The key cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The network cannot be used.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Opening the store panicked: a defect.
    #[error("opening the store panicked: {0}. Please report this defect")]
    StorePanicked(String),
    /// The stored signer cannot be used.
    #[error(transparent)]
    SignerStore(#[from] SignerStoreError),
    /// L1 is not the rollup's.
    #[error("--l1: {0}")]
    L1(#[from] L1Error),
    /// Discovery cannot start.
    #[error("{0}")]
    Discovery(String),
    /// The followers of a devnet have different heads at its end.
    #[error("the followers have different heads: {0}")]
    HeadsDiffer(String),
    /// Two metrics have one name: a defect.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The page, the metrics or the data directory cannot be set up.
    #[error("{what}: {error}")]
    Io {
        /// The action that failed.
        what: String,
        /// The system's error.
        error: io::Error,
    },
}

impl DaemonError {
    /// For `map_err`: an I/O error with the action that failed.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }
}
