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

use petrel_core::{
    block::Block,
    gossip::Verified,
    head::Link,
    node::{Keep, Kept},
};
use redb::{Database, ReadableTable, Table};
use tokio::sync::oneshot;

use super::{
    Budget,
    layout::{self, BLOCKS, CHAIN, Key, LINKS},
    shelf::Shelf,
};

/// Bytes that may wait for the disk; what comes beyond them is not kept, and that is said.
const WAITING: usize = 256 << 20;
/// Things that go into one transaction.
const BATCH: usize = 1024;

/// Something to keep, and whom to tell.
type Wish = (Keep, oneshot::Sender<Kept>);

/// See the module.
#[derive(Debug)]
pub(super) struct Writer {
    wishes: Mutex<Option<Sender<Wish>>>,
    waiting: Arc<AtomicUsize>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// `held` are the blocks and bytes that are there already.
    /// Where nothing is on disk, nothing is promised to be.
    pub(super) fn start(shelf: Arc<Shelf>, budget: Budget, held: (u64, u64), durable: bool) -> Self {
        let (wishes, waiting_wishes) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let done = if durable { Kept::OnDisk } else { Kept::NotForSure };
        let pen = Pen { shelf, budget, blocks: held.0, bytes: held.1, done, failed: false };
        let counter = waiting.clone();
        let thread = thread::spawn(move || pen.run(&waiting_wishes, &counter));
        Self { wishes: Mutex::new(Some(wishes)), waiting, thread: Mutex::new(Some(thread)) }
    }

    pub(super) fn keep(&self, keep: Keep) -> oneshot::Receiver<Kept> {
        let (tell, told) = oneshot::channel();
        let bytes = size(&keep);
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes > WAITING {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            let _gone = tell.send(Kept::Failed("the disk is too slow: too much waits for it".to_owned()));
            return told;
        }
        if let Some(wishes) = &*self.wishes.lock().unwrap_or_else(PoisonError::into_inner) {
            // A writer that is gone drops the other end, which is an answer too.
            let _gone = wishes.send((keep, tell));
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

fn size(keep: &Keep) -> usize {
    match keep {
        Keep::Block(block) => block.bytes,
        Keep::Head(_) => 0,
    }
}

/// Of a block.
fn key(keep: &Keep) -> Option<Key> {
    match keep {
        Keep::Block(block) => Some((block.payload.number(), block.hash.0)),
        Keep::Head(_) => None,
    }
}

/// What the thread has.
struct Pen {
    shelf: Arc<Shelf>,
    budget: Budget,
    blocks: u64,
    bytes: u64,
    /// What a transaction that was committed is worth.
    done: Kept,
    /// The last transaction failed.
    failed: bool,
}

impl Pen {
    fn run(mut self, wishes: &Receiver<Wish>, waiting: &AtomicUsize) {
        while let Ok(first) = wishes.recv() {
            let batch: Vec<Wish> = std::iter::once(first).chain(wishes.try_iter().take(BATCH - 1)).collect();
            let held = (self.blocks, self.bytes);
            let written = self.write(batch.iter().map(|(keep, _)| keep));
            self.failed = written.is_err();
            if self.failed {
                (self.blocks, self.bytes) = held;
            }
            for (keep, tell) in batch {
                waiting.fetch_sub(size(&keep), Ordering::Relaxed);
                let kept = match &written {
                    Ok(pruned) if key(&keep).is_some_and(|key| pruned.contains(&key)) => Kept::NotForSure,
                    Ok(_) => self.done.clone(),
                    Err(error) => Kept::Failed(error.to_string()),
                };
                // Whoever asked may be gone.
                let _gone = tell.send(kept);
            }
        }
    }

    /// All of it, or nothing; which blocks were removed for it.
    fn write<'a>(&mut self, batch: impl Iterator<Item = &'a Keep>) -> Result<BTreeSet<Key>, redb::Error> {
        if self.failed {
            self.shelf.reopen()?;
            // What was thought lost may have been committed.
            (self.blocks, self.bytes) = self.shelf.with(layout::held)?;
        }
        let shelf = self.shelf.clone();
        shelf.with(|database| self.write_to(database, batch))
    }

    fn write_to<'a>(
        &mut self,
        database: &Database,
        batch: impl Iterator<Item = &'a Keep>,
    ) -> Result<BTreeSet<Key>, redb::Error> {
        let write = database.begin_write()?;
        let pruned = {
            let mut tables = Tables {
                blocks: write.open_table(BLOCKS)?,
                links: write.open_table(LINKS)?,
                chain: write.open_table(CHAIN)?,
            };
            for keep in batch {
                match keep {
                    Keep::Block(block) => self.block(&mut tables, block)?,
                    Keep::Head(link) => tables.lead(*link)?,
                }
            }
            self.prune(&mut tables)?
        };
        write.commit()?;
        Ok(pruned)
    }

    fn block(&mut self, tables: &mut Tables<'_>, block: &Verified<Block>) -> Result<(), redb::Error> {
        let payload = &block.payload;
        let (key, bytes) = ((payload.number(), block.hash.0), payload.body().len() as u64);
        if tables.links.insert(key, (payload.parent_hash().0, payload.timestamp(), bytes))?.is_none() {
            tables.blocks.insert(key, layout::encode(payload).as_slice())?;
            (self.blocks, self.bytes) = (self.blocks + 1, self.bytes + bytes);
        }
        Ok(())
    }

    /// Removes the oldest until the rest is within the budget. The head and the newest stay.
    fn prune(&mut self, tables: &mut Tables<'_>) -> Result<BTreeSet<Key>, redb::Error> {
        let mut pruned = BTreeSet::new();
        let head = tables.chain.last()?.map(|(number, hash)| (number.value(), hash.value()));
        while self.blocks > 1 && (self.blocks > self.budget.blocks || self.bytes > self.budget.bytes) {
            let mut oldest = None;
            for entry in tables.links.iter()?.take(2) {
                let (key, link) = entry?;
                if Some(key.value()) != head {
                    oldest = Some((key.value(), link.value().2));
                    break;
                }
            }
            let Some((key, bytes)) = oldest else { break };
            tables.links.remove(key)?;
            tables.remove(key)?;
            (self.blocks, self.bytes) = (self.blocks - 1, self.bytes - bytes);
            pruned.insert(key);
        }
        Ok(pruned)
    }
}

struct Tables<'a> {
    blocks: Table<'a, Key, &'static [u8]>,
    links: Table<'a, Key, ([u8; 32], u64, u64)>,
    chain: Table<'a, u64, [u8; 32]>,
}

