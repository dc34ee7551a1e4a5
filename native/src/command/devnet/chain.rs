//! The devnet's chain: genesis now, forks by the schedule.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, keccak256};
use petrel_core::{
    chain::{Cadence, CadenceError, Chain, Genesis, Origin, Subsecond},
    fork::{CarriedFork, Family, Fork, Forks},
};

use super::Settings;

/// A chain id that no public chain has.
const CHAIN_ID: u64 = 9_022_110;
/// An L1 chain id that no public chain has.
const L1_CHAIN_ID: u64 = 900;
/// The interval that Denim brings.
pub(super) const DENIM_INTERVAL: Duration = Duration::from_millis(200);
/// What a block's time is where nothing is said.
const USUAL_INTERVAL: Duration = Duration::from_secs(2);

/// An upgrade that a devnet can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Of the OP Stack.
    Fork(Fork),
    /// Of Base, which follow Jovian: its place in [`Family::OF_BASE`].
    Base(usize),
}

impl Upgrade {
    /// The upgrade of this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let base = Family::OF_BASE.iter().position(|base| *base == name).map(Self::Base);
        Fork::from_name(name).map(Self::Fork).or(base)
    }

    /// All names, in the order in which they may follow each other.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Fork::TIMED.into_iter().map(Fork::name).chain(Family::OF_BASE)
    }

    /// The latest fork of the OP Stack that it brings along.
    const fn fork(self) -> Fork {
        match self {
            Self::Fork(fork) => fork,
            Self::Base(_) => Fork::Jovian,
        }
    }

    /// Whether it is later than another. Base's chains have no fork of the OP Stack after Jovian.
    pub(super) fn is_after(self, other: Self) -> bool {
        match (other, self) {
            (Self::Fork(before), Self::Fork(after)) => before < after,
            (Self::Fork(before), Self::Base(_)) => before <= Fork::Jovian,
            (Self::Base(_), Self::Fork(_)) => false,
            (Self::Base(before), Self::Base(after)) => before < after,
        }
    }
}

impl fmt::Display for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fork(fork) => fork.fmt(f),
            Self::Base(place) => f.write_str(Family::OF_BASE.get(*place).unwrap_or(&"")),
        }
    }
}

/// The time between blocks before Denim: as given, or what the schedule has.
///
/// # Errors
/// Denim has 200 ms, and before it the time has whole seconds.
pub(super) fn interval(given: Option<Duration>, schedule: &[(Upgrade, u64)]) -> Result<Duration, String> {
    let denim = schedule.iter().find(|(upgrade, _)| upgrade.to_string() == Family::DENIM).map(|(_, block)| *block);
    let range = Duration::from_millis(10)..=Cadence::MAX_INTERVAL;
    match (given, denim) {
        (Some(given), _) if !range.contains(&given) => {
            Err(format!("{given:?} is no block time: expected {:?} to {:?}", range.start(), range.end()))
        }
        (Some(given), _) if given.subsec_nanos() % 1_000_000 != 0 => {
            Err(format!("{given:?} is no block time: expected whole milliseconds"))
        }
        (None | Some(DENIM_INTERVAL), Some(0)) => Ok(DENIM_INTERVAL),
        (Some(given), Some(0)) => {
            Err(format!("{given:?} cannot be with denim, whose blocks come every {DENIM_INTERVAL:?}"))
        }
        (Some(given), Some(_)) if given.subsec_nanos() != 0 => {
            Err(format!("{given:?} cannot be before denim: expected whole seconds"))
        }
        (given, _) => Ok(given.unwrap_or(USUAL_INTERVAL)),
    }
}

impl Settings {
    /// A chain of `signer`'s whose first block is due one interval from now.
    ///
    /// # Errors
    /// The schedule has no cadence.
    pub fn chain(&self, signer: Address) -> Result<Chain, CadenceError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let forks = forks(&self.schedule, now, self.interval);
        let mut cadence = Cadence::constant(0, now, self.interval)?;
        let denim = forks.base(Family::DENIM);
        if let Some(denim) = denim {
            cadence = cadence.then(denim.saturating_mul(1000), DENIM_INTERVAL)?;
        }
        let has_millis = denim.is_none() && self.interval.subsec_nanos() != 0;
        Ok(Chain {
            id: CHAIN_ID,
            name: "devnet".to_owned(),
            slug: None,
            l1: Some(L1_CHAIN_ID),
            cadence,
            subsecond: if has_millis { Subsecond::MixDigest } else { Subsecond::BaseTime },
            certain: true,
            genesis: Genesis { number: 0, hash: keccak256(signer), time: now },
            forks,
            signer: Some(signer),
            system_config: None,
            origin: Origin::Rollup,
        })
    }
}

/// An upgrade of the schedule brings those before it along; what is active from the start is active at time 0.
fn forks(schedule: &[(Upgrade, u64)], genesis: u64, interval: Duration) -> Forks {
    let mut forks = Forks::none();
    for (upgrade, block) in schedule.iter().rev() {
        let since =
            Duration::from_millis(u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).saturating_mul(*block));
        let since = since.as_secs() + u64::from(since.subsec_nanos() > 0);
        let time = if *block == 0 { 0 } else { genesis.saturating_add(since) };
        for earlier in Fork::TIMED.into_iter().filter(|earlier| *earlier <= upgrade.fork()) {
            forks.set(earlier, Some(time));
        }
        if let Upgrade::Base(place) = upgrade {
            for name in Family::OF_BASE.iter().take(place + 1) {
                // There are fewer than are carried.
                let _carried = forks.carry(CarriedFork { name: (*name).to_owned(), time, family: Family::Base });
            }
        }
    }
    forks
}
