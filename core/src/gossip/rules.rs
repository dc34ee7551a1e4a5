//! The rules that need nothing but the message itself: op-node's topic validator (`BuildBlocksValidator`, 2026) in its
//! order, as a value that runs anywhere.
//!
//! Order matters twice: the signature comes before the payload is decoded, so a stranger's bytes never reach the
//! decoder; and the first broken rule names the fault. The rules that need other messages are [`super::Seen`]'s.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use bytes::Bytes;

use super::{Fault, Form, Message, Role, Signers};
use crate::{
    block::{Block, Payload},
    fork::{Fork, Forks, Version},
    primitives::Primitives,
    request::Fetched,
    sign::{Signature, signing_hash},
};

/// Seconds that a block's timestamp may lie ahead of our clock (op-node; fixed there too).
pub const FUTURE: u64 = 5;

/// Something that passed the rules. Only this module can make one.
#[derive(Clone, Debug)]
pub struct Verified<T>(T);

impl<T> core::ops::Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Verified<Block> {
    /// A block that bears no signature, and whose hash a verified child names as its parent's: the signer of the child has
    /// signed for all that is below it. `None` when it is another block.
    pub(crate) fn linked(fetched: Fetched, expected: B256) -> Option<Self> {
        let Fetched { payload, hash } = fetched;
        let bytes = payload.body().len();
        (hash == expected).then_some(Self(Block { payload, hash, signer: None, bytes }))
    }
}

/// The stateless judgement of one message, with all that it needs: heavy (keccak over the whole payload twice), so it
/// runs on a worker thread or in the browser's worker, never in the event loop of a daemon.
#[derive(Clone, Debug)]
pub struct Check {
    /// The chain that the signature must be for.
    pub chain_id: u64,
    /// The chain's schedule; only Jovian's rule asks for it.
    pub forks: Arc<Forks>,
    /// The topic's version.
    pub version: Version,
    /// The message.
    pub message: Message,
    /// Who may have signed it.
    pub signers: Signers,
    /// Unix seconds at which the message arrived.
    pub at: u64,
    /// Seconds that a timestamp may lie behind `at`.
    pub past: u64,
}

/// What came of a [`Check`].
#[derive(Clone, Debug)]
pub struct Checked {
    /// Whose signature it bears, if it is one of ours: known even when a later rule is broken.
    pub role: Option<Role>,
    /// The block, or the first rule that the message breaks.
    pub result: Result<Verified<Block>, Fault>,
}

impl Checked {
    /// The outcome of a check that panicked.
    pub const fn panicked() -> Self {
        Self { role: None, result: Err(Fault::Panicked) }
    }
}

impl Check {
    /// Judges the message.
    pub fn run(self, primitives: Primitives) -> Checked {
        match self.signer(primitives) {
            Err(fault) => Checked { role: None, result: Err(fault) },
            Ok((signer, role)) => Checked { role: Some(role), result: self.block(signer, primitives).map(Verified) },
        }
    }

    /// Judges all but the signature: for a body (`[parent beacon root ‖] ssz`) whose signature is not at hand. The
    /// result is no [`Verified`] block.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn run_unsigned(&self, body: Bytes, primitives: Primitives) -> Result<(Payload, B256), Fault> {
        let payload = Payload::decode(self.version, body)?;
        self.time(payload.timestamp())?;
        let hash = claimed_hash(&payload, primitives)?;
        self.fields(&payload)?;
        Ok((payload, hash))
    }

    fn signer(&self, primitives: Primitives) -> Result<(Address, Role), Fault> {
        well_formed(self.message.form)?;
        if self.signers.current().is_none() {
            return Err(Fault::NoSigner);
        }
        let (signature, body) = self.message.data.split_first_chunk().ok_or(Fault::TooShort)?;
        let found = (primitives.recover)(&signing_hash(self.chain_id, body), &Signature(*signature))?;
        let role = self.signers.role(found).ok_or(Fault::WrongSigner { found })?;
        Ok((found, role))
    }

    fn block(&self, signer: Address, primitives: Primitives) -> Result<Block, Fault> {
        let bytes = self.message.data.len();
        let body = self.message.data.slice(Signature::LEN.min(bytes)..);
        let (payload, hash) = self.run_unsigned(body, primitives)?;
        Ok(Block { payload, hash, signer: Some(signer), bytes })
    }

    fn time(&self, timestamp: u64) -> Result<(), Fault> {
        let oldest = self.at.saturating_sub(self.past);
        let newest = self.at.saturating_add(FUTURE);
        if timestamp < oldest {
            return Err(Fault::TooOld { timestamp, by: oldest - timestamp });
        }
        if timestamp > newest {
            return Err(Fault::TooNew { timestamp, by: timestamp - newest });
        }
        Ok(())
    }

    fn fields(&self, payload: &Payload) -> Result<(), Fault> {
        match payload.withdrawals().len() {
            0 => {}
            listed => return Err(Fault::Withdrawals(listed)),
        }
        match payload.blob_gas_used() {
            // From Jovian on it carries the block's data availability footprint.
            Some(used) if used != 0 && !self.forks.active(Fork::Jovian, payload.timestamp()) => {
                return Err(Fault::BlobGasUsed(used));
            }
            _ => {}
        }
        match payload.excess_blob_gas() {
            Some(excess) if excess != 0 => Err(Fault::ExcessBlobGas(excess)),
            _ => Ok(()),
        }
    }
}

const fn well_formed(form: Form) -> Result<(), Fault> {
    match form {
        Form::Snappy => Ok(()),
        Form::BadHeader => Err(Fault::SnappyHeader),
        Form::TooLarge => Err(Fault::TooLarge),
        Form::TooShort => Err(Fault::TooShort),
        Form::Corrupt => Err(Fault::SnappyBody),
        Form::Authored => Err(Fault::Authored),
        Form::Surplus => Err(Fault::Surplus),
    }
}

/// The payload's own hash, recomputed. A number of 2^63 or more has no meaningful hash in op-node.
fn claimed_hash(payload: &Payload, primitives: Primitives) -> Result<B256, Fault> {
    if i64::try_from(payload.number()).is_err() {
        return Err(Fault::Number(payload.number()));
    }
    let computed = payload.compute_hash(primitives.keccak_many);
    if computed == payload.block_hash() { Ok(computed) } else { Err(Fault::BlockHash { computed }) }
}

/// The timestamp that a decompressed message would have on `version`'s topic, unjudged; `None` when it is too short.
/// For choosing a topic offline, where none is given.
pub fn peek_timestamp(version: Version, data: &[u8]) -> Option<u64> {
    let root = if version.has_beacon_root() { 32 } else { 0 };
    let at = Signature::LEN + root + 428;
    data.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}
