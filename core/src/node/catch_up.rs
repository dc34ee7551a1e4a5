//! Closing gaps: between [`Sync`](crate::sync::Sync), which fetches, and [`Head`](crate::head::Head), which says what is
//! missing; and what is kept of verified blocks.

use core::time::Duration;
use std::sync::Arc;

use super::{DropReason, Keep, KeepId, Kept, Node, Output, max_gap};
use crate::{
    block::Block,
    event::{BlockRef, Event, GapState, NewBlock, NewHead, StoreState, Stored, Via},
    gossip::Verified,
    head::{Aim, Link},
    request::Blame,
    sync::{Candidate, Failure},
    time::Now,
};

impl Node {
    /// Takes what is proven by now, and asks for what is missing.
    pub(super) fn catch_up(&mut self, now: Now) {
        loop {
            let aim = self.missing(now);
            self.sync.aim(aim, now.mono);
            match self.sync.linked(now.mono) {
                Some(Ok(candidate)) => self.take_fetched(now, candidate, aim),
                Some(Err(failure)) => self.blame(now, failure),
                None => break,
            }
        }
        if self.sync.hopeful(now.mono) {
            self.head.hope(now.mono);
        }
        while let Some(wish) = self.sync.wish(now.mono) {
            self.outputs.push_back(Output::Fetch(wish));
        }
        if let Some(progress) = self.sync.progress(now.mono) {
            self.tell(Event::Synced(progress));
        }
    }

    /// What is missing: below a verified block, or after a start, as long as there is none, what should be there by now.
    fn missing(&self, now: Now) -> Option<Aim> {
        let unproven = || {
            let from = self.head.head()?.number.checked_add(1)?;
            let to = self.pace.due(now, Duration::ZERO)?;
            let fits = from <= to && to - from < max_gap(&self.config, self.pace.interval(now)) && !self.heard;
            fits.then_some(Aim { from, to, expected: None })
        };
        self.head.aim().or_else(unproven)
    }

    /// A request of ours came to nothing.
    pub(super) fn blame(&mut self, now: Now, failure: Failure) {
        let Failure { told, blame } = failure;
        let deed = told.cause.deed();
        let (peer, stray) = (told.peer, matches!(told.cause, crate::request::AnswerFault::Unlinked { .. }));
        if blame != Blame::None || stray {
            self.tell(Event::FetchFailed(told));
        }
        if blame == Blame::Lied {
            self.part(peer, DropReason::Lied);
        }
        if let Some(deed) = deed {
            self.note(now, peer, deed);
        }
    }

    fn take_fetched(&mut self, now: Now, candidate: Candidate, aim: Option<Aim>) {
        let Some(expected) = aim.and_then(|aim| aim.expected) else { return };
        let Some(block) = Verified::linked(candidate.fetched, expected).map(Arc::new) else { return };
        // A copy that is gossiped later (IHAVE takes its time) is a repeat: a block is told once. One that came as gossip
        // first is missing no more, so what is refused here is a height with too many blocks, which hold back nothing proven.
        let (version, number) = (block.payload.version(), block.payload.number());
        let _full = self.seen.accept(version, number, block.hash);
        let timestamp_ms = block.payload.timestamp_ms(self.config.chain.subsecond);
        self.tell(Event::Block(NewBlock {
            block: block.clone(),
            via: Via::Sync,
            peer: Some(candidate.peer),
            timestamp_ms,
            delay_ms: now.millis_since(timestamp_ms),
            judged_ms: 0,
        }));
        self.lead(now, block);
    }

    /// A verified block is kept, and moves the head where it can.
    pub(super) fn lead(&mut self, now: Now, block: Arc<Verified<Block>>) {
        let link = self.link(block.hash, &block.payload);
        self.heed_schedule(&block);
        self.verified(now, link);
        self.keep(Keep::Block(block));
        let events = self.head.take(now.mono, link);
        self.moved(events);
    }

    /// Tells what became of the head, and keeps it.
    pub(super) fn moved(&mut self, events: Vec<Event>) {
        for event in events {
            if matches!(&event, Event::Gap(gap) if gap.state == GapState::Skipped) {
                self.sync.skipped();
            }
            let head = match &event {
                Event::Head(NewHead { number, hash, parent, timestamp, timestamp_ms, .. }) => {
                    let (number, timestamp, timestamp_ms) = (*number, *timestamp, *timestamp_ms);
                    Some(Link { number, hash: *hash, parent: *parent, timestamp, timestamp_ms })
                }
                // What was missing below it may be there now.
                Event::Reorg(_) => self.head.tip(),
                _ => None,
            };
            self.tell(event);
            if let Some(head) = head {
                self.activate(head.number, head.timestamp);
                self.keep(Keep::Head(head));
            }
        }
    }

    pub(super) fn keep(&mut self, keep: Keep) {
        let id = KeepId(self.next_keep);
        self.next_keep += 1;
        let kept = match &keep {
            Keep::Block(block) => {
                self.sync.unkept += block.bytes;
                Some((BlockRef { number: block.payload.number(), hash: block.hash }, block.bytes))
            }
            Keep::Head(_) | Keep::Peer(..) | Keep::Ban(..) => None,
        };
        self.keeps.insert(id, kept);
        self.outputs.push_back(Output::Keep { id, keep });
    }

    /// What became of something that was to be kept.
    pub(super) fn kept(&mut self, id: KeepId, kept: Kept) {
        let Some(kept_block) = self.keeps.remove(&id) else { return };
        if let Some((block, bytes)) = kept_block {
            self.sync.unkept -= bytes;
            if kept == Kept::OnDisk {
                self.tell(Event::Stored(Stored { number: block.number, hash: block.hash, stored: true }));
            }
        }
        let keeps = !matches!(kept, Kept::Failed(_));
        if keeps != self.keeping {
            self.keeping = keeps;
            let error = if let Kept::Failed(error) = kept { Some(error) } else { None };
            self.tell(Event::Store(StoreState { keeps, error }));
        }
    }
}
