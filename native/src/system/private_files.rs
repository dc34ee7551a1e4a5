//! Only the node's user has access to its files: the data directory has mode 0700 and every file in it 0600, because they contain the
//! key, the peers and the bans. The mode of an existing file is not changed, because the operator may have a reason; a warning is logged.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::Path,
};

use rustix::{fs::Mode, process::umask};

/// The bits of a mode that give others than the owner a right.
const OTHERS: u32 = 0o077;

/// Makes every file and directory that this process creates from now on private, also those of libraries.
pub(crate) fn create_privately() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Creates a directory of mode 0700, and its parents, where they are missing.
///
/// # Errors
/// The system refuses, or a file has this name.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Logs a warning for each of these files and directories that other users may use; a missing one is skipped.
pub(crate) fn warn_of_loose_modes<'a>(paths: impl IntoIterator<Item = &'a Path>) {
    for path in paths {
        let Ok(found) = fs::metadata(path) else { continue };
        let mode = found.mode() & 0o777;
        if mode & OTHERS != 0 {
            let remedy = format!("chmod {:o} {}", mode & !OTHERS, path.display());
            tracing::warn!(path = %path.display(), mode = %format!("{mode:04o}"), %remedy, "other users may use this file of the node");
        }
    }
}
