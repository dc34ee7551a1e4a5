//! Range sync against peers that forge blocks, that fill the memory, and that hold a gap open.

use core::time::Duration;
use std::sync::Arc;

use alloy_primitives::B256;
use bytes::Bytes;
use petrel_core::{
    block::Payload,
    config::{RequestLimits, SyncConfig},
    fault::{AnswerFault, Offence},
    fork::{Fork, Version},
    message::MAX_MESSAGE,
    peer::PeerId,
    range_sync::{BlockRequest, FetchId, RangeSync, RangeTarget, RequestFailure, ResponseTask},
    schedule::ChainSchedule,
};

use crate::{
    driven::peer,
    forge::{Forge, forge, schedule},
};

const FIRST: u64 = 1_000;

/// Without limits of requests, so that only round trips count.
const CONFIG: SyncConfig = SyncConfig {
    enabled: true,
    serve: true,
    static_only: false,
    max_gap: Duration::from_secs(3600),
    limits: RequestLimits { by_cadence: false, all: None, peer: None, leaf_bytes: None },
};

fn block(number: u64, parent: B256) -> Forge {
    forge(Version::V4).with(|payload| (payload.block_number, payload.parent_hash) = (number, parent))
}

/// A gap, its blocks, and the time.
struct Gap {
    sync: RangeSync,
    blocks: Vec<Forge>,
    target: RangeTarget,
    now: Duration,
    schedule: Arc<ChainSchedule>,
    failures: Vec<RequestFailure>,
}

impl Gap {
    /// A gap of so many blocks, and connected peers 1 to `peers`.
    fn new(blocks: u64, peers: u8) -> Self {
        let mut chain: Vec<Forge> = Vec::new();
        for number in FIRST..FIRST + blocks {
            let parent = chain.last().map_or(B256::ZERO, Forge::hash);
            chain.push(block(number, parent));
        }
        let now = Duration::from_secs(10);
        let mut sync = RangeSync::new(CONFIG, Duration::ZERO);
        sync.set_interval(Duration::from_secs(2));
        for seed in 1..=peers {
            sync.connected(peer(seed), false, false, Duration::ZERO);
        }
        let expected = chain.last().map(Forge::hash);
        let target = RangeTarget { from: FIRST, to: FIRST + blocks - 1, expected };
        sync.set_target(Some(target), Duration::ZERO);
        Self { sync, blocks: chain, target, now, schedule: schedule(Fork::Jovian), failures: Vec::new() }
    }

    fn requests(&mut self) -> Vec<BlockRequest> {
        std::iter::from_fn(|| self.sync.next_request(self.now)).collect()
    }

    fn answer(&mut self, request: BlockRequest, forged: bool) {
        let honest = &self.blocks[(request.number - FIRST) as usize];
        let lie = block(request.number, B256::repeat_byte(request.peer.as_bytes()[0]));
        let body = if forged { lie.body() } else { honest.body() };
        let payload = Payload::decode(Version::V4, body.into()).unwrap();
        let valid = payload.validate(petrel_core::primitives::Primitives::PORTABLE.keccak_many).unwrap();
        assert!(self.sync.response_decoded(request.id, Ok(valid), self.now).is_none());
    }

    /// Promotes what is proven. Returns whether the gap is closed.
    fn promote(&mut self) -> bool {
        while let Some(promoted) = self.sync.promote(self.now) {
            match promoted {
                Err(failure) => self.failures.push(failure),
                Ok(block) if self.target.to == FIRST => {
                    assert_eq!(block.payload.number(), FIRST);
                    return true;
                }
                Ok(block) => {
                    let expected = Some(block.payload.parent_hash());
                    self.target = RangeTarget { to: self.target.to - 1, expected, ..self.target };
                    self.sync.set_target(Some(self.target), self.now);
                }
            }
        }
        false
    }

    /// Round trips of 100 ms until the gap is closed; `forges` says who answers with forged blocks.
    fn round_trips(&mut self, forges: impl Fn(PeerId) -> bool) -> usize {
        for round in 1..500 {
            for request in self.requests() {
                self.answer(request, forges(request.peer));
            }
            if self.promote() {
                return round;
            }
            self.now += Duration::from_millis(100);
        }
        panic!("{:?} is still open", self.target);
    }
}

#[test]
fn forgers_cost_a_few_round_trips_and_not_one_for_each_block() {
    let honest = Gap::new(128, 2).round_trips(|_| false);
    // Two honest peers among eight.
    let mut gap = Gap::new(128, 8);
    let forged = gap.round_trips(|from| from != peer(4) && from != peer(8));
    assert!(forged <= honest + 12, "{forged} round trips, {honest} without forgers");
    assert!(gap.failures.iter().all(|failure| failure.event.peer != peer(4) && failure.event.peer != peer(8)));
}

