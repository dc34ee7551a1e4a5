//! The devnet's chain: genesis now, forks by the schedule.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy_primitives::{Address, keccak256};
use petrel_core::{
    chain::{Chain, Genesis, Origin},
    fork::{Fork, Forks},
};

use super::Settings;

/// A chain id that no public chain has.
const CHAIN_ID: u64 = 9_022_110;
/// An L1 chain id that no public chain has.
const L1_CHAIN_ID: u64 = 900;

/// A chain whose first block is due one block time from now.
pub(super) fn devnet(settings: &Settings, signer: Address) -> Chain {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Chain {
        id: CHAIN_ID,
        name: "devnet".to_owned(),
        l1: L1_CHAIN_ID,
        block_time: settings.block_time,
        genesis: Genesis { number: 0, hash: keccak256(signer), time: now },
        forks: forks(&settings.schedule, now, settings.block_time),
        signer: Some(signer),
        system_config: None,
        origin: Origin::Rollup,
    }
}

/// A fork of the schedule brings those before it along; what is active from the start is active at time 0.
fn forks(schedule: &[(Fork, u64)], genesis: u64, block_time: u64) -> Forks {
    let mut forks = Forks::none();
    for (fork, block) in schedule.iter().rev() {
        let time = if *block == 0 { 0 } else { genesis.saturating_add(block.saturating_mul(block_time)) };
        for earlier in Fork::TIMED.into_iter().filter(|earlier| earlier <= fork) {
            forks.set(earlier, Some(time));
        }
    }
    forks
}
