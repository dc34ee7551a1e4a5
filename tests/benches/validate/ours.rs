//! Petrel's way: one decompression; id, signature, payload and hash are computed from the same buffer.

use petrel_core::{
    fork::Version,
    message::{Message, MessageId},
    primitives::Primitives,
    validation::{Signers, ValidationOutcome, ValidationTask},
};

use crate::sample::Sample;

/// Computes the id and validates one message.
pub(crate) fn validate(sample: &Sample, primitives: Primitives) -> (MessageId, ValidationOutcome) {
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
