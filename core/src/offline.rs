//! The validation of one captured message without a node: `petrel check` and the npm package's `petrel/verify`.
//!
//! It is the node's own [`ValidationTask`]. Only the rules that need other messages (duplicates, too many blocks of one
//! height) are missing.

use std::sync::Arc;

use alloy_primitives::Address;
use bytes::Bytes;

use crate::{
    block::Payload,
    chain::Chain,
    fault::{BlockFault, Fault, MessageFault},
    fork::Version,
    message::{Form, Message, MessageId},
    primitives::Primitives,
    schedule::ChainSchedule,
    sign::Signature,
    validation::{Signers, ValidationTask, peek_timestamp},
};

/// Offset of the timestamp in the SSZ bytes of a payload of any version.
const TIMESTAMP: usize = 428;

/// How messages are judged.
#[derive(Clone, Debug)]
pub struct MessageJudge {
    chain: Chain,
    schedule: Arc<ChainSchedule>,
    /// The accepted signer; without one no message is accepted, but a body without a signature can be.
    pub signer: Option<Address>,
    /// The version of the topic; `None` selects it by the message.
    pub topic: Option<Version>,
    /// The time of validation, Unix seconds; `None` takes each block's own timestamp.
    pub at: Option<u64>,
    /// Seconds that the block's timestamp may lie behind the time of validation.
    pub past: u64,
}

/// One message and its verdict.
#[derive(Clone, Debug)]
pub struct JudgedMessage {
    /// The version of the topic on which it was judged.
    pub version: Version,
    /// The payload, whenever it decodes: also of a message that is not accepted, and then not verified.
    pub payload: Option<Payload>,
    /// The signer, also when it is another one; `None` when it cannot be recovered, or is not looked at.
    pub signer: Option<Address>,
    /// The message id on the topic; `None` for a body without a signature.
    pub id: Option<MessageId>,
    /// The first rule that it breaks; `None` when it is accepted.
    pub fault: Option<Fault>,
    /// The fork that an accepted block shows and the chain's schedule lacks.
    pub schedule_mismatch: Option<&'static str>,
}

impl MessageJudge {
    /// Seconds that a block's timestamp may lie behind (op-node).
    pub const PAST: u64 = 60;

    /// For this chain and accepted signer: on the topic of each message, by the block's own time.
    pub fn new(chain: Chain, signer: Option<Address>) -> Self {
        let schedule = Arc::new(ChainSchedule::new(&chain));
        Self { chain, schedule, signer, topic: None, at: None, past: Self::PAST }
    }

    /// The chain.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Judges a message as it was received.
    pub fn message(&self, message: Message, primitives: Primitives) -> JudgedMessage {
        let data = if message.form == Form::Snappy { message.data.clone() } else { Bytes::new() };
        let body = data.slice(Signature::LEN.min(data.len())..);
        let timestamp = |version| peek_timestamp(version, &data);
        let version = self.topic.unwrap_or_else(|| self.version(&body, timestamp));
        let id = message.id(&self.chain.topic(version));
        let outcome = self.task(version, message, timestamp(version)).run(primitives);
        let signer = match &outcome.result {
            Err(Fault::Message(MessageFault::WrongSigner { found })) => Some(*found),
            _ => outcome.signer,
        };
        let (payload, fault) = match outcome.result {
            Ok(block) => (Some(block.payload.clone()), None),
            Err(fault) => (Payload::decode(version, body).ok(), Some(fault)),
        };
        self.judged(JudgedMessage { version, payload, signer, id: Some(id), fault, schedule_mismatch: None })
    }

    /// Judges a body (`[parent beacon root ‖] ssz`) whose signature is not available; `version` is the one that its
    /// format shows.
    pub fn body(&self, body: &Bytes, version: Option<Version>, primitives: Primitives) -> JudgedMessage {
        let timestamp = |version| {
            let at = TIMESTAMP + if Version::has_beacon_root(version) { 32 } else { 0 };
            body.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
        };
        let version = self.topic.or(version).unwrap_or_else(|| self.version(body, timestamp));
        let message = Message { form: Form::Snappy, data: Bytes::new(), wire: 0 };
        let task = self.task(version, message, timestamp(version));
        let fault: Option<BlockFault> = task.run_unsigned(body.clone(), primitives).err();
        let payload = Payload::decode(version, body.clone()).ok();
        let fault = fault.map(Fault::from);
        self.judged(JudgedMessage { version, payload, signer: None, id: None, fault, schedule_mismatch: None })
    }

    /// The validation of a message; `timestamp` is its block's, as far as it can be read.
    pub fn task(&self, version: Version, message: Message, timestamp: Option<u64>) -> ValidationTask {
        ValidationTask {
            chain_id: self.chain.id,
            schedule: self.schedule.clone(),
            version,
            message,
            signers: Signers::new(self.signer),
            at: self.at.or(timestamp).unwrap_or_default(),
            past: self.past,
        }
    }

    fn judged(&self, judged: JudgedMessage) -> JudgedMessage {
        let accepted = judged.payload.as_ref().filter(|_| judged.fault.is_none());
        let schedule_mismatch = accepted.and_then(|payload| self.schedule.contradicts(payload));
        JudgedMessage { schedule_mismatch, ..judged }
    }

    /// Of the versions in which the body decodes, the one whose fork is active at its timestamp, or another one, because
    /// the schedule may lack a fork; else the one whose fork is active at the timestamp that the body would have.
    fn version(&self, body: &Bytes, timestamp: impl Fn(Version) -> Option<u64>) -> Version {
        let due = |version: &Version| timestamp(*version).is_some_and(|at| self.chain.version_at(at) == *version);
        let decodes = |version: &Version| Payload::decode(*version, body.clone()).is_ok();
        let versions = || Version::ALL.into_iter().rev();
        let decodable = versions().filter(decodes).max_by_key(due);
        decodable.or_else(|| versions().find(due)).unwrap_or(Version::V4)
    }
}