impl Tables<'_> {
    /// The head moved: what is above it leads no more, and below it leads what its parents name, as far as that is another
    /// chain and is known.
    fn lead(&mut self, head: Link) -> Result<(), redb::Error> {
        while self.chain.last()?.is_some_and(|(number, _)| number.value() > head.number) {
            self.chain.pop_last()?;
        }
        self.chain.insert(head.number, head.hash.0)?;
        let (mut number, mut parent) = (head.number, head.parent.0);
        while let Some(below) = number.checked_sub(1) {
            let known = self.chain.get(below)?.map(|hash| hash.value());
            if known == Some(parent) {
                break;
            }
            let next = self.links.get((below, parent))?.map(|link| link.value().0);
            let Some(next) = next else {
                // Nobody knows what is below: another chain's blocks must not stand there.
                self.forget_below(below)?;
                break;
            };
            self.chain.insert(below, parent)?;
            (number, parent) = (below, next);
        }
        Ok(())
    }

    /// The leading chain has a hole at `number`: it begins above it.
    fn forget_below(&mut self, number: u64) -> Result<(), redb::Error> {
        while self.chain.first()?.is_some_and(|(first, _)| first.value() <= number) {
            self.chain.pop_first()?;
        }
        Ok(())
    }

    fn remove(&mut self, (number, hash): Key) -> Result<(), redb::Error> {
        self.blocks.remove((number, hash))?;
        if self.chain.get(number)?.is_some_and(|leading| leading.value() == hash) {
            self.chain.remove(number)?;
        }
        Ok(())
    }
}
