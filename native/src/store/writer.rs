//! The thread that writes, and its end.
//!
//! A full disk is noticed before anything is written, so that the database stays open and serves. After another error it is opened
//! again at once, and writing is tried again as [`Retry`] says; meanwhile changes fail with the last error, and the disk is left alone.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, mpsc::Receiver},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use petrel_core::persistence::{Persist, Persisted};
use redb::Database;
use tokio::sync::oneshot;

use super::{
    block_tables::BlockTables,
    budget::StoreBudget,
    error::StoreCloseError,
    layout,
    retry::Retry,
    shared_database::SharedDatabase,
    tables::{BANS, BlockKey, PEERS, VALUES},
    usage::{StoreUsage, UsageCount},
    write_queue::{WriteEntry, WriteQueue, WriteRequest},
};

/// Requests in one transaction, at most, and their bytes, which the last one may exceed.
const BATCH: usize = 1024;
const BATCH_BYTES: usize = 16 << 20;
/// Bytes that must be free on the disk for a transaction: this, [`CHANGE`] for each request, and twice the bytes of its blocks, which
/// redb rounds up to a power of two of pages.
const RESERVE: u64 = 256 << 10;
const CHANGE: u64 = 8 << 10;

/// See the module.
#[derive(Debug)]
pub(super) struct StoreWriter {
    queue: Arc<WriteQueue>,
    /// Blocks and bytes after the last transaction.
    pub(super) usage: Arc<StoreUsage>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreCloseError>>>>,
}

impl StoreWriter {
    /// `count` is what is stored already. Without `durable` the results do not say that anything is on disk.
    pub(super) fn start(database: Arc<SharedDatabase>, budget: StoreBudget, count: UsageCount, durable: bool) -> Self {
        let (queue, requests) = WriteQueue::new();
        let queue = Arc::new(queue);
        let done = if durable { Persisted::OnDisk } else { Persisted::Unconfirmed };
        let usage = Arc::new(StoreUsage::default());
        usage.set(count, database.file_bytes());
        let writer =
            WriterThread { database, queue: queue.clone(), budget, count, usage: usage.clone(), done, retry: None };
        let thread = thread::spawn(move || writer.run(&requests));
        Self { queue, usage, thread: Mutex::new(Some(thread)) }
    }

    pub(super) fn write(&self, entry: WriteEntry) -> oneshot::Receiver<Persisted> {
        self.queue.push(entry)
    }

    /// Writes what waits and closes the database, or gives up after this time. A second call does nothing.
    pub(super) async fn close(&self, timeout: Duration) -> Result<(), StoreCloseError> {
        self.queue.close();
        let Some(thread) = self.take_thread() else { return Ok(()) };
        let ended = tokio::task::spawn_blocking(move || join(thread));
        match tokio::time::timeout(timeout, ended).await {
            Ok(Ok(closed)) => closed,
            Ok(Err(panic)) => Err(StoreCloseError::Unclean(panic.to_string())),
            Err(_) => Err(StoreCloseError::TimedOut { changes: self.queue.waiting(), waited: timeout }),
        }
    }

    fn take_thread(&self) -> Option<JoinHandle<Result<(), StoreCloseError>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The thread writes what waits, closes the database, and ends.
impl Drop for StoreWriter {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(Err(error)) = self.take_thread().map(join) {
            tracing::error!(%error, "the store");
        }
    }
}

fn join(thread: JoinHandle<Result<(), StoreCloseError>>) -> Result<(), StoreCloseError> {
    thread.join().unwrap_or_else(|_| Err(StoreCloseError::Unclean("its thread panicked".to_owned())))
}

/// The state of the thread.
struct WriterThread {
    database: Arc<SharedDatabase>,
    queue: Arc<WriteQueue>,
    budget: StoreBudget,
    count: UsageCount,
    usage: Arc<StoreUsage>,
    /// The result of a committed transaction.
    done: Persisted,
    /// After a transaction that failed: when the next one is tried.
    retry: Option<Retry>,
}

impl WriterThread {
    fn run(mut self, requests: &Receiver<WriteRequest>) -> Result<(), StoreCloseError> {
        // Changes that failed after the node stopped, whose results nobody reads.
        let mut lost = None;
        while let Ok(first) = requests.recv() {
            let batch = take_batch(first, requests);
            let changes = batch.len();
            if let (Err(error), true) = (self.write_batch(batch), self.queue.is_closed()) {
                let (before, _) = lost.take().unwrap_or_default();
                lost = Some((before + changes, error));
            }
        }
        let closed = self.database.close();
        match (lost, closed) {
            (Some((changes, error)), _) => Err(StoreCloseError::Lost { changes, error }),
            (None, Err(error)) => Err(StoreCloseError::Unclean(error.to_string())),
            (None, Ok(())) => Ok(()),
        }
    }

