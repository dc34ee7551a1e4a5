//! What is read again at SIGHUP: the certificate of secure WebSocket, and the log level. Bans are not: `petrel bans` changes them at
//! once.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::Notify;

use crate::cli::logging;

/// The file in the data directory that replaces `--log.level`, from the next SIGHUP on.
const LOG_LEVEL: &str = "log.level";

/// See the module.
#[derive(Debug)]
pub(super) struct Reloader {
    datadir: PathBuf,
    /// Makes the transport read the certificate's files.
    certificates: Arc<Notify>,
}

impl Reloader {
    pub(super) fn new(datadir: PathBuf, certificates: Arc<Notify>) -> Self {
        Self { datadir, certificates }
    }

    /// Reads everything again.
    pub(super) fn reload(&self) {
        let file = self.datadir.join(LOG_LEVEL);
        match logging::reload(&file) {
            Ok(level) => tracing::info!(level, "SIGHUP: the log level and the certificate are read again"),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "SIGHUP: the log level stays as it is");
            }
        }
        self.certificates.notify_one();
    }
}
