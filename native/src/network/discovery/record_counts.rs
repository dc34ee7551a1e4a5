//! The node records that discovery has seen since its start, for the log.
//!
//! With a wrong chain id discovery finds nodes of other chains alone, and none of them is dialled. So while no record is of this chain,
//! a warning says so once a minute. The first minute does not count: discovery's network has the nodes of many chains. No clock, no I/O.

use std::time::Duration;

use super::node_record::RecordRejection;

/// Time before the first warning, and between two.
const PERIOD: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RecordCounts {
    /// Peers of this chain.
    pub(super) ours: u64,
    /// Other chains, other networks than the OP Stack, and malformed records.
    pub(super) foreign: u64,
    /// Of this chain, without an address.
    pub(super) without_address: u64,
    /// Of `foreign`: other chains.
    other_chains: u64,
    /// The last other chain.
    last_other: Option<u64>,
    warned_at: Option<Duration>,
}

impl RecordCounts {
    /// Counts a record: whether it is of a peer of this chain, or why not.
    pub(super) fn add<T>(&mut self, found: &Result<T, RecordRejection>) {
        let counter = match found {
            Ok(_) => &mut self.ours,
            Err(RecordRejection::NoAddress) => &mut self.without_address,
            Err(_) => &mut self.foreign,
        };
        *counter += 1;
        if let Err(RecordRejection::OtherChain(other)) = found {
            self.other_chains += 1;
            self.last_other = Some(*other);
        }
    }

    /// After a lookup at `now`, the time since the start: the last other chain, and how many records were of other chains, if a warning
    /// is due.
    pub(super) fn warning(&mut self, now: Duration) -> Option<(u64, u64)> {
        let other = self.last_other.filter(|_| self.ours == 0 && self.without_address == 0)?;
        if now < self.warned_at.unwrap_or_default() + PERIOD {
            return None;
        }
        self.warned_at = Some(now);
        Some((other, self.other_chains))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds of three minutes, with a lookup every five, at which there is a warning.
    fn warnings(counts: &mut RecordCounts) -> Vec<u64> {
        (0..180).step_by(5).filter(|second| counts.warning(Duration::from_secs(*second)).is_some()).collect()
    }

    #[test]
    fn nodes_of_other_chains_alone_are_a_warning_once_a_minute() {
        let mut counts = RecordCounts::default();
        for other in [10, 130, 8453] {
            counts.add::<()>(&Err(RecordRejection::OtherChain(other)));
        }
        counts.add::<()>(&Err(RecordRejection::NoEntry));
        assert_eq!(counts.foreign, 4);
        assert_eq!(warnings(&mut counts.clone()), [60, 120]);
        assert_eq!(counts.warning(PERIOD), Some((8453, 3)));
    }

    #[test]
    fn a_node_of_this_chain_ends_the_warnings_and_other_networks_are_none() {
        for found in [Ok(()), Err(RecordRejection::NoAddress)] {
            let mut counts = RecordCounts::default();
            counts.add::<()>(&Err(RecordRejection::OtherChain(10)));
            counts.add(&found);
            assert!(warnings(&mut counts).is_empty());
        }
        let mut counts = RecordCounts::default();
        counts.add::<()>(&Err(RecordRejection::NoEntry));
        assert!(warnings(&mut counts).is_empty());
    }
}
