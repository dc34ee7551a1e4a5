//! Who pays for what: every fault, by whoever signed the bytes.

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

use crate::forge::{Forge, NOW, check, forge, key, plain, signer};

/// Who signed the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provenance {
    Current,
    Previous,
    Stranger,
    Nobody,
}

use Provenance::{Current, Nobody, Previous, Stranger};

/// What is wrong with a message; the least wrong one.
type Wrong = (&'static str, fn(Forge) -> Forge, fn(Vec<u8>) -> Message);

fn as_it_is(data: Vec<u8>) -> Message {
    plain(data)
}

fn same(forge: Forge) -> Forge {
    forge
}

/// Everything that can be wrong behind a signature, and around it.
const WRONG: [Wrong; 12] = [
    (
        "undecodable",
        |forge| forge.with(|payload| payload.extra_data = vec![0; 32].into()),
        |mut data| {
            // The offset of the transactions goes back. It is signed again below.
            data[65 + 32 + 504] = 0;
            plain(data)
        },
    ),
    ("too_old", |forge| forge.with(|payload| payload.timestamp = NOW - 61), as_it_is),
    ("too_new", |forge| forge.with(|payload| payload.timestamp = NOW + 6), as_it_is),
    ("number", |forge| forge.with(|payload| payload.block_number = 1 << 63), as_it_is),
    ("block_hash", |forge| forge.claiming(B256::repeat_byte(1)), as_it_is),
    ("empty_transaction", |forge| forge.with(|payload| payload.transactions.push(Default::default())), as_it_is),
    ("withdrawals", |forge| forge.with(|payload| payload.withdrawals.push(Withdrawal::default())), as_it_is),
    ("excess_blob_gas", |forge| forge.with(|payload| payload.excess_blob_gas = 1), as_it_is),
    ("snappy_body", same, |data| Message { form: Form::Corrupt, ..plain(data) }),
    ("snappy_header", same, |data| Message { form: Form::BadHeader, ..plain(data) }),
    ("too_large", same, |data| Message { form: Form::TooLarge, ..plain(data) }),
    ("too_short", same, |data| Message { form: Form::TooShort, ..plain(data) }),
];

fn judge(message: Message) -> ValidationOutcome {
    let mut signers = Signers::new(Some(key(3).address()));
    signers.read(core::time::Duration::ZERO, Some(signer()));
    ValidationTask { signers, ..check(Version::V4, petrel_core::fork::Fork::Jovian, message) }.run(Primitives::PORTABLE)
}

/// The sealed message of whoever signs it.
fn sealed(by: Provenance, forge: &Forge) -> Vec<u8> {
    match by {
        Current => forge.clone().by(1).sealed(),
        Previous => forge.clone().by(3).sealed(),
        Stranger => forge.clone().by(9).sealed(),
        Nobody => {
            let mut data = forge.sealed();
            data[..65].fill(0);
            data
        }
    }
}

#[test]
fn what_our_signers_signed_is_charged_to_nobody_whichever_rule_it_breaks() {
    for (name, change, wire) in WRONG {
        for by in [Current, Previous, Stranger, Nobody] {
            let forge = change(forge(Version::V4));
            let mut message = wire(sealed(by, &forge));
            if name == "undecodable" && by != Nobody {
                let body = message.data.slice(65..);
                let key = key(match by {
                    Current => 1,
                    Previous => 3,
                    _ => 9,
                });
                message = plain(petrel_core::sign::seal_body(&key, 10, &body));
            }
            let checked = judge(message);
            let fault = checked.result.unwrap_err();
            // Broken on the wire: whoever sent it did that, for nothing of it can be anybody's.
            let broken = name.starts_with("snappy") || matches!(name, "too_large" | "too_short");
            let ours = matches!(by, Current | Previous) && !broken;
            let (expected, acceptance) = match (ours, by) {
                (true, _) => (name, Acceptance::Ignore),
                (false, _) if broken => (name, Acceptance::Charge),
                (false, Stranger) => ("wrong_signer", Acceptance::Charge),
                (false, _) => ("signature", Acceptance::Charge),
            };
            assert_eq!((fault.name(), fault.acceptance()), (expected, acceptance), "{name} by {by:?}");
            assert_eq!(checked.signer.is_some(), ours, "{name} by {by:?}");
            assert_eq!(fault.verdict(), Verdict::Reject, "{name} by {by:?}");
        }
    }
}

#[test]
fn what_is_rewritten_on_its_way_is_charged_only_when_it_is_not_ours() {
    let authored = |data: Vec<u8>| {
        let wire = snap::raw::Encoder::new().compress_vec(&data).unwrap();
        Message::unread(Form::Authored, &wire.into())
    };
    let rewritten = |mut data: Vec<u8>| {
        data[64] += 27;
        plain(data)
    };
    let authored: fn(_) -> _ = authored;
    let rewrites = [("rewritten_authored", authored, "authored"), ("rewritten_recovery_id", rewritten, "signature")];
    for (ours, rewrite, others) in rewrites {
        for by in [Current, Previous, Stranger, Nobody] {
            // Whatever else is wrong with the block.
            for change in [same as fn(Forge) -> Forge, |forge| forge.with(|payload| payload.excess_blob_gas = 1)] {
                let fault = judge(rewrite(sealed(by, &change(forge(Version::V4))))).result.unwrap_err();
                let is_ours = matches!(by, Current | Previous);
                let expected = if is_ours { (ours, Acceptance::Ignore) } else { (others, Acceptance::Charge) };
                assert_eq!((fault.name(), fault.acceptance()), expected, "{by:?}");
            }
        }
    }
}

/// One of each fault, with what its sender pays.
#[test]
fn every_fault_has_one_expected_charge() {
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
    assert_eq!(names.len(), count, "each has a name of its own");
}
