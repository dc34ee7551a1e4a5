//! What the last reading was, in `signer.json` in the data directory: written before it is believed, replaced as a whole.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::Address;
use petrel_core::{gossip::GRACE, node::SignerNews};
use serde::{Deserialize, Serialize};

use super::Reading;

const FILE: &str = "signer.json";
/// Bytes of the file at most: it has some 400.
const MAX: u64 = 64 << 10;
/// The file's layout.
const LAYOUT: u32 = 1;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The system refuses.
    #[error("{file}: {error}", file = .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Not our file, or damaged.
    #[error("{file}: not a kept signer: {error}; remove the file to read the signer from L1 anew", file = .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// Written by a later version.
    #[error("{file}: written by a later version (layout {layout}, this one knows {LAYOUT})", file = .file.display())]
    Later {
        /// The file.
        file: PathBuf,
        /// Its layout.
        layout: u32,
    },
}

/// What was read last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    layout: u32,
    /// The L2 chain.
    chain: u64,
    /// Where it was read.
    system_config: Address,
    /// The signer; `None` when the slot was zero.
    pub signer: Option<Address>,
    /// The one before it, while its grace runs.
    previous: Option<Previous>,
    /// The L1 block of the reading.
    pub block: u64,
    /// When it was read, Unix seconds.
    read_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Previous {
    signer: Address,
    /// Unix seconds at which the grace ends.
    until: u64,
}

impl Kept {
    /// Seconds since the reading.
    pub fn age_secs(&self) -> u64 {
        now().saturating_sub(self.read_at)
    }

    /// The same for the node. A clock that was set back never makes a grace longer than it is.
    pub fn news(&self) -> SignerNews {
        let left = |previous: Previous| Duration::from_secs(previous.until.saturating_sub(now())).min(GRACE);
        let previous = self.previous.map(|previous| (previous.signer, left(previous)));
        SignerNews::Kept { signer: self.signer, previous: previous.filter(|(_, left)| !left.is_zero()) }
    }
}

/// The file.
#[derive(Debug)]
pub struct Keep {
    file: PathBuf,
    chain: u64,
    system_config: Address,
    kept: Option<Kept>,
}

impl Keep {
    /// Opens the file in `datadir`; what it holds of another chain or SystemConfig does not count.
    ///
    /// # Errors
    /// See [`KeepError`].
    pub fn open(datadir: &Path, chain: u64, system_config: Address) -> Result<(Self, Option<Kept>), KeepError> {
        let file = datadir.join(FILE);
        let kept = read(&file)?.filter(|kept| kept.chain == chain && kept.system_config == system_config);
        Ok((Self { file, chain, system_config, kept: kept.clone() }, kept))
    }

    /// Keeps a reading. A disk that refuses is said and does not stop the node.
    pub fn take(&mut self, reading: &Reading) {
        let before = self.kept.take();
        let previous = match &before {
            Some(kept) if kept.signer == reading.signer => kept.previous,
            Some(kept) => kept.signer.map(|signer| Previous { signer, until: now() + GRACE.as_secs() }),
            None => None,
        };
        self.kept = Some(Kept {
            layout: LAYOUT,
            chain: self.chain,
            system_config: self.system_config,
            signer: reading.signer,
            previous,
            block: reading.block,
            read_at: now(),
        });
        self.write();
    }

    /// The previous signer's grace is over.
    pub fn retired(&mut self, gone: Address) {
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.previous.is_some_and(|held| held.signer == gone)) {
            kept.previous = None;
            self.write();
        }
    }

    fn write(&self) {
        if let Some(kept) = &self.kept
            && let Err(error) = replace(&self.file, kept)
        {
            tracing::error!(file = %self.file.display(), %error, "the signer is not kept over a restart");
        }
    }
}

fn read(file: &Path) -> Result<Option<Kept>, KeepError> {
    let failed = |error| KeepError::Io { file: file.to_owned(), error };
    let damaged = |error: String| KeepError::Damaged { file: file.to_owned(), error };
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(found) if found.len() > MAX => return Err(damaged(format!("it has {} bytes", found.len()))),
        Ok(_) => {}
    }
    let text = fs::read(file).map_err(failed)?;
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    let layout = value.get("layout").and_then(serde_json::Value::as_u64).and_then(|layout| u32::try_from(layout).ok());
    match layout {
        Some(layout) if layout > LAYOUT => Err(KeepError::Later { file: file.to_owned(), layout }),
        _ => serde_json::from_value(value).map(Some).map_err(|error| damaged(error.to_string())),
    }
}

/// Writes beside it, to the disk, and then in its place: the file is the old one or the new one, whenever we are killed.
fn replace(file: &Path, kept: &Kept) -> io::Result<()> {
    let beside = file.with_extension("new");
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut out = File::create(&beside)?;
    out.write_all(&serde_json::to_vec_pretty(kept)?)?;
    out.sync_all()?;
    fs::rename(&beside, file)?;
    file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