#[test]
fn blocks_that_link_to_nothing_cost_their_sender_when_another_peer_has_the_right_ones() {
    let mut gap = Gap::new(8, 1);
    let mut offences = Vec::new();
    for _ in 0..RangeSync::MAX_UNLINKED {
        // Nobody else is there to be asked.
        for request in gap.requests() {
            gap.answer(request, true);
        }
        gap.promote();
        offences.extend(gap.sync.take_offences());
        gap.sync.connected(peer(2), false, false, gap.now);
        let next = gap.requests()[0];
        assert_eq!((next.peer, next.number), (peer(2), gap.target.to));
        gap.answer(next, false);
        gap.promote();
        gap.sync.disconnected(peer(2), gap.now);
    }
    offences.extend(gap.sync.take_offences());
    assert_eq!(offences, [(peer(1), Offence::InvalidResponse)]);
    assert_eq!(gap.failures.len(), RangeSync::MAX_UNLINKED as usize);
}

#[test]
fn nobody_is_blamed_for_a_branch_that_the_signer_has_left() {
    let mut gap = Gap::new(2, 4);
    for _ in 0..400 {
        for request in gap.requests() {
            gap.answer(request, true);
        }
        gap.promote();
        gap.now += Duration::from_millis(100);
    }
    assert_eq!(gap.failures.len(), 16, "each peer is asked four times");
    assert!(gap.failures.iter().all(|failure| matches!(failure.event.cause, AnswerFault::Unlinked { .. })));
    assert!(gap.sync.take_offences().is_empty());
}

#[test]
fn a_block_of_a_forger_in_flight_delays_no_other_peer() {
    let mut gap = Gap::new(2, 1);
    let [first, second] = gap.requests()[..] else { panic!("two requests") };
    gap.answer(first, true);
    gap.promote();
    // The forger owes the other block, and does not answer.
    gap.sync.connected(peer(2), false, false, gap.now);
    let numbers: Vec<_> = gap.requests().iter().map(|request| (request.peer, request.number)).collect();
    assert_eq!(numbers, [(peer(2), FIRST + 1), (peer(2), FIRST)]);
    assert_eq!(second.number, FIRST);
}

/// The gap closes by one block every `secs`. How long it may stay open, in seconds.
fn open_for(blocks: u64, secs: u64) -> u64 {
    let mut gap = Gap::new(blocks, 1);
    for second in 0..1_000_000 {
        let now = Duration::from_secs(second);
        if !gap.sync.may_still_come(now) {
            return second;
        }
        if second % secs == secs - 1 {
            gap.target.to -= 1;
            gap.target.expected = Some(B256::repeat_byte(second as u8));
            gap.sync.set_target(Some(gap.target), now);
        }
    }
    panic!("it is open for ever");
}

#[test]
fn a_trickle_of_true_blocks_does_not_hold_a_gap_open() {
    assert_eq!(open_for(100, 119), 120);
    assert_eq!(open_for(100, 60), 120);
    // Forty blocks in two minutes are more than half of what the chain makes.
    assert!(open_for(100, 3) > 300);
    let mut gap = Gap::new(100, 1);
    // A gap that grows at its upper end is the same gap.
    for second in 0..120 {
        gap.target.to += 1;
        gap.sync.set_target(Some(gap.target), Duration::from_secs(second));
    }
    assert!(!gap.sync.may_still_come(Duration::from_secs(120)));
}

#[test]
fn few_responses_are_decompressed_at_once_and_the_bytes_of_waiting_ones_are_bounded() {
    let mut gap = Gap::new(64, 4);
    let requests = gap.requests();
    assert_eq!(requests.len(), RangeSync::MAX_IN_FLIGHT);
    for request in &requests {
        gap.sync.response_received(request.id, Bytes::from(vec![0; MAX_MESSAGE]));
    }
    let tasks = |gap: &mut Gap| -> Vec<(FetchId, ResponseTask)> {
        std::iter::from_fn(|| gap.sync.next_task(&gap.schedule)).collect()
    };
    let first = tasks(&mut gap);
    assert_eq!(first.len(), 4);
    for (id, _) in &first {
        gap.sync.response_decoded(*id, Err(AnswerFault::Panicked), gap.now);
    }
    // Sixty-four megabytes are six responses; the other ten were dropped, and their blocks are requested again.
    assert_eq!(tasks(&mut gap).len(), 2);
    assert!(!gap.requests().is_empty());
}
