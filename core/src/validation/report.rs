//! Reports: the result of a message for gossipsub, the event for it, and mismatch detection.

use core::time::Duration;

use alloy_primitives::Address;

use super::{
    Mismatch, Pending, Place, SignerRole, Validation, ValidationOutput,
    witnesses::{place_of_witness, witness_places},
};
use crate::{
    block::{Block, Verified},
    context::Context,
    event::{ClockSkew, Event, InvalidMessage, SignerMismatch},
    fault::{Acceptance, BlockFault, Fault, MessageFault, Offence, Verdict},
    peer::PeerId,
};

impl Validation {
    /// A block of our signer that was accepted within this time, or within two block intervals, confirms our signer.
    const CONFIRMED_FOR: Duration = Duration::from_secs(4);

    /// Reports a message's result to gossipsub, and emits the event.
    pub(super) fn report(&mut self, context: &Context, pending: &Pending, result: Result<(), Fault>) {
        let acceptance = match &result {
            Ok(()) => Acceptance::Accept,
            Err(Fault::Message(MessageFault::WrongSigner { found }))
                if self.may_be_our_fault(context, *found, pending.peer) =>
            {
                Acceptance::Ignore
            }
            Err(fault) => fault.acceptance(),
        };
        if let (Some(id), Some(peer)) = (pending.id, pending.peer) {
            self.outputs.push_back(ValidationOutput::Report { id, peer, acceptance });
        }
        self.counts.reported(&result);
        if let Err(cause) = result {
            let (fault, detail) = (cause.name(), cause.to_string());
            let message = InvalidMessage { peer: pending.peer, version: pending.version, fault, detail, cause };
            let rejected = cause.verdict() == Verdict::Reject;
            self.emit(if rejected { Event::Rejected(message) } else { Event::Ignored(message) });
        }
        if let (Some(peer), Acceptance::Charge) = (pending.peer.filter(|_| pending.id.is_some()), acceptance) {
            self.outputs.push_back(ValidationOutput::Offence(peer, Offence::InvalidMessage));
        }
    }

    /// Whether an unknown signer's block may be the network's and our signer wrong: possible while no recent block
    /// confirms our signer. While blocks of our signer come, every relay of an unknown signer is penalised, however
    /// many agree: a peer that forwards a new signer's first blocks in that time is penalised for two or three, which
    /// is no ban. With an outdated signer the first honest peer sends every block, long before two others agree with
    /// it.
    fn may_be_our_fault(&self, context: &Context, unknown: Address, peer: Option<PeerId>) -> bool {
        let reports_few = |peer| self.mismatch.unknown_signers_of(peer) <= 2;
        !self.is_confirmed(context) && (self.mismatch.exempts(unknown) || peer.is_none_or(reports_few))
    }

    /// Whether a recent block confirms our signer.
    fn is_confirmed(&self, context: &Context) -> bool {
        let recently = (2 * context.interval).max(Self::CONFIRMED_FOR);
        self.confirmed_at.is_some_and(|at| context.now.mono.saturating_sub(at) <= recently)
    }

    /// The place of a peer whose word may show that we are wrong; while our signer is confirmed nobody's does.
    fn witness_against_us(&self, context: &Context, peer: PeerId) -> Option<Place> {
        if self.is_confirmed(context) { None } else { place_of_witness(context, peer) }
    }

    /// Feeds a message's result into mismatch detection.
    pub(super) fn detect_mismatch(
        &mut self,
        context: &Context,
        pending: &Pending,
        role: Option<SignerRole>,
        result: &Result<Verified<Block>, Fault>,
    ) {
        let Some(peer) = pending.peer else { return };
        let timestamp_ms = match result {
            Ok(block) => {
                self.mismatch.reset();
                self.confirmed_at = Some(pending.arrived.mono);
                block.payload.timestamp_ms(self.config.chain.subsecond)
            }
            Err(Fault::Block(BlockFault::TooOld { timestamp, .. } | BlockFault::TooNew { timestamp, .. })) => {
                timestamp.saturating_mul(1000)
            }
            Err(Fault::Message(MessageFault::WrongSigner { found })) => {
                let place = self.witness_against_us(context, peer);
                let mismatch = self.mismatch.unknown_signer(*found, peer, place);
                return self.emit_mismatch(context, mismatch);
            }
            Err(_) => return,
        };
        let offset_ms = pending.arrived.millis_since(timestamp_ms);
        self.counts.offset_ms = Some(offset_ms);
        if let (Err(_), Some(_), Some(place)) = (result, role, self.witness_against_us(context, peer)) {
            let places = witness_places(context);
            let mismatch = self.mismatch.out_of_time(offset_ms / 1000, peer, place, places);
            self.emit_mismatch(context, mismatch);
        }
    }

    fn emit_mismatch(&mut self, context: &Context, mismatch: Option<Mismatch>) {
        match mismatch {
            None => {}
            Some(Mismatch::Signer { found, peers }) => {
                if let Some(expected) = self.signers.current() {
                    self.emit(Event::SignerMismatch(SignerMismatch { expected, found, peers }));
                }
            }
            Some(Mismatch::Clock { offset, peers }) => {
                let skew = ClockSkew { offset_secs: offset, peers };
                let agrees = self.clock_agrees_at(context.now.mono);
                self.emit(if agrees { Event::SequencerSkew(skew) } else { Event::ClockSkew(skew) });
            }
        }
    }
}
