//! The verdict on a document that somebody else made.

use alloy_primitives::{Address, B256, hex};
use bytes::Bytes;
use serde::Serialize;

use super::{
    fault::EvidenceFault,
    pair::Evidence,
    stated::{KIND, MAX_BYTES, StatedBlock, StatedEvidence},
};
use crate::{
    block::{Block, Verified},
    fault::{MessageFault, Verdict},
    fork::Version,
    message::{MAX_MESSAGE, Message},
    offline::MessageJudge,
    primitives::Primitives,
    validation::{ValidationTask, peek_timestamp},
};

/// The verdict on a document, as `petrel check` and `petrel/verify` report it. Except `kind`, `verdict`, `fault` and
/// `detail`, everything is `null` unless it is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvidenceReport {
    /// [`KIND`].
    pub kind: &'static str,
    /// The chain id.
    pub chain: Option<u64>,
    /// The signer of both blocks.
    pub signer: Option<Address>,
    /// The number of both blocks.
    pub number: Option<u64>,
    /// The hashes of the two blocks.
    pub hashes: Option<[B256; 2]>,
    /// `accept`, `reject`, or `ignore` when no signer is known.
    pub verdict: &'static str,
    /// The stable name of what is wrong.
    pub fault: Option<&'static str>,
    /// What is wrong, as text.
    pub detail: Option<String>,
}

/// Judges a document: with the judge's chain and signer, and each block by its own time.
pub fn judge(json: &[u8], judge: &MessageJudge, primitives: Primitives) -> EvidenceReport {
    let nothing = EvidenceReport {
        kind: KIND,
        chain: None,
        signer: None,
        number: None,
        hashes: None,
        verdict: Verdict::Accept.as_str(),
        fault: None,
        detail: None,
    };
    match verify(json, judge, primitives) {
        Ok(evidence) => EvidenceReport {
            chain: Some(evidence.chain),
            signer: Some(evidence.signer),
            number: Some(evidence.number),
            hashes: Some(evidence.blocks.map(|block| block.hash)),
            ..nothing
        },
        Err(fault) => EvidenceReport {
            verdict: fault.verdict().as_str(),
            fault: Some(fault.name()),
            detail: Some(fault.to_string()),
            ..nothing
        },
    }
}

/// The evidence that a document has.
///
/// # Errors
/// What is wrong with it first.
pub fn verify(json: &[u8], judge: &MessageJudge, primitives: Primitives) -> Result<Evidence, EvidenceFault> {
    if json.len() > MAX_BYTES {
        return Err(EvidenceFault::TooLarge(json.len()));
    }
    let stated = StatedEvidence::read(json)?;
    let expected = judge.chain().id;
    if stated.chain != expected {
        return Err(EvidenceFault::OtherChain { found: stated.chain, expected });
    }
    let block = |place, block| signed_block(place, block, judge, primitives);
    let [first, second] = &stated.blocks;
    let (first, second) = (block(1, first)?, block(2, second)?);
    let numbers = (first.payload.number(), second.payload.number());
    if numbers.0 != numbers.1 {
        return Err(EvidenceFault::OtherHeight { first: numbers.0, second: numbers.1 });
    }
    if first.hash == second.hash {
        return Err(EvidenceFault::SameBlock(first.hash));
    }
    let evidence = Evidence::new(stated.chain, [&first, &second]).ok_or(EvidenceFault::Misstated("signer"))?;
    match misstated(&stated, &evidence) {
        Some(field) => Err(EvidenceFault::Misstated(field)),
        None => Ok(evidence),
    }
}

/// A block of a document, verified; `place` is 1 or 2.
fn signed_block(
    place: u8,
    stated: &StatedBlock<'_>,
    judge: &MessageJudge,
    primitives: Primitives,
) -> Result<Verified<Block>, EvidenceFault> {
    let malformed = |what: &str| EvidenceFault::Malformed(format!("{what} of block {place}"));
    let version = Version::from_name(&stated.version).ok_or_else(|| malformed("the version"))?;
    let digits = stated.message.strip_prefix("0x").ok_or_else(|| malformed("the message"))?;
    if digits.len() > 2 * MAX_MESSAGE {
        return Err(EvidenceFault::Message { place, fault: MessageFault::TooLarge.into() });
    }
    let data = Bytes::from(hex::decode(digits).map_err(|_| malformed("the message"))?);
    let timestamp = peek_timestamp(version, &data);
    let task = judge.task(version, Message::of_decompressed(data), timestamp);
    // A block is as old as it is: evidence does not expire.
    let task = ValidationTask { at: timestamp.unwrap_or_default(), ..task };
    task.run(primitives).result.map_err(|fault| EvidenceFault::Message { place, fault })
}

/// The first field that states something else than the messages.
fn misstated(stated: &StatedEvidence<'_>, evidence: &Evidence) -> Option<&'static str> {
    let stated_hashes = stated.blocks.each_ref().map(|block| block.hash);
    let wrong = [
        ("signer", stated.signer != evidence.signer),
        ("number", stated.number != evidence.number),
        ("hash", stated_hashes != evidence.blocks.each_ref().map(|block| block.hash)),
    ];
    wrong.into_iter().find_map(|(field, is_wrong)| is_wrong.then_some(field))
}
