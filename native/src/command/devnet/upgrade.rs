//! The network upgrades (forks) that a devnet can have, and the block interval that they allow.

use std::{fmt, time::Duration};

use petrel_core::{
    chain::Cadence,
    fork::{Family, Fork},
};

/// The block interval from Denim on.
pub(super) const DENIM_INTERVAL: Duration = Duration::from_millis(200);
/// The default block interval.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(2);

/// A network upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkUpgrade {
    /// A fork of the OP Stack.
    Fork(Fork),
    /// A fork of Base after Jovian: its index in [`Family::OF_BASE`].
    Base(usize),
}

impl NetworkUpgrade {
    /// The upgrade of this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let base = Family::OF_BASE.iter().position(|base| *base == name).map(Self::Base);
        Fork::from_name(name).map(Self::Fork).or(base)
    }

    /// All names, in the order in which they may follow each other.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Fork::TIMED.into_iter().map(Fork::name).chain(Family::OF_BASE)
    }

    /// The latest fork of the OP Stack that it includes.
    pub(super) const fn fork(self) -> Fork {
        match self {
            Self::Fork(fork) => fork,
            Self::Base(_) => Fork::Jovian,
        }
    }

    /// Whether it is later than another one. Base's chains have no fork of the OP Stack after Jovian.
    pub(super) fn is_after(self, other: Self) -> bool {
        match (other, self) {
            (Self::Fork(before), Self::Fork(after)) => before < after,
            (Self::Fork(before), Self::Base(_)) => before <= Fork::Jovian,
            (Self::Base(_), Self::Fork(_)) => false,
            (Self::Base(before), Self::Base(after)) => before < after,
        }
    }
}

impl fmt::Display for NetworkUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fork(fork) => fork.fmt(f),
            Self::Base(place) => f.write_str(Family::OF_BASE.get(*place).unwrap_or(&"")),
        }
    }
}

/// The time between blocks before Denim: as given, or the default of the schedule.
///
/// # Errors
/// It is not valid with Denim, whose interval is 200 ms, and before which intervals are whole seconds.
pub(super) fn interval(given: Option<Duration>, schedule: &[(NetworkUpgrade, u64)]) -> Result<Duration, String> {
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
        (given, _) => Ok(given.unwrap_or(DEFAULT_INTERVAL)),
    }
}
