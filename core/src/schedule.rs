//! The chain's schedule as validation needs it: the rules that it sets for a block, and what a block shows of the
//! schedule.
//!
//! A configured schedule may be outdated: if it lacks a fork, the sequencer's own blocks look wrong. So when a block
//! shows a fork that its chain's schedule lacks ([`ChainSchedule::contradicts`]), no peer is penalised: the block is
//! followed, and the operator gets an event.
//!
//! One rule is enforced: on a chain of Base's, from Denim on, the header's second and the BaseTime deposit are the
//! schedule's for the number (base-consensus `validate_block_timestamp`), as long as the schedule is certain.

use core::time::Duration;

use crate::{
    block::{Payload, base_time},
    chain::{Cadence, Chain},
    fork::{CarriedFork, Family, Fork, Forks, Version},
};

/// The schedule of one chain. See the module. Shared by all validation tasks.
#[derive(Clone, Debug)]
pub struct ChainSchedule {
    forks: Forks,
    cadence: Cadence,
    /// The first block with a BaseTime deposit, on a chain whose schedule has Denim and is certain.
    base_time_from: Option<u64>,
}

/// A block breaks Base's rule: its time is not the scheduled time of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OffSchedule {
    /// A BaseTime deposit before Denim.
    #[error("it has a BaseTime deposit and is before Denim")]
    Early,
    /// No BaseTime deposit, one in another place, or several.
    #[error("its second transaction is no BaseTime deposit, or there is another")]
    Missing,
    /// The deposit's time, or the header's, is not the scheduled one.
    #[error("its time is {found_ms} ms, block {number} is due at {due_ms} ms")]
    Time {
        /// The block's number.
        number: u64,
        /// The block's own time, Unix milliseconds.
        found_ms: u64,
        /// The scheduled time, Unix milliseconds.
        due_ms: u64,
    },
    /// The deposit's source hash is that of another block.
    #[error("its BaseTime deposit is another block's")]
    Source,
}

impl ChainSchedule {
    /// The schedule of this chain.
    pub fn new(chain: &Chain) -> Self {
        let denim = chain.forks.base(Family::DENIM).filter(|_| chain.certain);
        let base_time_from = denim.and_then(|time| first_at(&chain.cadence, time));
        Self { forks: chain.forks.clone(), cadence: chain.cadence.clone(), base_time_from }
    }

    /// The forks.
    pub const fn forks(&self) -> &Forks {
        &self.forks
    }

    /// The same schedule without the rule on BaseTime.
    #[must_use]
    pub fn uncertain(&self) -> Self {
        Self { base_time_from: None, ..self.clone() }
    }

    /// Checks Base's rule on a block's time.
    ///
    /// # Errors
    /// See [`OffSchedule`].
    pub fn check_time(&self, payload: &Payload) -> Result<(), OffSchedule> {
        let Some(first) = self.base_time_from else { return Ok(()) };
        let mut deposits = payload.transactions().enumerate().filter(|(_, bytes)| base_time::millis(bytes).is_some());
        let (found, another) = (deposits.next(), deposits.next());
        let number = payload.number();
        match (found, another) {
            (None, _) if number < first => Ok(()),
            (Some(_), _) if number < first => Err(OffSchedule::Early),
            (Some((1, deposit)), None) => self.check_deposit(payload, deposit),
            _ => Err(OffSchedule::Missing),
        }
    }

    fn check_deposit(&self, payload: &Payload, deposit: &[u8]) -> Result<(), OffSchedule> {
        let number = payload.number();
        let millis = base_time::millis(deposit).unwrap_or_default();
        let found_ms = payload.timestamp().saturating_mul(1000).saturating_add(millis.into());
        let due_ms = self.cadence.time_ms(number).unwrap_or(u64::MAX);
        if found_ms != due_ms || millis >= 1000 {
            return Err(OffSchedule::Time { number, found_ms, due_ms });
        }
        if base_time::source(deposit) == base_time::source(&base_time::deposit(number, millis)) {
            Ok(())
        } else {
            Err(OffSchedule::Source)
        }
    }

