//! The validation task: the rules that need only the message itself. They are op-node's topic validator
//! (`BuildBlocksValidator`, 2026) in its order, as a value that runs anywhere.
//!
//! The order matters twice: the signature comes before the payload is decoded, so bytes of an unknown signer never
//! reach the decoder; and the first broken rule is the fault. The rules that need other messages are in
//! [`super::Seen`].

use std::sync::Arc;

use alloy_primitives::Address;
use bytes::Bytes;

use crate::{
    block::{Block, Payload, ValidPayload, Verified},
    fault::{BlockFault, EnvelopeFault, Fault, MessageFault, NodeFault},
    fork::Version,
    message::{Form, Message},
    primitives::Primitives,
    schedule::ChainSchedule,
    sign::{Signature, SignatureError, signing_hash},
    validation::Signers,
};

/// Seconds that a block's timestamp may lie ahead of our clock (op-node; fixed there too).
pub const FUTURE: u64 = 5;

/// The id of one task; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValidationId(pub u64);

/// The stateless validation of one message, with all that it needs. Heavy (keccak over the whole payload twice), so it
/// runs on a worker thread or in the browser's worker, never in the event loop of a daemon.
#[derive(Clone, Debug)]
pub struct ValidationTask {
    /// The chain that the signature must be for.
    pub chain_id: u64,
    /// The chain's schedule.
    pub schedule: Arc<ChainSchedule>,
    /// The topic's version.
    pub version: Version,
    /// The message.
    pub message: Message,
    /// The accepted signers: bytes of an unknown signer never reach the decoder. The caller checks whether the signer
    /// is still accepted when the task ends.
    pub signers: Signers,
    /// Unix seconds at which the message arrived.
    pub at: u64,
    /// Seconds that the block's timestamp may lie behind `at`.
    pub past: u64,
}

/// The result of a [`ValidationTask`].
#[derive(Clone, Debug)]
pub struct ValidationOutcome {
    /// The signer, if it is one of [`ValidationTask::signers`]; also known when a later rule is broken.
    pub signer: Option<Address>,
    /// The block, or the first rule that the message breaks.
    pub result: Result<Verified<Block>, Fault>,
}

impl ValidationOutcome {
    /// The outcome of a task that was not run: nothing is known about the message.
    pub const fn not_run() -> Self {
        Self { signer: None, result: Err(Fault::Node(NodeFault::Late)) }
    }

    /// The outcome of a task that panicked.
    pub const fn panicked() -> Self {
        Self { signer: None, result: Err(Fault::Node(NodeFault::Panicked)) }
    }
}

impl ValidationTask {
    /// Validates the message.
    pub fn run(self, primitives: Primitives) -> ValidationOutcome {
        match self.open_message(primitives) {
            Err(fault) => ValidationOutcome { signer: None, result: Err(fault) },
            Ok((signer, Some(rewritten))) => ValidationOutcome { signer: Some(signer), result: Err(rewritten.into()) },
            Ok((signer, None)) => {
                ValidationOutcome { signer: Some(signer), result: self.block(signer, primitives).map(Verified::new) }
            }
        }
    }

    /// Validates everything but the signature: for a body (`[parent beacon root ‖] ssz`) whose signature is not
    /// available. The result is no [`Verified`] block.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn run_unsigned(&self, body: Bytes, primitives: Primitives) -> Result<ValidPayload, BlockFault> {
        let payload = Payload::decode(self.version, body)?;
        self.time(payload.timestamp())?;
        let valid = payload.validate(primitives.keccak_many)?;
        self.schedule.check_time(&valid)?;
        Ok(valid)
    }

    /// Recovers the signer, which must be an accepted one, and returns how the envelope was changed, if it was.
    fn open_message(&self, primitives: Primitives) -> Result<(Address, Option<EnvelopeFault>), Fault> {
        let form = self.message.form;
        if form == Form::Authored {
            return self.open_authored(primitives);
        }
        well_formed(form)?;
        if self.signers.current().is_none() {
            return Err(NodeFault::NoSigner.into());
        }
        Ok(self.signer(&self.message.data, primitives)?)
    }

    /// A valid message has no pubsub signature and no key. If one carries a block of our signer, a peer on the path
    /// added them.
    fn open_authored(&self, primitives: Primitives) -> Result<(Address, Option<EnvelopeFault>), Fault> {
        let inner = Message::take(&self.message.data);
        let opened = well_formed(inner.form).and_then(|()| Ok(self.signer(&inner.data, primitives)?));
        match opened {
            Ok((signer, _)) => Ok((signer, Some(EnvelopeFault::Authored))),
            Err(_) => Err(MessageFault::Authored.into()),
        }
    }

    fn signer(&self, data: &[u8], primitives: Primitives) -> Result<(Address, Option<EnvelopeFault>), MessageFault> {
        let (signature, body) = data.split_first_chunk().ok_or(MessageFault::TooShort)?;
        let signature = Signature(*signature);
        let hash = signing_hash(self.chain_id, body);
        let is_accepted = |found: &Address| self.signers.role(*found).is_some();
        match (primitives.recover)(&hash, &signature) {
            Ok(found) if is_accepted(&found) => Ok((found, None)),
            Ok(found) => Err(MessageFault::WrongSigner { found }),
            Err(error @ SignatureError::RecoveryId(id)) => {
                let normalized = signature.with_parity().ok_or(error)?;
                let found = (primitives.recover)(&hash, &normalized).ok().filter(is_accepted).ok_or(error)?;
                Ok((found, Some(EnvelopeFault::RecoveryId(id))))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn block(&self, signer: Address, primitives: Primitives) -> Result<Block, Fault> {
        let bytes = self.message.data.len();
        let signature = self.message.data.first_chunk().copied().map(Signature);
        let body = self.message.data.slice(Signature::LEN.min(bytes)..);
        let (payload, hash) = self.run_unsigned(body, primitives)?.into_parts();
        Ok(Block { payload, hash, signer: Some(signer), signature, bytes })
    }

    fn time(&self, timestamp: u64) -> Result<(), BlockFault> {
        let oldest = self.at.saturating_sub(self.past);
        let newest = self.at.saturating_add(FUTURE);
        if timestamp < oldest {
            return Err(BlockFault::TooOld { timestamp, by: oldest - timestamp });
        }
        if timestamp > newest {
            return Err(BlockFault::TooNew { timestamp, by: timestamp - newest });
        }
        Ok(())
    }
}

const fn well_formed(form: Form) -> Result<(), Fault> {
    match form {
        Form::Snappy => Ok(()),
        Form::BadHeader => Err(Fault::Message(MessageFault::SnappyHeader)),
        Form::TooLarge => Err(Fault::Message(MessageFault::TooLarge)),
        Form::TooShort => Err(Fault::Message(MessageFault::TooShort)),
        Form::Corrupt => Err(Fault::Message(MessageFault::SnappyBody)),
        Form::Authored => Err(Fault::Message(MessageFault::Authored)),
        Form::Surplus => Err(Fault::Node(NodeFault::Surplus)),
    }
}

/// The timestamp that a decompressed message has if it is on `version`'s topic, not validated; `None` when it is too
/// short. For choosing a topic offline, where none is given.
pub fn peek_timestamp(version: Version, data: &[u8]) -> Option<u64> {
    let root = if version.has_beacon_root() { 32 } else { 0 };
    let at = Signature::LEN + root + 428;
    data.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}
