//! The parameters of `gossip`: number of leaves, duration, block interval and block size; and the chain with such blocks.

use std::time::Duration;

use petrel_core::{
    chain::{Cadence, Chain, Subsecond},
    fork::{CarriedFork, Family, Fork},
};
use petrel_node::cli::parse;
use petrel_tests::sequencer;

/// The interval of Base's chains from Denim on.
const DENIM: Duration = Duration::from_millis(200);
const SECOND: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) leaves: usize,
    pub(crate) seconds: u64,
    /// Time between blocks.
    pub(crate) interval: Duration,
    /// Bytes of a block, uncompressed.
    pub(crate) bytes: usize,
}

impl Load {
    /// Reads `LEAVES SECONDS INTERVAL BYTES`; the interval is a Go duration, the bytes are a size.
    ///
    /// # Errors
    /// The wrong argument, and what was expected.
    pub(crate) fn from_words(words: &[String]) -> Result<Self, String> {
        let [leaves, seconds, interval, bytes] = words else {
            return Err("expected LEAVES SECONDS INTERVAL BYTES".to_owned());
        };
        let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
        let interval = parse::duration(interval)?;
        let whole = interval.subsec_nanos() % 1_000_000 == 0;
        if !whole || !(Duration::from_millis(10)..=Duration::from_secs(60)).contains(&interval) {
            return Err(format!("{interval:?} is no block time: expected whole milliseconds, 10ms to 60s"));
        }
        let (leaves, seconds) = (number(leaves)? as usize, number(seconds)?);
        Ok(Self { leaves, seconds, interval, bytes: parse::size(bytes)? })
    }

    /// Number of blocks.
    pub(crate) fn blocks(&self) -> u64 {
        let blocks = Duration::from_secs(self.seconds).as_millis() / self.interval.as_millis();
        u64::try_from(blocks).unwrap_or(u64::MAX).max(1)
    }

    /// Maximum p99 of the delay to a leaf: 750 ms, and 500 ms if there is more than one block a second.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_millis(if self.interval < SECOND { 500 } else { 750 })
    }

    /// A chain with such blocks. With 200 ms Denim is active from the start, as on Base, so that the milliseconds of a block are in its
    /// BaseTime deposit; with other fractions of a second they are in the mix digest, as on opBNB.
    pub(crate) fn chain(&self) -> Chain {
        let mut chain = sequencer::chain(Fork::Jovian, 1);
        chain.cadence = Cadence::constant(chain.genesis.number, chain.genesis.time, self.interval).unwrap();
        if self.interval == DENIM {
            for name in ["azul", "beryl", "cobalt", Family::DENIM] {
                assert!(chain.forks.carry(CarriedFork { name: name.to_owned(), time: 0, family: Family::Base }));
            }
        } else if self.interval.subsec_nanos() != 0 {
            chain.subsecond = Subsecond::MixDigest;
        }
        chain
    }
}
