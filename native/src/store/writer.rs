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
    Budget,
    block_tables::{Blocks, Held, Holdings},
    database::Shelf,
    layout::{self, BANS, Key, NOTES, PEERS},
};

/// Bytes that may wait for the disk; what comes beyond them is not kept, and that is said.
const WAITING: usize = 256 << 20;
/// Things that go into one transaction.
const BATCH: usize = 1024;

/// Something to write.
#[derive(Debug)]
pub(super) enum Entry {
    /// What the node wants kept.
    Node(Persist),
    /// A small thing of the daemon's by name; it replaces what had the name.
    Note(&'static str, Vec<u8>),
}

/// What to write, and whom to tell.
type Wish = (Entry, oneshot::Sender<Persisted>);

/// See the module.
#[derive(Debug)]
pub(super) struct Writer {
    wishes: Mutex<Option<Sender<Wish>>>,
    waiting: Arc<AtomicUsize>,
    /// What is there, after the last transaction.
    pub(super) holdings: Arc<Holdings>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// `held` is what is there already. Where nothing is on disk, nothing is promised to be.
    pub(super) fn start(shelf: Arc<Shelf>, budget: Budget, held: Held, durable: bool) -> Self {
        let (wishes, waiting_wishes) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let done = if durable { Persisted::OnDisk } else { Persisted::NotForSure };
        let holdings = Arc::new(Holdings::default());
        holdings.set(held);
        let pen = Pen { shelf, budget, held, holdings: holdings.clone(), done, failed: false };
        let counter = waiting.clone();
        let thread = thread::spawn(move || pen.run(&waiting_wishes, &counter));
        Self { wishes: Mutex::new(Some(wishes)), waiting, holdings, thread: Mutex::new(Some(thread)) }
    }

    pub(super) fn write(&self, entry: Entry) -> oneshot::Receiver<Persisted> {
        let (tell, told) = oneshot::channel();
        let bytes = entry.size();
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes > WAITING {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            let _gone = tell.send(Persisted::Failed("the disk is too slow: too much waits for it".to_owned()));
            return told;
        }
        if let Some(wishes) = &*self.wishes.lock().unwrap_or_else(PoisonError::into_inner) {
            // A writer that is gone drops the other end, which is an answer too.
            let _gone = wishes.send((entry, tell));
        }
        told
    }
}

/// The thread writes what waits, and ends.
impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.wishes.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _panicked = thread.join();
        }
    }
}

impl Entry {
    fn size(&self) -> usize {
        match self {
            Self::Node(Persist::Block(block)) => block.bytes,
            Self::Node(Persist::Head(_) | Persist::Peer(..) | Persist::Ban(..)) => 0,
            Self::Note(_, value) => value.len(),
        }
    }

    /// Of a block.
    fn key(&self) -> Option<Key> {
        match self {
            Self::Node(Persist::Block(block)) => Some((block.payload.number(), block.hash.0)),
            _ => None,
        }
    }
}

/// What the thread has.
struct Pen {
    shelf: Arc<Shelf>,
    budget: Budget,
    held: Held,
    holdings: Arc<Holdings>,
    /// What a transaction that was committed is worth.
    done: Persisted,
    /// The last transaction failed.
    failed: bool,
}

impl Pen {
    fn run(mut self, wishes: &Receiver<Wish>, waiting: &AtomicUsize) {
        while let Ok(first) = wishes.recv() {
            let batch: Vec<Wish> = std::iter::once(first).chain(wishes.try_iter().take(BATCH - 1)).collect();
            let held = self.held;
            let written = self.write(batch.iter().map(|(entry, _)| entry));
            self.failed = written.is_err();
            if self.failed {
                self.held = held;
            }
            self.holdings.set(self.held);
            for (entry, tell) in batch {
                waiting.fetch_sub(entry.size(), Ordering::Relaxed);
                let kept = match &written {
                    Ok(pruned) if entry.key().is_some_and(|key| pruned.contains(&key)) => Persisted::NotForSure,
                    Ok(_) => self.done.clone(),
                    Err(error) => Persisted::Failed(error.to_string()),
                };
                // Whoever asked may be gone.
                let _gone = tell.send(kept);
            }
        }
    }

    /// All of it, or nothing; which blocks were removed for it.
    fn write<'a>(&mut self, batch: impl Iterator<Item = &'a Entry>) -> Result<BTreeSet<Key>, redb::Error> {
        if self.failed {
            self.shelf.reopen()?;
            // What was thought lost may have been committed.
            self.held = self.shelf.with(layout::held)?;
        }
        let shelf = self.shelf.clone();
        shelf.with(|database| self.write_to(database, batch))
    }

    fn write_to<'a>(
        &mut self,
        database: &Database,
        batch: impl Iterator<Item = &'a Entry>,
    ) -> Result<BTreeSet<Key>, redb::Error> {
        let write = database.begin_write()?;
        let pruned = {
            let (mut blocks, mut notes) = (Blocks::open(&write)?, write.open_table(NOTES)?);
            let (mut peers, mut bans) = (write.open_table(PEERS)?, write.open_table(BANS)?);
            for entry in batch {
                match entry {
                    Entry::Node(Persist::Block(block)) => blocks.put(block, &mut self.held)?,
                    Entry::Node(Persist::Head(link)) => blocks.lead(*link)?,
                    Entry::Node(Persist::Peer(peer, record)) => {
                        layout::put(&mut peers, peer.as_bytes(), record.as_ref())?
                    }
                    Entry::Node(Persist::Ban(subject, ban)) => {
                        layout::put(&mut bans, subject.to_string().as_str(), ban.as_ref())?
                    }
                    Entry::Note(name, value) => _ = notes.insert(*name, value.as_slice())?,
                }
            }
            if self.budget.blocks > 0 { blocks.prune(self.budget, &mut self.held)? } else { BTreeSet::new() }
        };
        write.commit()?;
        Ok(pruned)
    }
}
