//! The node's identity: a secp256k1 key, and with it the peer id.
//!
//! As op-node keeps it: 64 hex digits in a file, `0x` and white space allowed, made with mode 0600 when missing. The file
//! appears whole or not at all, and is on disk before it is used. A lock beside it tells a second process that its key is
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
    cli::settings::IdentitySource,
    system::file_lock::{Claim, ClaimError},
};

/// Why there is no identity. Exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Not a key.
    #[error("{0} is not a secp256k1 key: expected 64 hex digits, not zero and below the curve's order")]
    NotAKey(String),
    /// The file cannot be read or made.
    #[error("cannot {what} the key file {}: {error}", .file.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another process lives with this key.
    #[error("the key {} is in use by {by}: two nodes with one key lose their peers to each other; give this one its own --datadir or --p2p.priv.path", .file.display())]
    InUse {
        /// Which file.
        file: PathBuf,
        /// Which process.
        by: String,
    },
}

/// A key, and the claim on it: other processes of this machine are kept off while it lives.
pub struct Identity {
    /// The key.
    pub keypair: Keypair,
    _claim: Option<Claim>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.keypair.public().to_peer_id())
    }
}

impl Identity {
    /// A fresh key that is kept nowhere.
    pub fn generate() -> Self {
        Self { keypair: Keypair::generate_secp256k1(), _claim: None }
    }

    /// Reads the key, making its file when missing, and claims it.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn open(source: &IdentitySource) -> Result<Self, IdentityError> {
        match source {
            IdentitySource::Raw(hex) => Ok(Self { keypair: parse(hex, raw)?, _claim: None }),
            IdentitySource::File(file) => {
                if let Some(folder) = file.parent() {
                    fs::create_dir_all(folder).map_err(|error| failed("make the folder of", file, error))?;
                }
                let claim = Claim::take(file).map_err(|error| match error {
                    ClaimError::InUse { by } => IdentityError::InUse { file: file.clone(), by },
                    ClaimError::Io(error) => failed("lock", file, error),
                })?;
                let keypair = match read(file) {
                    Err(IdentityError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => create(file)?,
                    read => read?,
                };
                Ok(Self { keypair, _claim: Some(claim) })
            }
        }
    }
}

impl IdentitySource {
    /// What is wrong with the key that is given, before anything is made or claimed; a file that is missing will be made.
    pub(crate) fn mistake(&self) -> Option<IdentityError> {
        match self {
            Self::Raw(hex) => parse(hex, raw).err(),
            Self::File(file) if file.exists() => read(file).err(),
            Self::File(_) => None,
        }
    }
}

/// How the key that is given as a flag is called.
fn raw() -> String {
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

/// Makes a key file with a fresh key; one that exists is refused.
///
/// # Errors
/// It exists, or cannot be made.
pub fn create(file: &Path) -> Result<Keypair, IdentityError> {
    let secret = secp256k1::Keypair::generate();
    let bytes = Zeroizing::new(secret.secret().to_bytes());
    let hex = Zeroizing::new(alloy_primitives::hex::encode(bytes.as_slice()) + "\n");
    write_once(file, hex.as_bytes()).map_err(|error| failed("make", file, error))?;
    Ok(secret.into())
}

/// The file appears with its whole content or not at all, readable by its owner alone, never replacing another.
fn write_once(file: &Path, content: &[u8]) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let draft = folder.join(format!(".{name}.{}", std::process::id()));
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).and_then(|mut draft| {
            draft.write_all(content)?;
            draft.sync_all()
        });
    let linked = written.and_then(|()| fs::hard_link(&draft, file));
    let removed = fs::remove_file(&draft);
    linked.and(removed)?;
    File::open(folder)?.sync_all()
}

fn parse(hex: &str, whose: impl Fn() -> String) -> Result<Keypair, IdentityError> {
    let mut secret = Zeroizing::new([0_u8; 32]);
    alloy_primitives::hex::decode_to_slice(hex.trim(), secret.as_mut_slice())
        .ok()
        .and_then(|()| secp256k1::SecretKey::try_from_bytes(secret.as_mut_slice()).ok())
        .map(|secret| secp256k1::Keypair::from(secret).into())
        .ok_or_else(|| IdentityError::NotAKey(whose()))
}

fn failed(what: &'static str, file: &Path, error: io::Error) -> IdentityError {
    IdentityError::File { what, file: file.to_owned(), error }
}
