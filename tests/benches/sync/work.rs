//! The second reference: the necessary work without a network. Every response is framed and compressed as by a server, then
//! decompressed, decoded and hashed as by a client, on all cores. With this codec and this Keccak no range sync with both sides on this
//! machine can be faster.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use petrel_core::{
    payload_by_number::{Reply, StoredBlock},
    range_sync::ResponseTask,
    schedule::ChainSchedule,
};
use petrel_node::{command::devnet::BlockBuilder, primitives::FASTEST};
use petrel_tests::forge;

use super::node::CHAIN;

/// Bytes of a message before the stored bytes.
const SIGNATURE: usize = 65;

/// The time for `blocks` blocks of `bytes` bytes.
pub(crate) fn alone(blocks: u64, bytes: usize) -> Duration {
    let made = BlockBuilder::new(CHAIN.clone(), forge::key(1), bytes).build().unwrap();
    let (number, hash) = (made.payload.block_number, made.payload.block_hash);
    let body = Bytes::from(made.message).slice(SIGNATURE..);
    let reply = Reply::Block(StoredBlock { version: made.version, hash, body });
    let schedule = &Arc::new(ChainSchedule::new(&CHAIN));
    let answer = &|| {
        let bytes = Bytes::from(reply.pieces().collect::<Vec<_>>().concat());
        assert_eq!(ResponseTask { number, bytes, schedule: schedule.clone() }.run(FASTEST).unwrap().hash(), hash);
    };

    let cores = thread::available_parallelism().unwrap().get() as u64;
    let since = Instant::now();
    thread::scope(|scope| {
        for core in 0..cores {
            scope.spawn(move || (core..blocks).step_by(cores as usize).for_each(|_| answer()));
        }
    });
    since.elapsed()
}
