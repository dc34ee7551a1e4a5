//! The chain as JavaScript gives it: the object of a `rollup.json`. No chain is known by name here: the package has a module
//! of each.

use petrel_core::chain::Chain;
use serde_json::Value;

use crate::error::{Error, ErrorCode};

/// Parses a chain.
///
/// # Errors
/// `unknown_chain` or `bad_chain`.
pub(crate) fn of_json(json: &str) -> Result<Chain, Error> {
    of_value(&serde_json::from_str(json).unwrap_or_default())
}

/// Reads a chain from parsed JSON.
///
/// # Errors
/// `unknown_chain` or `bad_chain`.
pub(crate) fn of_value(given: &Value) -> Result<Chain, Error> {
    match given {
        Value::String(name) => Err(Error::new(
            ErrorCode::UnknownChain,
            format!("{name:?} is a name, and the node knows no chain by name"),
            "give the chain as a rollup.json object: the package has one for each chain of the superchain registry",
        )),
        other => Chain::from_rollup_json(other.to_string().as_bytes()).map_err(|error| {
            Error::new(
                ErrorCode::BadChain,
                format!("the chain is no rollup.json: {error}"),
                "give the object that op-node's `--rollup.config` takes, or a preset's name",
            )
        }),
    }
}
