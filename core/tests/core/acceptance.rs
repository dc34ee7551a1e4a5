//! Penalties: the acceptance of every fault, by the signer of the bytes.

use alloy_primitives::{Address, B256};
use petrel_core::{
    block::{DecodeError, InvalidPayload, Withdrawal},
    fault::{Acceptance, BlockFault, EnvelopeFault, Fault, MessageFault, NodeFault, Verdict},
    fork::Version,
    message::{Form, Message},
    primitives::Primitives,
    schedule::OffSchedule,
    sign::SignatureError,
    validation::{Signers, ValidationOutcome, ValidationTask},
};

use crate::forge::{Forge, NOW, forge, key, message_of, signer, task};

/// The signer of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provenance {
    Current,
    Previous,
    Unknown,
    Invalid,
}

use Provenance::{Current, Invalid, Previous, Unknown};

/// A fault name, a change of the block, and a change of the message that cause it.
type Wrong = (&'static str, fn(Forge) -> Forge, fn(Vec<u8>) -> Message);

fn as_it_is(data: Vec<u8>) -> Message {
    message_of(data)
}

fn same(forge: Forge) -> Forge {
    forge
}

/// Faults of the signed block, and faults of the message around it.
const WRONG: [Wrong; 12] = [
    (
        "undecodable",
        |forge| forge.with(|payload| payload.extra_data = vec![0; 32].into()),
        |mut data| {
            // The offset of the transactions decreases. It is signed again below.
            data[65 + 32 + 504] = 0;
            message_of(data)
        },
    ),
    ("too_old", |forge| forge.with(|payload| payload.timestamp = NOW - 61), as_it_is),
    ("too_new", |forge| forge.with(|payload| payload.timestamp = NOW + 6), as_it_is),
    ("number", |forge| forge.with(|payload| payload.block_number = 1 << 63), as_it_is),
    ("block_hash", |forge| forge.with_block_hash(B256::repeat_byte(1)), as_it_is),
    ("empty_transaction", |forge| forge.with(|payload| payload.transactions.push(Default::default())), as_it_is),
    ("withdrawals", |forge| forge.with(|payload| payload.withdrawals.push(Withdrawal::default())), as_it_is),
    ("excess_blob_gas", |forge| forge.with(|payload| payload.excess_blob_gas = 1), as_it_is),
    ("snappy_body", same, |data| Message { form: Form::Corrupt, ..message_of(data) }),
    ("snappy_header", same, |data| Message { form: Form::BadHeader, ..message_of(data) }),
    ("too_large", same, |data| Message { form: Form::TooLarge, ..message_of(data) }),
    ("too_short", same, |data| Message { form: Form::TooShort, ..message_of(data) }),
];

fn validate(message: Message) -> ValidationOutcome {
    let mut signers = Signers::new(Some(key(3).address()));
    signers.read(core::time::Duration::ZERO, Some(signer()));
    ValidationTask { signers, ..task(Version::V4, petrel_core::fork::Fork::Jovian, message) }.run(Primitives::PORTABLE)
}

/// The message as signed by `by`.
fn sealed(by: Provenance, forge: &Forge) -> Vec<u8> {
    match by {
        Current => forge.clone().signed_by(1).signed_bytes(),
        Previous => forge.clone().signed_by(3).signed_bytes(),
        Unknown => forge.clone().signed_by(9).signed_bytes(),
        Invalid => {
            let mut data = forge.signed_bytes();
            data[..65].fill(0);
            data
        }
    }
}

#[test]
fn an_invalid_block_that_a_known_signer_signed_has_no_penalty() {
    for (name, change, wire) in WRONG {
        for by in [Current, Previous, Unknown, Invalid] {
            let forge = change(forge(Version::V4));
            let mut message = wire(sealed(by, &forge));
            if name == "undecodable" && by != Invalid {
                let body = message.data.slice(65..);
                let key = key(match by {
                    Current => 1,
                    Previous => 3,
                    _ => 9,
                });
                message = message_of(petrel_core::sign::seal_body(&key, 10, &body));
            }
            let checked = validate(message);
            let fault = checked.result.unwrap_err();
            // A message that does not decompress is the fault of its sender.
            let broken = name.starts_with("snappy") || matches!(name, "too_large" | "too_short");
            let ours = matches!(by, Current | Previous) && !broken;
            let (expected, acceptance) = match (ours, by) {
                (true, _) => (name, Acceptance::Ignore),
                (false, _) if broken => (name, Acceptance::Charge),
                (false, Unknown) => ("wrong_signer", Acceptance::Charge),
                (false, _) => ("signature", Acceptance::Charge),
            };
            assert_eq!((fault.name(), fault.acceptance()), (expected, acceptance), "{name} by {by:?}");
            assert_eq!(checked.signer.is_some(), ours, "{name} by {by:?}");
            assert_eq!(fault.verdict(), Verdict::Reject, "{name} by {by:?}");
        }
    }
}

#[test]
fn a_rewritten_message_is_penalised_only_if_no_known_signer_signed_it() {
    let authored = |data: Vec<u8>| {
        let wire = snap::raw::Encoder::new().compress_vec(&data).unwrap();
        Message::unread(Form::Authored, &wire.into())
    };
    let rewritten = |mut data: Vec<u8>| {
        data[64] += 27;
        message_of(data)
    };
    let authored: fn(_) -> _ = authored;
    let rewrites = [("rewritten_authored", authored, "authored"), ("rewritten_recovery_id", rewritten, "signature")];
    for (ours, rewrite, others) in rewrites {
        for by in [Current, Previous, Unknown, Invalid] {
            // With and without another fault of the block.
            for change in [same as fn(Forge) -> Forge, |forge| forge.with(|payload| payload.excess_blob_gas = 1)] {
                let fault = validate(rewrite(sealed(by, &change(forge(Version::V4))))).result.unwrap_err();
                let is_ours = matches!(by, Current | Previous);
                let expected = if is_ours { (ours, Acceptance::Ignore) } else { (others, Acceptance::Charge) };
                assert_eq!((fault.name(), fault.acceptance()), expected, "{by:?}");
            }
        }
    }
}

/// One of each fault, with its acceptance.
#[test]
fn every_fault_has_its_expected_acceptance() {
    let (message, block, envelope, node) =
        (Acceptance::Charge, Acceptance::Ignore, Acceptance::Ignore, Acceptance::Ignore);
    let invalid = |fault| Fault::Block(BlockFault::Invalid(fault));
    let table: Vec<(Fault, Acceptance)> = vec![
        (MessageFault::SnappyHeader.into(), message),
        (MessageFault::TooLarge.into(), message),
        (MessageFault::TooShort.into(), message),
        (MessageFault::SnappyBody.into(), message),
        (MessageFault::Authored.into(), message),
        (MessageFault::Signature(SignatureError::NoKey).into(), message),
        (MessageFault::WrongSigner { found: Address::ZERO }.into(), message),
        (BlockFault::Undecodable(DecodeError::ExtraData(33)).into(), block),
        (BlockFault::TooOld { timestamp: 0, by: 1 }.into(), block),
        (BlockFault::TooNew { timestamp: 0, by: 1 }.into(), block),
        (invalid(InvalidPayload::Number(u64::MAX)), block),
        (invalid(InvalidPayload::EmptyTransaction { index: 0 }), block),
        (invalid(InvalidPayload::BlockHash { computed: B256::ZERO }), block),
        (invalid(InvalidPayload::Withdrawals(1)), block),
        (invalid(InvalidPayload::BlobGasUsed(1)), block),
        (invalid(InvalidPayload::ExcessBlobGas(1)), block),
        (BlockFault::OffSchedule(OffSchedule::Missing).into(), block),
        (BlockFault::TooManyAtHeight { number: 1 }.into(), block),
        (BlockFault::Seen.into(), block),
        (EnvelopeFault::RecoveryId(27).into(), envelope),
        (EnvelopeFault::Authored.into(), envelope),
        (NodeFault::Surplus.into(), node),
        (NodeFault::NoSigner.into(), node),
        (NodeFault::Retired.into(), node),
        (NodeFault::Late.into(), node),
        (NodeFault::NoRoom.into(), node),
        (NodeFault::Panicked.into(), node),
    ];
    let mut names: Vec<&str> = Vec::new();
    for (fault, acceptance) in table {
        assert_eq!(fault.acceptance(), acceptance, "{fault}");
        names.push(fault.name());
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "names are unique");
}
