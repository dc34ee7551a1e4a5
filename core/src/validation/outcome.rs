//! The outcome of a task: which result a message gets, and what follows for an accepted block.

use std::sync::Arc;

use super::{Pending, SignerRole, Validation, ValidationId, ValidationOutcome, ValidationOutput};
use crate::{
    block::{Block, Verified},
    context::Context,
    event::{CheckPanicked, Event, NewBlock, Via},
    fault::{BlockFault, Fault, MessageFault, NodeFault},
};

impl Validation {
    /// A task ended.
    pub(super) fn validated(&mut self, context: &Context, id: ValidationId, outcome: ValidationOutcome) {
        let Some(running) = self.running.remove(&id) else { return };
        let pending = running.pending;
        // The task gives the signer's address. Its role is looked up now: the signers may have changed while the task
        // ran.
        let role = outcome.signer.and_then(|signer| self.signers.role(signer));
        if let Some(role) = role {
            self.change_signers(|signers| signers.confirm(role));
        }
        if running.expired {
            return; // its message was reported already
        }
        let result = match outcome.result {
            Err(Fault::Message(MessageFault::WrongSigner { found })) if self.signers.role(found).is_some() => {
                self.enqueue(context, pending);
                return;
            }
            _ if outcome.signer.is_some() && role.is_none() => Err(NodeFault::Retired.into()),
            result => result,
        };
        self.conclude(context, pending, role, result);
    }

    fn conclude(
        &mut self,
        context: &Context,
        pending: Pending,
        role: Option<SignerRole>,
        result: Result<Verified<Block>, Fault>,
    ) {
        match &result {
            Err(Fault::Node(NodeFault::Panicked)) => {
                self.emit(Event::CheckPanicked(CheckPanicked { peer: pending.peer }));
            }
            Err(Fault::Block(BlockFault::OffSchedule(_))) => self.outputs.push_back(ValidationOutput::OffSchedule),
            _ => {}
        }
        self.detect_mismatch(context, &pending, role, &result);
        let result = result.and_then(|block| self.not_seen(&pending, block));
        self.report(context, &pending, result.as_ref().map(|_| ()).map_err(|fault| *fault));
        if let Ok(block) = result {
            self.accept(context, pending, block);
        }
    }

    fn not_seen(&mut self, pending: &Pending, block: Verified<Block>) -> Result<Arc<Verified<Block>>, Fault> {
        self.seen.accept(pending.version, block.payload.number(), block.hash)?;
        Ok(Arc::new(block))
    }

    fn accept(&mut self, context: &Context, pending: Pending, block: Arc<Verified<Block>>) {
        let peer = pending.peer;
        let via = if peer.is_some() { Via::Gossip } else { Via::Local };
        let timestamp_ms = block.payload.timestamp_ms(self.config.chain.subsecond);
        let delay_ms = pending.arrived.millis_since(timestamp_ms);
        let waited = context.now.mono.saturating_sub(pending.arrived.mono).as_millis();
        let judged_ms = u64::try_from(waited).unwrap_or(u64::MAX);
        self.emit(Event::Block(NewBlock { block: block.clone(), via, peer, timestamp_ms, delay_ms, judged_ms }));
        // Our own block also confirms our signer: a sequencer receives no other node's blocks.
        self.confirmed_at = Some(pending.arrived.mono);
        self.outputs.push_back(ValidationOutput::Accepted { block, peer });
        if peer.is_none() {
            let (version, data) = (pending.version, pending.message.data);
            self.outputs.push_back(ValidationOutput::Publish { version, data });
        }
    }
}
