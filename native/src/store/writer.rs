//! The thread that writes, and its end.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, mpsc::Receiver},
    thread::{self, JoinHandle},
    time::Duration,
};

use petrel_core::persistence::{Persist, Persisted};
use redb::Database;
use tokio::sync::oneshot;

use super::{
    block_tables::BlockTables,
    budget::StoreBudget,
    error::StoreCloseError,
    layout,
    shared_database::SharedDatabase,
    tables::{BANS, BlockKey, PEERS, VALUES},
    usage::{StoreUsage, UsageCount},
    write_queue::{WriteEntry, WriteQueue, WriteRequest},
};

/// Requests in one transaction, at most.
const BATCH: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct StoreWriter {
    queue: Arc<WriteQueue>,
    /// Blocks and bytes after the last transaction.
    pub(super) usage: Arc<StoreUsage>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreCloseError>>>>,
}

impl StoreWriter {
    /// `count` is what is stored already. Without `durable` the results do not promise that anything is on disk.
    pub(super) fn start(database: Arc<SharedDatabase>, budget: StoreBudget, count: UsageCount, durable: bool) -> Self {
        let (queue, requests) = WriteQueue::new();
        let queue = Arc::new(queue);
        let done = if durable { Persisted::OnDisk } else { Persisted::NotForSure };
        let usage = Arc::new(StoreUsage::default());
        usage.set(count);
        let writer =
            WriterThread { database, queue: queue.clone(), budget, count, usage: usage.clone(), done, failed: false };
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
    /// The last transaction failed.
    failed: bool,
}

impl WriterThread {
    fn run(mut self, requests: &Receiver<WriteRequest>) -> Result<(), StoreCloseError> {
        // Changes that failed after the node stopped, whose results nobody reads.
        let mut lost = None;
        while let Ok(first) = requests.recv() {
            let batch: Vec<WriteRequest> = std::iter::once(first).chain(requests.try_iter().take(BATCH - 1)).collect();
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
        let count_before = self.count;
        let written = self.write(batch.iter().map(|(entry, _)| entry)).map_err(|error| error.to_string());
        self.failed = written.is_err();
        if self.failed {
            self.count = count_before;
        }
        self.usage.set(self.count);
        for (entry, sender) in batch {
            self.queue.done(&entry);
            let outcome = match &written {
                Ok(pruned) if entry.key().is_some_and(|key| pruned.contains(&key)) => Persisted::NotForSure,
                Ok(_) => self.done.clone(),
                Err(error) => Persisted::Failed(error.clone()),
            };
            // The requester may have stopped waiting.
            let _dropped = sender.send(outcome);
        }
        written.map(drop)
    }

    /// Writes all requests or none; the blocks that were removed for the budget.
    fn write<'a>(&mut self, batch: impl Iterator<Item = &'a WriteEntry>) -> Result<BTreeSet<BlockKey>, redb::Error> {
        if self.failed {
            self.database.reopen()?;
            // A transaction that reported an error may have been committed.
            self.count = self.database.with(layout::count_usage)?;
        }
        let database = self.database.clone();
        database.with(|open| self.write_to(open, batch))
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
            if self.budget.blocks > 0 { blocks.prune(self.budget, &mut self.count)? } else { BTreeSet::new() }
        };
        write.commit()?;
        Ok(pruned)
    }
}
