//! Petrel's way: decompress once, and id, signature, payload and hash all read that one buffer.

use petrel_core::{
    fork::Version,
    message::{Message, MessageId},
    primitives::Primitives,
    validation::{Signers, ValidationOutcome, ValidationTask},
};

use crate::sample::Sample;

/// The id, and everything that the rules say about one message.
pub(crate) fn judge(sample: &Sample, primitives: Primitives) -> (MessageId, ValidationOutcome) {
    let message = Message::take(&sample.wire);
    let id = message.id(&sample.topic);
    let check = ValidationTask {
        chain_id: sample.chain.id,
        schedule: sample.schedule.clone(),
        version: Version::V4,
        message,
        signers: Signers::new(sample.chain.signer),
        at: sample.timestamp,
        past: 60,
    };
    (id, check.run(primitives))
}
