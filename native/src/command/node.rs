//! `petrel node`: follows a chain until a signal stops it.

use crate::{
    cli::{
        flags::NodeFlags,
        settings::{ConfigErrors, NodeSettings},
    },
    daemon::{self, DaemonError},
};

/// Resolves the flags.
///
/// # Errors
/// Every error at once.
pub fn resolve(flags: &NodeFlags) -> Result<NodeSettings, ConfigErrors> {
    NodeSettings::resolve(flags)
}

/// Runs the daemon.
///
/// # Errors
/// See [`DaemonError`].
pub async fn run(settings: NodeSettings) -> Result<(), DaemonError> {
    Box::pin(daemon::run(settings)).await
}
