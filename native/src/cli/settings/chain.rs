//! Which chain, and who signs its blocks.

use std::path::Path;

use alloy_primitives::Address;
use petrel_core::chain::{Cadence, Chain};

use super::{Judge, similar_names};
use crate::{cli::flags::ChainFlags, cli::parse};

impl Judge {
    pub(super) fn chain(&mut self, flags: &ChainFlags) -> Option<Chain> {
        let found = match (&flags.network, &flags.rollup_config) {
            (Some(_), Some(_)) => Err("--network and --rollup.config are both given: give one of them".to_owned()),
            (None, None) => {
                Err("no chain is given: give --network NAME (for example op-mainnet) or --rollup.config FILE"
                    .to_owned())
            }
            (Some(name), None) => {
                chain_named(name, "--rollup.config FILE").map_err(|error| format!("--network: {error}"))
            }
            (None, Some(file)) => chain_in(file).map_err(|error| format!("--rollup.config: {error}")),
        };
        let mut chain = found.map_err(|mistake| self.0.push(mistake)).ok()?;
        for text in parse::list(&flags.cadence) {
            match cadence(&chain.cadence, text) {
                Ok(cadence) => (chain.cadence, chain.certain) = (cadence, false),
                Err(error) => self.0.push(format!("--rollup.cadence: {error}")),
            }
        }
        Some(chain)
    }

    pub(super) fn signer(&mut self, flags: &ChainFlags) -> Option<Address> {
        let text = flags.signer.as_deref()?;
        let signer = text.parse().map(Some).map_err(|_| format!("{text:?} is no address: expected 20 bytes of 0x-hex"));
        self.take("p2p.unsafe-block-signer", signer)
    }
}

/// `UNIX=INTERVAL` on top of a cadence.
fn cadence(before: &Cadence, text: &str) -> Result<Cadence, String> {
    let wrong = || format!("{text:?}: expected UNIX=INTERVAL, for example 1793901600=200ms");
    let (from, interval) = text.trim().split_once('=').ok_or_else(wrong)?;
    let from: u64 = from.parse().map_err(|_| wrong())?;
    let interval = parse::duration(interval).map_err(|error| format!("{text:?}: {error}"))?;
    if interval.subsec_nanos() % 1_000_000 != 0 {
        return Err(format!("{text:?}: {interval:?} is no block time: expected whole milliseconds"));
    }
    before.then(from.saturating_mul(1000), interval).map_err(|error| format!("{text:?}: {error}"))
}

/// The chain of this name or id, or in this file.
///
/// # Errors
/// There is none, in a sentence; `other` is what to give for a chain without a preset.
pub(crate) fn chain_named(name: &str, other: &str) -> Result<Chain, String> {
    match Chain::preset(name) {
        Some(chain) => Ok(chain),
        None if name.ends_with(".json") => chain_in(Path::new(name)),
        None => Err(format!(
            "there is no preset {name:?}; near ones are {}; for any other chain give {other}",
            similar_names::near(name).join(", ")
        )),
    }
}

fn chain_in(file: &Path) -> Result<Chain, String> {
    let json = std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Chain::from_rollup_json(&json).map_err(|error| format!("{}: {error}", file.display()))
}
