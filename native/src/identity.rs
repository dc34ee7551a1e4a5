//! The node's identity: a secp256k1 key, and with it the peer id.
//!
//! As in op-node: 64 hex digits in a file, `0x` and white space allowed, created with mode 0600 when missing. The file
//! is created completely or not at all, and is on disk before it is used. A lock beside it shows a second process that the key is
//! in use. The key never appears in an error, a log or `Debug`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use libp2p::identity::{Keypair, secp256k1};
use zeroize::Zeroizing;

use crate::{
    secret::SecretText,
    system::{
        file_lock::{FileLock, FileLockError},
        private_files,
    },
};

/// Why there is no identity. Exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Not a key.
    #[error("{0} is not a secp256k1 key: expected 64 hex digits, not zero and below the curve's order")]
    NotAKey(String),
    /// The file cannot be read or created.
    #[error("cannot {what} the key file {}: {error}", .file.display())]
    File {
        /// The action that failed.
        what: &'static str,
        /// Which file.
        file: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// Another process uses this key.
    #[error("the key {} is in use by {by}: two nodes with one key lose their peers to each other; give this one its own --datadir or --p2p.priv.path", .file.display())]
    InUse {
        /// Which file.
        file: PathBuf,
        /// Which process.
        by: String,
    },
}

/// A key, and the lock on its file, which keeps other processes of this machine from using it.
pub struct Identity {
    /// The key.
    pub keypair: Keypair,
    _lock: Option<FileLock>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.keypair.public().to_peer_id())
    }
}

impl Identity {
    /// A new key that is not stored.
    pub fn generate() -> Self {
        Self { keypair: Keypair::generate_secp256k1(), _lock: None }
    }

    /// Locks and reads the key, creating its file when missing.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn open(source: &IdentitySource) -> Result<Self, IdentityError> {
        match source {
            IdentitySource::Raw(hex) => Ok(Self { keypair: parse(hex.reveal(), raw_flag)?, _lock: None }),
            IdentitySource::File(file) => {
                if let Some(folder) = file.parent() {
                    private_files::create_directory(folder)
                        .map_err(|error| failed("create the directory of", file, error))?;
                }
                let lock = FileLock::take(file).map_err(|error| match error {
                    FileLockError::InUse { by } => IdentityError::InUse { file: file.clone(), by },
                    FileLockError::Io(error) => failed("lock", file, error),
                })?;
                let keypair = match read(file) {
                    Err(IdentityError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => create(file)?,
                    read => read?,
                };
                Ok(Self { keypair, _lock: Some(lock) })
            }
        }
    }
}

/// Where a node's key comes from.
#[derive(Clone, Debug)]
pub enum IdentitySource {
    /// A hex file, created when missing.
    File(PathBuf),
    /// The key itself, in hex.
    Raw(SecretText),
}

impl IdentitySource {
    /// The error in the given key, if it has one; nothing is created or locked. A missing file is no error: it is created later.
    pub(crate) fn check(&self) -> Option<IdentityError> {
        match self {
            Self::Raw(hex) => parse(hex.reveal(), raw_flag).err(),
            Self::File(file) if file.exists() => read(file).err(),
            Self::File(_) => None,
        }
    }
}

/// The name of the key that is given as a flag, for errors.
fn raw_flag() -> String {
    "--p2p.priv.raw".to_owned()
}

/// Reads a key file.
///
/// # Errors
/// It cannot be read, or holds no key.
pub fn read(file: &Path) -> Result<Keypair, IdentityError> {
    let hex = fs::read_to_string(file).map(Zeroizing::new).map_err(|error| failed("read", file, error))?;
    parse(&hex, || format!("the content of {}", file.display()))
}

/// Creates a key file with a new key; an existing file is an error.
///
/// # Errors
/// The file exists, or cannot be created.
pub fn create(file: &Path) -> Result<Keypair, IdentityError> {
    let secret = secp256k1::Keypair::generate();
    let bytes = Zeroizing::new(secret.secret().to_bytes());
    let hex = Zeroizing::new(alloy_primitives::hex::encode(bytes.as_slice()) + "\n");
    write_once(file, hex.as_bytes()).map_err(|error| failed("create", file, error))?;
    Ok(secret.into())
}

/// Creates the file with its whole content or not at all, readable by its owner only, never replacing another file. The draft has a
/// random name, and must not exist: a link that another user has put there would write the key to another place.
fn write_once(file: &Path, content: &[u8]) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let suffix = alloy_primitives::hex::encode(random_seed().get(..8).unwrap_or_default());
    let draft = folder.join(format!(".{name}.{suffix}"));
    let mut open = create_draft(&draft)?;
    let written = open.write_all(content).and_then(|()| open.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&draft, file));
    let removed = fs::remove_file(&draft);
    linked.and(removed)?;
    File::open(folder)?.sync_all()
}

/// Opens a new file of mode 0600; a file or a link of this name is an error.
fn create_draft(draft: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)
}

/// 32 random bytes, from the generator that makes libp2p's keys.
pub(crate) fn random_seed() -> [u8; 32] {
    secp256k1::Keypair::generate().secret().to_bytes()
}

fn parse(hex: &str, name: impl Fn() -> String) -> Result<Keypair, IdentityError> {
    let mut secret = Zeroizing::new([0_u8; 32]);
    alloy_primitives::hex::decode_to_slice(hex.trim(), secret.as_mut_slice())
        .ok()
        .and_then(|()| secp256k1::SecretKey::try_from_bytes(secret.as_mut_slice()).ok())
        .map(|secret| secp256k1::Keypair::from(secret).into())
        .ok_or_else(|| IdentityError::NotAKey(name()))
}

fn failed(what: &'static str, file: &Path, error: io::Error) -> IdentityError {
    IdentityError::File { what, file: file.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_draft_is_never_written_through_a_link_that_was_put_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let (draft, target) = (folder.path().join("draft"), folder.path().join("target"));
        symlink(&target, &draft).unwrap();
        assert_eq!(create_draft(&draft).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!target.exists());
    }
}
