//! From a message that waits to its judgement: the part of [`Node`] between gossip's machines and the head.

use core::time::Duration;
use std::sync::Arc;

use alloy_primitives::Address;

use super::{CheckId, DropReason, Node, Output, Running};
use crate::{
    block::Block,
    event::{CheckPanicked, ClockSkew, Event, Judged, NewBlock, SignerMismatch, Via},
    gossip::{
        Acceptance, BlockFault, Checked, Doubt, Fault, MessageFault, NodeFault, Pending, Role, Verdict, Verified,
    },
    peer::PeerId,
    peers::Deed,
    time::Now,
};

impl Node {
    /// A block of our signer that came within this time, and within two intervals, says that our signer is right.
    const LATELY: Duration = Duration::from_secs(4);
    /// For how long an independent time that agreed with our clock counts: L1 is read every ten minutes.
    const CLOCK_AGREES: Duration = Duration::from_secs(30 * 60);

    /// Queues a message for its check. A peer that floods loses its connection, never its message: that may be an honest
    /// block which no other peer will be heard with.
    pub(super) fn wait(&mut self, pending: Pending) {
        let peer = pending.peer;
        let arrived = pending.arrived;
        let floods = self.queue(pending);
        if let Some(peer) = peer.filter(|peer| floods || self.peers.floods(arrived.mono, *peer)) {
            self.part(peer, DropReason::Flooding);
            self.note(arrived, peer, Deed::Rejected);
        }
    }

    /// Puts a message where it waits; whether its sender has more there than it may.
    fn queue(&mut self, pending: Pending) -> bool {
        let arrived = pending.arrived;
        let Some(waiting) = self.waiting.get_mut(usize::from(pending.version.topic())) else { return false };
        let put = waiting.put(pending);
        for evicted in put.evicted {
            self.judge(arrived, &evicted, Err(NodeFault::NoRoom.into()));
        }
        put.flooding
    }

    /// A check ended.
    pub(super) fn checked(&mut self, now: Now, id: CheckId, outcome: Checked) {
        let Some(Running { pending, dead, .. }) = self.running.remove(&id) else { return };
        // The check says who signed. Whom that makes is known here and now: signers may have been rotated while it ran.
        let role = outcome.signer.and_then(|signer| self.signers.role(signer));
        if let Some(role) = role {
            self.change_signers(|signers| signers.confirm(role));
        }
        if dead {
            return; // its message was given up already
        }
        let outcome = match outcome.result {
            Err(Fault::Message(MessageFault::WrongSigner { found })) if self.signers.role(found).is_some() => {
                self.queue(pending);
                return;
            }
            _ if outcome.signer.is_some() && role.is_none() => Err(NodeFault::Retired.into()),
            result => result,
        };
        match &outcome {
            Err(Fault::Node(NodeFault::Panicked)) => {
                self.tell(Event::CheckPanicked(CheckPanicked { peer: pending.peer }));
            }
            Err(Fault::Block(BlockFault::OffSchedule(_))) => self.is_off_schedule(self.head.tip()),
            _ => {}
        }
        self.doubt(now, &pending, role, &outcome);
        let result = outcome.and_then(|block| self.unseen(&pending, block));
        self.judge(now, &pending, result.as_ref().map(|_| ()).map_err(|fault| *fault));
        if let Ok(block) = result {
            self.accept(now, pending, block);
        }
    }

    /// Gives up the messages of checks that have lived long enough.
    pub(super) fn bury(&mut self, now: Now) {
        let mut late = Vec::new();
        for running in self.running.values_mut().filter(|running| !running.dead && running.dies <= now.mono) {
            running.dead = true;
            late.push(running.pending.clone());
        }
        for pending in late {
            self.judge(now, &pending, Err(NodeFault::Late.into()));
        }
    }

    fn unseen(&mut self, pending: &Pending, block: Verified<Block>) -> Result<Arc<Verified<Block>>, Fault> {
        self.seen.accept(pending.version, block.payload.number(), block.hash)?;
        Ok(Arc::new(block))
    }

    fn accept(&mut self, now: Now, pending: Pending, block: Arc<Verified<Block>>) {
        let via = if pending.peer.is_some() { Via::Gossip } else { Via::Local };
        let timestamp_ms = block.payload.timestamp_ms(self.config.chain.subsecond);
        let delay_ms = pending.arrived.millis_since(timestamp_ms);
        let waited = now.mono.saturating_sub(pending.arrived.mono).as_millis();
        let judged_ms = u64::try_from(waited).unwrap_or(u64::MAX);
        let peer = pending.peer;
        self.tell(Event::Block(NewBlock { block: block.clone(), via, peer, timestamp_ms, delay_ms, judged_ms }));
        self.heard = true;
        // Our own block, too, says that our signer is right: whom we sign for hears no other.
        self.vouched_at = Some(pending.arrived.mono);
        if let Some(peer) = pending.peer {
            self.peers.first(peer);
            self.note(now, peer, Deed::Delivered);
        }
        self.lead(now, block);
        if pending.peer.is_none() {
            // Nobody sends a sequencer its own blocks back.
            self.silence.heard(now.mono);
            self.outputs.push_back(Output::Publish { version: pending.version, data: pending.message.data });
        }
    }

