//! The files of a daemon: its key and its store. Opening a store that a crash left may take minutes; its progress is logged, and a
//! signal ends it.

use std::time::Duration;

use petrel_core::persistence::RestoredState;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::error::DaemonError;
use crate::{
    cli::settings::NodeSettings,
    identity::Identity,
    store::{OpenProgress, RepairProgress, Store, StoreError, StoreSource},
    system::private_files,
};

/// Time between two lines about a repair.
const REPORT: Duration = Duration::from_secs(2);
/// How long an interrupted repair may take to end: it ends with its next read.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct DaemonFiles {
    pub(super) identity: Identity,
    pub(super) store: Store,
    pub(super) memory: RestoredState,
}

impl DaemonFiles {
    /// Opens them; `None` when `stop` has completed meanwhile.
    ///
    /// # Errors
    /// The data directory, the key or the store cannot be used.
    pub(super) async fn open(
        settings: &NodeSettings,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<Self>, DaemonError> {
        let failed = format!("--datadir {} cannot be created or is no directory", settings.datadir.display());
        private_files::create_directory(&settings.datadir).map_err(DaemonError::io(failed))?;
        let identity = Identity::open(&settings.identity)?;
        let source = StoreSource::new(&settings.datadir, &settings.config.chain, settings.budget);
        let opened = open_store(source, stop).await?;
        Ok(opened.map(|(store, memory)| Self { identity, store, memory }))
    }
}

/// Opens the store on another thread; `None` when `stop` has completed meanwhile.
async fn open_store(
    source: StoreSource,
    stop: impl Future<Output = ()>,
) -> Result<Option<(Store, RestoredState)>, DaemonError> {
    let mut stop = std::pin::pin!(stop);
    let progress = source.progress.clone();
    let mut opening = tokio::task::spawn_blocking(move || Store::open_from(source));
    let mut reports = interval(REPORT);
    reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            opened = &mut opening => {
                let opened = opened.map_err(|panic| DaemonError::StorePanicked(panic.to_string()))??;
                if progress.was_repaired() {
                    tracing::warn!("the store was not closed by the last run; it is repaired, and what was acknowledged is there");
                }
                return Ok(Some(opened));
            }
            _ = reports.tick() => log_repair(&progress),
            () = &mut stop => break,
        }
    }
    progress.interrupt();
    match timeout(INTERRUPT_TIMEOUT, opening).await {
        // It was open already.
        Ok(Ok(Ok((store, _)))) => _ = store.close(INTERRUPT_TIMEOUT).await,
        Ok(Ok(Err(StoreError::Interrupted { .. }))) => {
            tracing::info!("stopped; the next start repairs the store from the beginning");
        }
        _ => tracing::info!("stopped"),
    }
    Ok(None)
}

fn log_repair(progress: &OpenProgress) {
    if let Some(RepairProgress { looked_at, file }) = progress.repair() {
        tracing::warn!(
            looked_at,
            file,
            "the store was not closed by the last run and is being repaired: each block of 4 KiB of the file is looked at, up to three times"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File, OpenOptions},
        io,
        os::unix::fs::FileExt,
        path::Path,
        sync::Arc,
        thread,
        time::Duration,
    };

    use petrel_core::{chain::Chain, persistence::Persisted};

    use super::open_store;
    use crate::store::{Store, StoreBudget, StoreDisk, StoreSource};

    /// A disk whose reads take long.
    #[derive(Debug)]
    struct SlowDisk;

    #[derive(Debug)]
    struct SlowFile(File);

    impl StoreDisk for SlowDisk {
        fn open(&self, file: &Path, _: bool) -> io::Result<Box<dyn redb::StorageBackend>> {
            Ok(Box::new(SlowFile(OpenOptions::new().read(true).write(true).open(file)?)))
        }

        fn free_bytes(&self, _: &Path) -> Option<u64> {
            None
        }
    }

    impl redb::StorageBackend for SlowFile {
        fn len(&self) -> io::Result<u64> {
            Ok(self.0.metadata()?.len())
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            thread::sleep(Duration::from_millis(20));
            self.0.read_exact_at(out, offset)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.0.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.0.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.0.write_all_at(data, offset)
        }
    }

    #[tokio::test]
    async fn a_repair_is_seen_and_interrupted_and_done_by_the_next_start() {
        let (first, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let chain = Chain::preset("op-mainnet").unwrap();
        let (store, _) = Store::open(first.path(), &chain, StoreBudget::default()).unwrap();
        // A tree of some depth.
        for name in ["a", "b", "c"] {
            assert_eq!(store.persist_value(name, vec![7; 100_000]).await.unwrap(), Persisted::OnDisk);
        }
        // The file as a crash leaves it.
        fs::copy(first.path().join("petrel.redb"), crashed.path().join("petrel.redb")).unwrap();
        let source = StoreSource::new(crashed.path(), &chain, StoreBudget::default());
        let slow = StoreSource { disk: Arc::new(SlowDisk), ..source.clone() };
        let progress = slow.progress.clone();
        let stop = async {
            while progress.repair().is_none_or(|repair| repair.looked_at == 0) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert!(open_store(slow, stop).await.unwrap().is_none(), "it was opened before it could be interrupted");
        let source = StoreSource::new(crashed.path(), &chain, StoreBudget::default());
        let progress = source.progress.clone();
        let (store, _) = open_store(source, std::future::pending()).await.unwrap().unwrap();
        assert!(progress.was_repaired() && progress.repair().is_none());
        assert_eq!(store.value("c").unwrap(), Some(vec![7; 100_000]));
    }
}
