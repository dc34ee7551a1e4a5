//! `petrel store`: verifies, compacts or copies a store. A running node makes the copy itself, because it alone may open the file.

use std::{io, path::PathBuf};

use serde_json::json;

use crate::{
    cli::flags::{StoreAction, StoreFlags},
    serve::control::{self, ControlClientError, SocketRequest},
    store::{StoppedStore, StoreError},
};

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreCommandError {
    /// The store cannot be opened, or the disk refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The running node does not answer, or refuses.
    #[error(transparent)]
    Control(#[from] ControlClientError),
    /// The path of the copy is not valid.
    #[error("{}: {error}", .file.display())]
    Path {
        /// The path.
        file: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
}

/// Runs the subcommand, and prints one JSON object; false if `verify` found a fault.
///
/// # Errors
/// See [`StoreCommandError`].
pub fn run(flags: &StoreFlags) -> Result<bool, StoreCommandError> {
    match &flags.action {
        StoreAction::Verify => {
            let mut store = StoppedStore::open(&flags.datadir)?;
            let report = store.verify()?;
            println!("{}", json!({ "file": store.file(), "file_bytes": store.file_bytes(), "report": report }));
            Ok(report.faults == 0)
        }
        StoreAction::Compact => {
            let mut store = StoppedStore::open(&flags.datadir)?;
            let before = store.file_bytes();
            store.compact()?;
            println!("{}", json!({ "file": store.file(), "before_bytes": before, "file_bytes": store.file_bytes() }));
            Ok(true)
        }
        StoreAction::Export { file } => {
            // The node has another current directory.
            let file =
                std::path::absolute(file).map_err(|error| StoreCommandError::Path { file: file.clone(), error })?;
            let request = SocketRequest::Export { file: file.clone() };
            match control::request(&flags.datadir, &request)? {
                Some(response) => println!("{}", response.get("exported").unwrap_or(&response)),
                None => println!("{}", json!(StoppedStore::open(&flags.datadir)?.export(&file)?)),
            }
            Ok(true)
        }
    }
}