    /// The name of the fork that a block of our signer shows and the schedule lacks; the latest of several.
    pub fn contradicts(&self, payload: &Payload) -> Option<&'static str> {
        let (at, forks) = (payload.timestamp(), &self.forks);
        let deposits = || payload.transactions().take_while(|bytes| bytes.first() == Some(&DEPOSIT));
        let has_denim = forks.base(Family::DENIM).is_some_and(|denim| at >= denim);
        if !has_denim && deposits().nth(1).is_some_and(|second| base_time::millis(second).is_some()) {
            return Some(Family::DENIM);
        }
        let shown = shown_by_form(payload);
        if let Some(fork) = shown.filter(|fork| !forks.active(*fork, at)) {
            return Some(fork.name());
        }
        let upgrades = deposits().skip(1).any(is_upgrade) && !self.activates(payload);
        upgrades.then(|| forks.following(at).map_or(UNKNOWN, Fork::name))
    }

    /// Whether a scheduled fork activates with this block.
    fn activates(&self, payload: &Payload) -> bool {
        let at = payload.timestamp();
        // The parent is one interval earlier; in whole seconds that may be the same second.
        let interval = self.cadence.interval_at(at.saturating_mul(1000)).max(Duration::from_secs(1)).as_secs();
        let carried = self.forks.carried().iter().map(|CarriedFork { time, .. }| *time);
        let known = Fork::TIMED.into_iter().filter_map(|fork| self.forks.time(fork));
        known.chain(carried).any(|time| time <= at && at - time <= interval)
    }
}

/// The name of a fork that is not known here.
const UNKNOWN: &str = "a later fork";

/// The first byte of a deposit transaction.
const DEPOSIT: u8 = 0x7e;

/// The first number whose time is `time` (Unix seconds) or later.
fn first_at(cadence: &Cadence, time: u64) -> Option<u64> {
    let from = time.saturating_mul(1000);
    let Some(before) = from.checked_sub(1).and_then(|before| cadence.number_at(before)) else {
        return cadence.steps().next().map(|step| step.number);
    };
    before.checked_add(1)
}

/// The earliest fork that a payload of this form can be of.
fn shown_by_form(payload: &Payload) -> Option<Fork> {
    let extra = payload.extra_data();
    // From Jovian on the extra data has version 1 and the minimum base fee at its end, and `blobGasUsed` is the DA
    // footprint.
    let jovian =
        payload.blob_gas_used().is_some_and(|used| used != 0) || extra.len() == 17 && extra.first() == Some(&1);
    match payload.version() {
        Version::V4 if jovian => Some(Fork::Jovian),
        Version::V4 => Some(Fork::Isthmus),
        Version::V3 if extra.len() == 9 && extra.first() == Some(&0) => Some(Fork::Holocene),
        Version::V3 => Some(Fork::Ecotone),
        Version::V2 => Some(Fork::Canyon),
        Version::V1 => None,
    }
}

/// Whether a deposit is an upgrade's: it comes from an account that only upgrades use (op-node
/// `*_upgrade_transactions.go`: `0x4210…00xx`, and the zero address for proxies), from which no user's deposit can
/// come. `7e f8.. a0 <source> 94 <from>`.
fn is_upgrade(transaction: &[u8]) -> bool {
    // The list's header is one byte, plus the bytes of its length.
    let header = match transaction.get(1) {
        Some(short @ 0xc0..=0xf7) => usize::from(*short >= 0xc0),
        Some(long @ 0xf8..=0xff) => 1 + usize::from(long - 0xf7),
        _ => return false,
    };
    let fields = transaction.get(1 + header..).unwrap_or_default();
    let (Some(0xa0), Some(0x94), Some(from)) = (fields.first(), fields.get(33), fields.get(34..54)) else {
        return false;
    };
    let deployer =
        from.starts_with(&[0x42, 0x10]) && from.get(2..19).is_some_and(|middle| middle.iter().all(|byte| *byte == 0));
    deployer || from.iter().all(|byte| *byte == 0)
}
