//! What waits for the disk. Bound: [`WriteQueue::BYTES`], in which each request counts with [`OVERHEAD`]; further ones fail, so that a
//! disk that hangs does not fill the memory.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
    mpsc::{Receiver, Sender, channel},
};

use petrel_core::persistence::{Persist, Persisted};
use tokio::sync::oneshot;

use super::tables::BlockKey;

/// What a request takes besides its contents, at most: its entry, the channel of its result, and what waits for that.
const OVERHEAD: usize = 512;

/// Something to write.
#[derive(Debug)]
pub(super) enum WriteEntry {
    /// A request of the node.
    Node(Persist),
    /// A small value of the daemon, by name; it replaces the previous one.
    Value(&'static str, Vec<u8>),
}

/// What to write, and where the result goes.
pub(super) type WriteRequest = (WriteEntry, oneshot::Sender<Persisted>);

/// See the module.
#[derive(Debug)]
pub(super) struct WriteQueue {
    /// `None` once the store is closed.
    requests: Mutex<Option<Sender<WriteRequest>>>,
    /// Bytes and requests whose result is not known yet.
    bytes: AtomicUsize,
    count: AtomicUsize,
    is_closed: AtomicBool,
}

impl WriteQueue {
    /// Bytes that may wait for the disk.
    const BYTES: usize = 256 << 20;

    /// An empty queue, and the end from which the thread takes.
    pub(super) fn new() -> (Self, Receiver<WriteRequest>) {
        let (sender, requests) = channel();
        let queue = Self {
            requests: Mutex::new(Some(sender)),
            bytes: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
        };
        (queue, requests)
    }

    /// Queues an entry, or reports at once why it cannot wait.
    pub(super) fn push(&self, entry: WriteEntry) -> oneshot::Receiver<Persisted> {
        let (sender, result) = oneshot::channel();
        let bytes = entry.size();
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = match &*requests {
            None => "the store is closed",
            Some(_) if self.bytes.load(Ordering::Relaxed).saturating_add(bytes) > Self::BYTES => {
                "the disk is too slow: too many bytes wait for it"
            }
            Some(requests) => {
                self.bytes.fetch_add(bytes, Ordering::Relaxed);
                self.count.fetch_add(1, Ordering::Relaxed);
                // If the thread has ended, the result's sender is dropped, which is a result too.
                let _dropped = requests.send((entry, sender));
                return result;
            }
        };
        let _dropped = sender.send(Persisted::Failed(refusal.to_owned()));
        result
    }

    /// The result of an entry is known.
    pub(super) fn done(&self, entry: &WriteEntry) {
        self.bytes.fetch_sub(entry.size(), Ordering::Relaxed);
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Requests whose result is not known yet.
    pub(super) fn waiting(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes no further requests; the thread ends when it has written those that wait.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        drop(self.requests.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }
}

impl WriteEntry {
    /// Bytes of memory.
    pub(super) fn size(&self) -> usize {
        let contents = match self {
            Self::Node(Persist::Block(block)) => block.bytes,
            Self::Node(Persist::Peer(_, Some(entry))) => {
                entry.addresses.iter().map(|address| address.len() + 32).sum::<usize>()
                    + entry.agent.as_ref().map_or(0, String::len)
            }
            Self::Node(Persist::Ban(_, Some(ban))) => ban.reason.len(),
            Self::Node(Persist::Head(_) | Persist::Peer(_, None) | Persist::Ban(_, None)) => 0,
            Self::Value(_, value) => value.len(),
        };
        contents.saturating_add(OVERHEAD)
    }

    /// The key of a block.
    pub(super) fn key(&self) -> Option<BlockKey> {
        match self {
            Self::Node(Persist::Block(block)) => Some((block.payload.number(), block.hash.0)),
            _ => None,
        }
    }
}
