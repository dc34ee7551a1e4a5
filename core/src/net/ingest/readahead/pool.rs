//! The bytes of RPCs that are not whole yet, or that are being read: one account for all streams.
//!
//! Bytes count when they have come, so that nobody holds room by announcing much. When there is no more, the oldest RPC
//! that is not whole is given up: it is passed on unread.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

/// See the module. Clones are the same.
#[derive(Clone, Default)]
pub(in crate::net::ingest) struct Pool(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    numbers: u64,
    /// By number, so the first is the oldest.
    partial: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
}

impl Pool {
    /// Bytes at most: six RPCs that are as big as they may be.
    pub(in crate::net::ingest) const BYTES: usize = 64 << 20;

    /// An RPC begins.
    pub(in crate::net::ingest) fn begin(&self) -> Partial {
        let mut inner = self.inner();
        inner.numbers += 1;
        let number = inner.numbers;
        inner.partial.insert(number, Vec::new());
        Partial { pool: self.clone(), number }
    }

    /// Bytes that count now.
    #[cfg(test)]
    pub(in crate::net::ingest) fn bytes(&self) -> usize {
        self.inner().bytes
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn give_up(&mut self) -> Option<Vec<u8>> {
        let (_, bytes) = self.partial.pop_first()?;
        self.bytes -= bytes.len();
        Some(bytes)
    }
}

/// An RPC that is not whole.
pub(in crate::net::ingest) struct Partial {
    pool: Pool,
    number: u64,
}

impl Partial {
    /// More of it came.
    pub(in crate::net::ingest) fn extend(&self, more: &[u8]) {
        let mut inner = self.pool.inner();
        let Some(bytes) = inner.partial.get_mut(&self.number) else { return };
        bytes.extend_from_slice(more);
        inner.bytes += more.len();
        let mut given_up = Vec::new();
        while inner.bytes > Pool::BYTES {
            let Some(bytes) = inner.give_up() else { break };
            given_up.push(bytes);
        }
        drop(inner);
    }

    /// All of it came; `None` if it was given up.
    pub(in crate::net::ingest) fn whole(self) -> Option<Whole> {
        let bytes = self.pool.inner().partial.remove(&self.number)?;
        Some(Whole { held: PooledBytes { pool: self.pool.clone(), bytes: bytes.len() }, rpc: bytes.into() })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let mut inner = self.pool.inner();
        let bytes = inner.partial.remove(&self.number);
        inner.bytes -= bytes.as_ref().map_or(0, Vec::len);
        drop(inner);
    }
}

/// An RPC that is whole; it counts until `held` is dropped.
pub(in crate::net::ingest) struct Whole {
    pub(in crate::net::ingest) rpc: Bytes,
    pub(in crate::net::ingest) held: PooledBytes,
}

/// Bytes that count as long as this is there.
pub(in crate::net::ingest) struct PooledBytes {
    pool: Pool,
    bytes: usize,
}

impl Drop for PooledBytes {
    fn drop(&mut self) {
        self.pool.inner().bytes -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_is_not_whole_is_given_up() {
        let pool = Pool::default();
        let mebibytes = |count: usize| vec![0; count << 20];
        let (silent, slow) = (pool.begin(), pool.begin());
        slow.extend(&mebibytes(1));
        let whole = pool.begin();
        whole.extend(&mebibytes(30));
        let whole = whole.whole().expect("there is room");
        let honest = pool.begin();
        honest.extend(&mebibytes(33));
        assert_eq!(pool.bytes(), 64 << 20);
        honest.extend(&[1]);
        assert_eq!(pool.bytes(), (63 << 20) + 1, "the slow one is given up, what is being read is not");
        slow.extend(&mebibytes(9));
        assert!(slow.whole().is_none() && silent.whole().is_none());
        drop(whole.held);
        assert_eq!(pool.bytes(), (33 << 20) + 1);
        assert_eq!(honest.whole().expect("there is room").rpc.len(), (33 << 20) + 1);
        assert_eq!(pool.bytes(), 0);
    }
}
