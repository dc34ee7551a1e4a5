//! The cadence: the times of blocks by number, and back. No other file computes this.
//!
//! A chain's cadence is a list of steps: from a block on, at its time, blocks come at an interval. Most chains have one
//! step. Base has 2 s and, from Denim on, 200 ms (base/base `rollup.rs`); opBNB 1 s, from Volta on 500 ms and from
//! Fourier on 250 ms (bnb-chain/opbnb `chaincfg/chains.go`). Within a step [`Cadence::time_ms`] and
//! [`Cadence::number_at`] are exact inverses. Times are milliseconds since the Unix epoch.
//!
//! A cadence is configuration and may be outdated: no verified block is rejected because of it (see
//! [`IntervalEstimator`](crate::unsafe_chain::IntervalEstimator)).

use core::time::Duration;

/// From block `number` on, whose time is `time_ms`, a block comes every `interval_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The first block of the step.
    pub number: u64,
    /// That block's time, Unix milliseconds.
    pub time_ms: u64,
    /// Milliseconds between blocks.
    pub interval_ms: u64,
}

/// The steps of one chain: at least one, at most [`Cadence::MAX_STEPS`]. See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cadence {
    first: Step,
    /// The steps after the first, rising.
    later: Vec<Step>,
}

/// Why steps are no valid cadence; `step` counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum CadenceError {
    #[error("there is no step")]
    Empty,
    #[error("{0} steps are too many, at most {max}", max = Cadence::MAX_STEPS)]
    TooMany(usize),
    #[error("step {step}: the interval is {interval_ms} ms, must be 1 to {max}", max = Cadence::MAX_INTERVAL.as_millis())]
    Interval { step: usize, interval_ms: u64 },
    #[error("step {step} goes back: its number and its time must be above those of the step before it")]
    Back { step: usize },
    #[error("step {step} overlaps the one before it, whose block {number} is not earlier than block {next}")]
    Overlap { step: usize, number: u64, next: u64 },
}

impl Cadence {
    /// Maximum number of steps.
    pub const MAX_STEPS: usize = 16;
    /// The longest allowed interval: other timeouts are multiples of it.
    pub const MAX_INTERVAL: Duration = Duration::from_secs(3600);

    /// One step from genesis on: `number` at `time` (Unix seconds).
    ///
    /// # Errors
    /// The interval is out of range.
    pub fn constant(number: u64, time: u64, interval: Duration) -> Result<Self, CadenceError> {
        let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        Self::new(&[Step { number, time_ms: time.saturating_mul(1000), interval_ms }])
    }

    /// Rising steps.
    ///
    /// # Errors
    /// See [`CadenceError`].
    pub fn new(steps: &[Step]) -> Result<Self, CadenceError> {
        let (first, later) = steps.split_first().ok_or(CadenceError::Empty)?;
        if steps.len() > Self::MAX_STEPS {
            return Err(CadenceError::TooMany(steps.len()));
        }
        for (step, Step { interval_ms, .. }) in steps.iter().enumerate() {
            if *interval_ms == 0 || u128::from(*interval_ms) > Self::MAX_INTERVAL.as_millis() {
                return Err(CadenceError::Interval { step, interval_ms: *interval_ms });
            }
        }
        for (step, pair) in (1..).zip(steps.windows(2)) {
            let [before, after] = pair else { continue };
            if after.number <= before.number || after.time_ms <= before.time_ms {
                return Err(CadenceError::Back { step });
            }
            let number = after.number - 1;
            if before.time_ms_of(number).is_none_or(|time| time >= after.time_ms) {
                return Err(CadenceError::Overlap { step, number, next: after.number });
            }
        }
        Ok(Self { first: *first, later: later.to_vec() })
    }

    /// The same with blocks every `interval` from the first block on that is due at `from_ms` (Unix milliseconds) or
    /// later: as Base's Denim and opBNB's Volta and Fourier do. A time before the chain's first block changes the first
    /// step.
    ///
    /// # Errors
    /// The interval is none, or the block is not behind the last step's.
    pub fn then(&self, from_ms: u64, interval: Duration) -> Result<Self, CadenceError> {
        let last = self.steps().last().unwrap_or(self.first);
        let since = from_ms.saturating_sub(last.time_ms).div_ceil(last.interval_ms);
        let number = last.number.saturating_add(since);
        let time_ms = last.time_ms_of(number).unwrap_or(u64::MAX);
        let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let step = Step { number, time_ms, interval_ms };
        if since == 0 && self.later.is_empty() {
            return Self::new(&[step]);
        }
        Self::new(&self.steps().chain([step]).collect::<Vec<_>>())
    }

    /// The steps, rising.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = Step> + '_ {
        core::iter::once(self.first).chain(self.later.iter().copied())
    }

    /// The time of block `number`, Unix milliseconds; `None` before the first block, and beyond 64 bits.
    pub fn time_ms(&self, number: u64) -> Option<u64> {
        self.steps().rev().find(|step| step.number <= number)?.time_ms_of(number)
    }

    /// The number of the latest block whose time is `time_ms` (Unix milliseconds) or earlier; `None` before the first
    /// block.
    pub fn number_at(&self, time_ms: u64) -> Option<u64> {
        let mut next = u64::MAX;
        for step in self.steps().rev() {
            if let Some(since) = time_ms.checked_sub(step.time_ms) {
                let number = step.number.saturating_add(since / step.interval_ms);
                // A step may begin later than the interval before it says, which leaves a pause.
                return Some(number.min(next));
            }
            next = step.number.saturating_sub(1);
        }
        None
    }

    /// The block interval at `time_ms` (Unix milliseconds); before the first block that of the first step.
    pub fn interval_at(&self, time_ms: u64) -> Duration {
        let step = self.steps().rev().find(|step| step.time_ms <= time_ms).unwrap_or(self.first);
        step.interval()
    }

    /// The shortest block interval from `time_ms` (Unix milliseconds) on: for bounds that are set once.
    pub fn shortest_from(&self, time_ms: u64) -> Duration {
        let coming = self.steps().filter(|step| step.time_ms > time_ms).map(Step::interval);
        coming.fold(self.interval_at(time_ms), Duration::min)
    }
}

impl Step {
    fn interval(self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }

    /// The time of a block that is not before the step.
    fn time_ms_of(self, number: u64) -> Option<u64> {
        let since = number.checked_sub(self.number)?;
        self.time_ms.checked_add(since.checked_mul(self.interval_ms)?)
    }
}
