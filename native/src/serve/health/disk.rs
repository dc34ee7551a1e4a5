//! The free space of the disk that has the data directory, read by a thread of its own: a disk that hangs delays only that thread,
//! and is noticed because of it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::checks::DiskState;
use crate::system::disk_space::free_bytes;

/// Time between two readings.
const PERIOD: Duration = Duration::from_secs(15);
/// A disk that has not answered for this time counts as silent.
const SILENT: Duration = Duration::from_secs(60);

/// See the module. Its task ends when this is dropped, and after a reading that hangs.
#[derive(Debug)]
pub(super) struct DiskWatcher(Arc<Mutex<Reading>>);

/// The last reading, and when it or the start was; `free` is `None` if the system does not tell.
#[derive(Debug)]
struct Reading {
    at: Instant,
    free: Option<u64>,
}

impl DiskWatcher {
    pub(super) fn start(datadir: PathBuf) -> Self {
        let last = Arc::new(Mutex::new(Reading { at: Instant::now(), free: None }));
        let (watched, datadir) = (Arc::downgrade(&last), Arc::new(datadir));
        tokio::spawn(async move {
            loop {
                let datadir = datadir.clone();
                let Ok(free) = tokio::task::spawn_blocking(move || free_bytes(&datadir)).await else { return };
                let Some(last) = watched.upgrade() else { return };
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Reading { at: Instant::now(), free };
                drop(last);
                tokio::time::sleep(PERIOD).await;
            }
        });
        Self(last)
    }

    pub(super) fn state(&self) -> DiskState {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (last.at.elapsed(), last.free) {
            (silence, _) if silence > SILENT => DiskState::Silent(silence),
            (_, Some(free)) => DiskState::Free(free),
            (_, None) => DiskState::Unknown,
        }
    }
}
