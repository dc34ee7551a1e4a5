//! The chain and its signer, from the flags.

use std::path::Path;

use alloy_primitives::Address;
use petrel_core::chain::{Cadence, Chain};

use super::{checker::FlagChecker, errors::ConfigErrors, similar_names};
use crate::cli::{
    flags::{ChainFlags, OverrideFlags},
    parse,
};

/// Resolves only the chain and the signer, for `check`.
///
/// # Errors
/// Every error at once.
pub fn resolve_chain(flags: &ChainFlags) -> Result<(Chain, Option<Address>), ConfigErrors> {
    let mut checker = FlagChecker::default();
    let chain = checker.chain(flags);
    let signer = checker.signer(flags);
    match chain {
        Some(chain) if checker.0.is_empty() => {
            let signer = signer.or(chain.signer);
            Ok((chain, signer))
        }
        _ => Err(ConfigErrors(checker.0)),
    }
}

impl FlagChecker {
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
            (None, Some(file)) => chain_from_file(file).map_err(|error| format!("--rollup.config: {error}")),
        };
        let mut chain = found.map_err(|error| self.0.push(error)).ok()?;
        self.override_forks(&mut chain, &flags.overrides);
        for text in parse::list(&flags.cadence) {
            match with_interval(&chain.cadence, text) {
                Ok(cadence) => (chain.cadence, chain.certain) = (cadence, false),
                Err(error) => self.0.push(format!("--rollup.cadence: {error}")),
            }
        }
        Some(chain)
    }

    /// The forks are checked again: an override may put one before its predecessor.
    fn override_forks(&mut self, chain: &mut Chain, overrides: &OverrideFlags) {
        let mut is_changed = false;
        for (fork, text) in overrides.given() {
            let time = text.trim().parse().map_err(|_| format!("{text:?} is no time: expected Unix seconds"));
            match time {
                Ok(time) => chain.forks.set(fork, Some(time)),
                Err(error) => self.0.push(format!("--override.{fork}: {error}")),
            }
            is_changed = true;
        }
        if is_changed {
            self.0.extend(chain.forks.mistakes().into_iter().map(|mistake| format!("with --override: {mistake}")));
        }
    }

    pub(super) fn signer(&mut self, flags: &ChainFlags) -> Option<Address> {
        let text = flags.signer.as_deref()?;
        let signer = text.parse().map(Some).map_err(|_| format!("{text:?} is no address: expected 20 bytes of 0x-hex"));
        self.take("p2p.unsafe-block-signer", signer)
    }
}

/// A cadence with `UNIX=INTERVAL` added.
fn with_interval(before: &Cadence, text: &str) -> Result<Cadence, String> {
    let invalid = || format!("{text:?}: expected UNIX=INTERVAL, for example 1793901600=200ms");
    let (from, interval) = text.trim().split_once('=').ok_or_else(invalid)?;
    let from: u64 = from.parse().map_err(|_| invalid())?;
    let interval = parse::duration(interval).map_err(|error| format!("{text:?}: {error}"))?;
    if interval.subsec_nanos() % 1_000_000 != 0 {
        return Err(format!("{text:?}: {interval:?} is no block time: expected whole milliseconds"));
    }
    before.then(from.saturating_mul(1000), interval).map_err(|error| format!("{text:?}: {error}"))
}

/// The chain of this name or id, or in this file.
///
/// # Errors
/// There is none, as a sentence; `alternative` is the argument for a chain without a preset.
pub(crate) fn chain_named(name: &str, alternative: &str) -> Result<Chain, String> {
    match Chain::preset(name) {
        Some(chain) => Ok(chain),
        None if name.ends_with(".json") => chain_from_file(Path::new(name)),
        None => Err(format!(
            "there is no preset {name:?}; similar ones are {}; for any other chain give {alternative}",
            similar_names::similar_names(name).join(", ")
        )),
    }
}

fn chain_from_file(file: &Path) -> Result<Chain, String> {
    let json = std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Chain::from_rollup_json(&json).map_err(|error| format!("{}: {error}", file.display()))
}
