//! Memory limit for RPCs that are incomplete or being read, over all streams.
//!
//! Bytes count when they are received, so a peer cannot reserve memory by announcing a long RPC. When the limit is
//! reached, the oldest incomplete RPC is dropped from here: its stream passes it on without read-ahead.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

/// Buffers of RPCs with a common limit. Clones share them.
#[derive(Clone, Default)]
pub(in crate::net::ingest) struct Pool(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// The last number given to an RPC.
    last_number: u64,
    /// Incomplete RPCs by number, oldest first.
    partial: BTreeMap<u64, Vec<u8>>,
    /// Bytes of incomplete RPCs and of those that are being read.
    bytes: usize,
}

impl Pool {
    /// Maximum bytes: six RPCs of the maximum length.
    pub(in crate::net::ingest) const BYTES: usize = 64 << 20;

    /// Starts an RPC.
    pub(in crate::net::ingest) fn begin(&self) -> PartialRpc {
        let mut inner = self.inner();
        inner.last_number += 1;
        let number = inner.last_number;
        inner.partial.insert(number, Vec::new());
        PartialRpc { pool: self.clone(), number }
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
    fn drop_oldest(&mut self) -> Option<Vec<u8>> {
        let (_, bytes) = self.partial.pop_first()?;
        self.bytes -= bytes.len();
        Some(bytes)
    }
}

/// An incomplete RPC.
pub(in crate::net::ingest) struct PartialRpc {
    pool: Pool,
    number: u64,
}

impl PartialRpc {
    /// Appends received bytes.
    pub(in crate::net::ingest) fn extend(&self, more: &[u8]) {
        let mut inner = self.pool.inner();
        let Some(bytes) = inner.partial.get_mut(&self.number) else { return };
        bytes.extend_from_slice(more);
        inner.bytes += more.len();
        // Freed after the lock is released.
        let mut dropped = Vec::new();
        while inner.bytes > Pool::BYTES {
            let Some(bytes) = inner.drop_oldest() else { break };
            dropped.push(bytes);
        }
        drop(inner);
    }

    /// Ends the RPC: all bytes are received. `None` if it was dropped to stay within the limit.
    pub(in crate::net::ingest) fn complete(self) -> Option<CompleteRpc> {
        let bytes = self.pool.inner().partial.remove(&self.number)?;
        Some(CompleteRpc { reserved: ReservedBytes { pool: self.pool.clone(), bytes: bytes.len() }, rpc: bytes.into() })
    }
}

impl Drop for PartialRpc {
    fn drop(&mut self) {
        let mut inner = self.pool.inner();
        let bytes = inner.partial.remove(&self.number);
        inner.bytes -= bytes.as_ref().map_or(0, Vec::len);
        drop(inner);
    }
}

/// A complete RPC; its bytes count until `reserved` is dropped.
pub(in crate::net::ingest) struct CompleteRpc {
    pub(in crate::net::ingest) rpc: Bytes,
    pub(in crate::net::ingest) reserved: ReservedBytes,
}

/// Bytes that count against the limit until this is dropped.
pub(in crate::net::ingest) struct ReservedBytes {
    pool: Pool,
    bytes: usize,
}

impl Drop for ReservedBytes {
    fn drop(&mut self) {
        self.pool.inner().bytes -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_incomplete_rpc_is_dropped_at_the_limit() {
        let pool = Pool::default();
        let mebibytes = |count: usize| vec![0; count << 20];
        let (empty, slow) = (pool.begin(), pool.begin());
        slow.extend(&mebibytes(1));
        let complete = pool.begin();
        complete.extend(&mebibytes(30));
        let complete = complete.complete().expect("it is within the limit");
        let honest = pool.begin();
        honest.extend(&mebibytes(33));
        assert_eq!(pool.bytes(), 64 << 20);
        honest.extend(&[1]);
        assert_eq!(pool.bytes(), (63 << 20) + 1, "the slow one is dropped, the one that is being read is not");
        slow.extend(&mebibytes(9));
        assert!(slow.complete().is_none() && empty.complete().is_none());
        drop(complete.reserved);
        assert_eq!(pool.bytes(), (33 << 20) + 1);
        assert_eq!(honest.complete().expect("it is within the limit").rpc.len(), (33 << 20) + 1);
        assert_eq!(pool.bytes(), 0);
    }
}
