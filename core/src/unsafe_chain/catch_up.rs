//! Catching up: connects range sync, which fetches, with [`Head`](super::Head), which knows what is missing; and
//! handles each verified block.

use core::time::Duration;
use std::sync::Arc;

use super::{ChainOutput, PromotedBlock, UnsafeChain, max_gap};
use crate::{
    block::{Block, BlockInfo, BlockRef, ValidPayload, Verified},
    event::{DisconnectReason, Event, GapState, NewBlock, NewHead, Via},
    fault::{AnswerFault, Blame},
    persistence::Persist,
    range_sync::{FetchId, QuarantinedBlock, RangeTarget, RequestFailure},
    time::Now,
};

impl UnsafeChain {
    /// Promotes the blocks that are proven by now, and requests what is missing.
    pub(super) fn catch_up(&mut self, now: Now) {
        loop {
            let target = self.missing(now);
            self.sync.set_target(target, now.mono);
            match self.sync.promote(now.mono) {
                Some(Ok(block)) => self.promoted(now, block, target),
                Some(Err(failure)) => self.request_failed(failure),
                None => break,
            }
        }
        for (peer, offence) in self.sync.take_offences() {
            self.outputs.push_back(ChainOutput::Offence(peer, offence));
        }
        if self.sync.may_still_come(now.mono) {
            self.head.extend_timeout(now.mono);
        }
        while let Some((id, task)) = self.sync.next_task(&self.schedule) {
            self.outputs.push_back(ChainOutput::Decode(id, task));
        }
        while let Some(request) = self.sync.next_request(now.mono) {
            self.outputs.push_back(ChainOutput::Fetch(request));
        }
        if let Some(progress) = self.sync.progress(now.mono) {
            self.emit(Event::Synced(progress));
        }
    }

    /// The target: the blocks missing below a verified block; or after a start, while there is none, the blocks that
    /// should exist by now.
    fn missing(&self, now: Now) -> Option<RangeTarget> {
        let unproven = || {
            let from = self.head.head()?.number.checked_add(1)?;
            let to = self.interval.due(now, Duration::ZERO)?;
            let max_gap = max_gap(&self.config, self.interval.interval(now));
            let fits = from <= to && to - from < max_gap && !self.has_gossip;
            fits.then_some(RangeTarget { from, to, expected: None })
        };
        self.head.target().or_else(unproven)
    }

    /// A response was validated, or the request failed.
    pub(super) fn decoded(&mut self, now: Now, id: FetchId, outcome: Result<ValidPayload, AnswerFault>) {
        if outcome.is_ok()
            && let Some(peer) = self.sync.peer_of(id)
        {
            self.outputs.push_back(ChainOutput::Answered(peer));
        }
        if let Some(failure) = self.sync.response_decoded(id, outcome, now.mono) {
            self.request_failed(failure);
        }
    }

    fn request_failed(&mut self, failure: RequestFailure) {
        let RequestFailure { event, blame } = failure;
        let (peer, offence) = (event.peer, event.cause.offence());
        let unlinked = matches!(event.cause, AnswerFault::Unlinked { .. });
        if blame != Blame::None || unlinked {
            self.emit(Event::FetchFailed(event));
        }
        if blame == Blame::Invalid {
            self.outputs.push_back(ChainOutput::Disconnect(peer, DisconnectReason::InvalidResponse));
        }
        if let Some(offence) = offence {
            self.outputs.push_back(ChainOutput::Offence(peer, offence));
        }
    }

    fn promoted(&mut self, now: Now, fetched: QuarantinedBlock, target: Option<RangeTarget>) {
        let Some(expected) = target.and_then(|target| target.expected) else { return };
        let Some(block) = Verified::linked(fetched.payload, expected).map(Arc::new) else { return };
        // A copy that is gossiped later (for example after an IHAVE) is a duplicate: each block is emitted once. A
        // block that came by gossip first is no longer missing.
        let (version, number) = (block.payload.version(), block.payload.number());
        let promoted = PromotedBlock { version, number, hash: block.hash };
        self.outputs.push_back(ChainOutput::Promoted(promoted));
        if !self.head.was_dropped(BlockRef { number, hash: block.hash }) {
            let timestamp_ms = block.payload.timestamp_ms(self.config.chain.subsecond);
            self.emit(Event::Block(NewBlock {
                block: block.clone(),
                via: Via::Sync,
                peer: Some(fetched.peer),
                timestamp_ms,
                delay_ms: now.millis_since(timestamp_ms),
                judged_ms: 0,
            }));
        }
        self.add(now, block);
    }

    /// Persists a verified block, and moves the head where it can.
    pub(super) fn add(&mut self, now: Now, block: Arc<Verified<Block>>) {
        let info = BlockInfo::of(&block.payload, block.hash, self.config.chain.subsecond);
        self.check_schedule(&block);
        self.interval.verified(info);
        self.follow_interval(now);
        self.outputs.push_back(ChainOutput::Persist(Persist::Block(block)));
        let events = self.head.add(now.mono, info);
        self.head_moved(events);
    }

    /// Emits what happened to the head, and persists it.
    pub(super) fn head_moved(&mut self, events: Vec<Event>) {
        for event in events {
            if matches!(&event, Event::Gap(gap) if gap.state == GapState::Skipped) {
                self.sync.skipped();
            }
            let head = match &event {
                Event::Head(NewHead { number, hash, parent, timestamp, timestamp_ms, .. }) => {
                    let (number, timestamp, timestamp_ms) = (*number, *timestamp, *timestamp_ms);
                    Some(BlockInfo { number, hash: *hash, parent: *parent, timestamp, timestamp_ms })
                }
                // A reorg is complete: persist the head again, because the blocks below it are known now.
                Event::Reorg(_) => self.head.tip(),
                _ => None,
            };
            self.emit(event);
            if let Some(head) = head {
                self.activate_forks(head.number, head.timestamp);
                self.outputs.push_back(ChainOutput::Persist(Persist::Head(head)));
            }
        }
    }
}