    /// Writes all requests or none, and sends the results.
    fn write_batch(&mut self, batch: Vec<WriteRequest>) -> Result<(), String> {
        let written = self.write(&batch);
        self.usage.set(self.count, self.database.file_bytes());
        for (entry, sender) in batch {
            self.queue.done(&entry);
            let outcome = match &written {
                Ok(pruned) if entry.key().is_some_and(|key| pruned.contains(&key)) => Persisted::Unconfirmed,
                Ok(_) => self.done.clone(),
                Err(error) => Persisted::Failed(error.clone()),
            };
            // The requester may have stopped waiting.
            let _dropped = sender.send(outcome);
        }
        written.map(drop)
    }

    /// Writes all requests or none; the blocks that were removed for the budget.
    fn write(&mut self, batch: &[WriteRequest]) -> Result<BTreeSet<BlockKey>, String> {
        // At the end each change gets its last chance.
        if let Some(retry) =
            self.retry.as_ref().filter(|retry| !retry.is_due(Instant::now()) && !self.queue.is_closed())
        {
            return Err(retry.error.clone());
        }
        self.check_room(batch)?;
        let count_before = self.count;
        let begin = Instant::now();
        let written = self.try_write(batch.iter().map(|(entry, _)| entry));
        match written {
            Ok(pruned) => {
                self.retry = None;
                Ok(pruned)
            }
            Err(error) => {
                self.count = count_before;
                let error = error.to_string();
                // Reads go on, if the disk lets them.
                if self.database.is_open()
                    && let Err(error) = self.reopen()
                {
                    tracing::debug!(%error, "the store cannot be opened again");
                }
                self.retry = Some(Retry::after(self.retry.as_ref(), error.clone(), begin.elapsed(), Instant::now()));
                Err(error)
            }
        }
    }

    /// Whether the disk has room for these requests. redb does not use a database any more after a write that found none.
    fn check_room(&self, batch: &[WriteRequest]) -> Result<(), String> {
        let Some(free) = self.database.free_bytes() else { return Ok(()) };
        let bytes = |entry: &WriteEntry| match entry {
            WriteEntry::Node(Persist::Block(block)) => 2 * block.bytes as u64,
            entry => entry.size() as u64,
        };
        let needed =
            batch.iter().fold(RESERVE, |sum, (entry, _)| sum.saturating_add(CHANGE).saturating_add(bytes(entry)));
        if free < needed {
            return Err(format!("the disk is full: {free} bytes are free, and {needed} are needed"));
        }
        Ok(())
    }

    fn try_write<'a>(
        &mut self,
        batch: impl Iterator<Item = &'a WriteEntry>,
    ) -> Result<BTreeSet<BlockKey>, redb::Error> {
        if !self.database.is_open() {
            self.reopen()?;
        }
        let database = self.database.clone();
        database.with(|open| self.write_to(open, batch))
    }

    /// Opens the database again after an error.
    fn reopen(&mut self) -> Result<(), redb::Error> {
        self.database.reopen()?;
        // A transaction that reported an error may have been committed.
        self.count = self.database.with(layout::count_usage)?;
        Ok(())
    }

    fn write_to<'a>(
        &mut self,
        database: &Database,
        batch: impl Iterator<Item = &'a WriteEntry>,
    ) -> Result<BTreeSet<BlockKey>, redb::Error> {
        let write = database.begin_write()?;
        let pruned = {
            let (mut blocks, mut values) = (BlockTables::open(&write)?, write.open_table(VALUES)?);
            let (mut peers, mut bans) = (write.open_table(PEERS)?, write.open_table(BANS)?);
            for entry in batch {
                match entry {
                    WriteEntry::Node(Persist::Block(block)) => blocks.put(block, &mut self.count)?,
                    WriteEntry::Node(Persist::Head(link)) => blocks.set_head(*link)?,
                    WriteEntry::Node(Persist::Peer(peer, record)) => {
                        layout::put(&mut peers, peer.as_bytes(), record.as_ref())?
                    }
                    WriteEntry::Node(Persist::Ban(subject, ban)) => {
                        layout::put(&mut bans, subject.to_string().as_str(), ban.as_ref())?
                    }
                    WriteEntry::Value(name, value) => _ = values.insert(*name, value.as_slice())?,
                }
            }
            if self.budget.blocks > 0 {
                blocks.prune(self.budget, &mut self.count, usize::MAX)?
            } else {
                BTreeSet::new()
            }
        };
        write.commit()?;
        Ok(pruned)
    }
}

/// The requests of one transaction, of those that wait.
fn take_batch(first: WriteRequest, requests: &Receiver<WriteRequest>) -> Vec<WriteRequest> {
    let mut bytes = first.0.size();
    let mut batch = vec![first];
    while batch.len() < BATCH
        && bytes < BATCH_BYTES
        && let Ok(next) = requests.try_recv()
    {
        bytes = bytes.saturating_add(next.0.size());
        batch.push(next);
    }
    batch
}
