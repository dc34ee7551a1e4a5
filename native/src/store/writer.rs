//! The thread that writes.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use petrel_core::persistence::{Persist, Persisted};
use redb::Database;
use tokio::sync::oneshot;

use super::{
    block_tables::BlockTables,
    budget::StoreBudget,
    database::SharedDatabase,
    layout,
    tables::{BANS, BlockKey, PEERS, VALUES},
    usage::{StoreUsage, UsageCount},
};

/// Bytes that may wait for the disk; requests beyond them fail.
const WAITING: usize = 256 << 20;
/// Requests in one transaction, at most.
const BATCH: usize = 1024;

/// Something to write.
#[derive(Debug)]
pub(super) enum WriteEntry {
    /// A request of the node.
    Node(Persist),
    /// A small value of the daemon, by name; it replaces the previous one.
    Value(&'static str, Vec<u8>),
}

/// What to write, and where the result goes.
type WriteRequest = (WriteEntry, oneshot::Sender<Persisted>);

/// See the module.
#[derive(Debug)]
pub(super) struct StoreWriter {
    requests: Mutex<Option<Sender<WriteRequest>>>,
    waiting: Arc<AtomicUsize>,
    /// Blocks and bytes after the last transaction.
    pub(super) usage: Arc<StoreUsage>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl StoreWriter {
    /// `count` is what is stored already. Without `durable` the results do not say that anything is on disk.
    pub(super) fn start(database: Arc<SharedDatabase>, budget: StoreBudget, count: UsageCount, durable: bool) -> Self {
        let (requests, waiting_requests) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let done = if durable { Persisted::OnDisk } else { Persisted::Unconfirmed };
        let usage = Arc::new(StoreUsage::default());
        usage.set(count);
        let writer = WriterThread { database, budget, count, usage: usage.clone(), done, failed: false };
        let counter = waiting.clone();
        let thread = thread::spawn(move || writer.run(&waiting_requests, &counter));
        Self { requests: Mutex::new(Some(requests)), waiting, usage, thread: Mutex::new(Some(thread)) }
    }

    pub(super) fn write(&self, entry: WriteEntry) -> oneshot::Receiver<Persisted> {
        let (sender, result) = oneshot::channel();
        let bytes = entry.size();
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes > WAITING {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            let _dropped =
                sender.send(Persisted::Failed("the disk is too slow: too many bytes wait for it".to_owned()));
            return result;
        }
        if let Some(requests) = &*self.requests.lock().unwrap_or_else(PoisonError::into_inner) {
            // If the thread has ended, the result's sender is dropped, which is a result too.
            let _dropped = requests.send((entry, sender));
        }
        result
    }
}

/// The thread writes the waiting requests, and ends.
impl Drop for StoreWriter {
    fn drop(&mut self) {
        drop(self.requests.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _panicked = thread.join();
        }
    }
}

impl WriteEntry {
    fn size(&self) -> usize {
        match self {
            Self::Node(Persist::Block(block)) => block.bytes,
            Self::Node(Persist::Head(_) | Persist::Peer(..) | Persist::Ban(..)) => 0,
            Self::Value(_, value) => value.len(),
        }
    }

    /// The key of a block.
    fn key(&self) -> Option<BlockKey> {
        match self {
            Self::Node(Persist::Block(block)) => Some((block.payload.number(), block.hash.0)),
            _ => None,
        }
    }
}

/// The state of the thread.
struct WriterThread {
    database: Arc<SharedDatabase>,
    budget: StoreBudget,
    count: UsageCount,
    usage: Arc<StoreUsage>,
    /// The result of a committed transaction.
    done: Persisted,
    /// The last transaction failed.
    failed: bool,
}

impl WriterThread {
    fn run(mut self, requests: &Receiver<WriteRequest>, waiting: &AtomicUsize) {
        while let Ok(first) = requests.recv() {
            let batch: Vec<WriteRequest> = std::iter::once(first).chain(requests.try_iter().take(BATCH - 1)).collect();
            let count_before = self.count;
            let written = self.write(batch.iter().map(|(entry, _)| entry));
            self.failed = written.is_err();
            if self.failed {
                self.count = count_before;
            }
            self.usage.set(self.count);
            for (entry, sender) in batch {
                waiting.fetch_sub(entry.size(), Ordering::Relaxed);
                let outcome = match &written {
                    Ok(pruned) if entry.key().is_some_and(|key| pruned.contains(&key)) => Persisted::Unconfirmed,
                    Ok(_) => self.done.clone(),
                    Err(error) => Persisted::Failed(error.to_string()),
                };
                // The requester may have stopped waiting.
                let _dropped = sender.send(outcome);
            }
        }
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