    /// Tells gossipsub and the outside what became of a message.
    fn judge(&mut self, now: Now, pending: &Pending, result: Result<(), Fault>) {
        let acceptance = match &result {
            Ok(()) => Acceptance::Accept,
            Err(Fault::Message(MessageFault::WrongSigner { found })) if self.may_be_ours(now, *found, pending.peer) => {
                Acceptance::Ignore
            }
            Err(fault) => fault.acceptance(),
        };
        if let (Some(id), Some(peer)) = (pending.id, pending.peer) {
            self.outputs.push_back(Output::Judge { id, peer, acceptance });
        }
        self.counts.judged(&result);
        if let Err(cause) = result {
            let judged = Judged {
                peer: pending.peer,
                version: pending.version,
                fault: cause.name(),
                detail: cause.to_string(),
                cause,
            };
            let rejected = cause.verdict() == Verdict::Reject;
            self.tell(if rejected { Event::Rejected(judged) } else { Event::Ignored(judged) });
        }
        if let (Some(peer), Acceptance::Charge) = (pending.peer.filter(|_| pending.id.is_some()), acceptance) {
            self.note(now, peer, Deed::Invalid);
        }
    }

    /// Whether a stranger's block may be the network's, and our signer wrong: as long as nothing says that it is right. While
    /// our signer's blocks come nobody is excused, however many agree: whoever passes on a new signer's first blocks in that
    /// time is charged for two or three, which is no ban. With a stale signer the first honest peer sends every block, long
    /// before two others agree with it.
    fn may_be_ours(&self, now: Now, stranger: Address, peer: Option<PeerId>) -> bool {
        let lately = (2 * self.pace.interval(now)).max(Self::LATELY);
        let vouched = self.vouched_at.is_some_and(|at| now.mono.saturating_sub(at) <= lately);
        !vouched && (self.doubts.excuses(stranger) || peer.is_none_or(|peer| self.doubts.strangers_of(peer) <= 2))
    }

    /// Weighs whether the fault may be ours.
    fn doubt(&mut self, now: Now, pending: &Pending, role: Option<Role>, result: &Result<Verified<Block>, Fault>) {
        let Some(peer) = pending.peer else { return };
        let timestamp_ms = match result {
            Ok(block) => {
                self.doubts.settle();
                self.vouched_at = Some(pending.arrived.mono);
                block.payload.timestamp_ms(self.config.chain.subsecond)
            }
            Err(Fault::Block(BlockFault::TooOld { timestamp, .. } | BlockFault::TooNew { timestamp, .. })) => {
                timestamp.saturating_mul(1000)
            }
            Err(Fault::Message(MessageFault::WrongSigner { found })) => {
                let doubt = self.doubts.stranger(*found, peer, self.peers.ip(peer));
                return self.raise(now, doubt);
            }
            Err(_) => return,
        };
        let offset_ms = pending.arrived.millis_since(timestamp_ms);
        self.counts.offset(offset_ms);
        if result.is_err() && role.is_some() {
            let doubt = self.out_of_time(offset_ms / 1000, peer);
            self.raise(now, doubt);
        }
    }

    fn out_of_time(&mut self, offset: i64, peer: PeerId) -> Option<Doubt> {
        let (ip, connected) = (self.peers.ip(peer), self.peers.len());
        self.doubts.out_of_time(offset, peer, ip, connected)
    }

    fn raise(&mut self, now: Now, doubt: Option<Doubt>) {
        match doubt {
            None => {}
            Some(Doubt::Signer { found, peers }) => {
                if let Some(expected) = self.signers.current() {
                    self.tell(Event::SignerMismatch(SignerMismatch { expected, found, peers }));
                }
            }
            Some(Doubt::Clock { offset, peers }) => {
                let skew = ClockSkew { offset_secs: offset, peers };
                let agrees = self.clock_agrees_at(now);
                self.tell(if agrees { Event::SequencerSkew(skew) } else { Event::ClockSkew(skew) });
            }
        }
    }

    /// Whether an independent time has agreed with our clock of late.
    pub(super) fn clock_agrees_at(&self, now: Now) -> bool {
        self.clock_agreed_at.is_some_and(|at| now.mono.saturating_sub(at) <= Self::CLOCK_AGREES)
    }

    /// An independent time agrees with our clock: where blocks are out of time, the sequencer's is wrong.
    pub(super) fn clock_agrees(&mut self, now: Now) {
        let agreed = self.clock_agrees_at(now);
        self.clock_agreed_at = Some(now.mono);
        if let Some((offset_secs, peers)) = self.doubts.skew().filter(|_| !agreed) {
            self.tell(Event::SequencerSkew(ClockSkew { offset_secs, peers }));
        }
    }
}
