//! The options as JavaScript gives them, checked.

use alloy_primitives::Address;
use petrel_core::{chain::Chain, fork::Version, offline::MessageJudge};
use serde::Serialize;

/// An option that cannot be used; the codes are the package's (`www/package/src/shared/errors.ts`).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BadOption {
    code: &'static str,
    message: String,
    remedy: &'static str,
}

/// The judge for these options: see [`judge_message`](super::judge_message).
///
/// # Errors
/// `bad_chain`, `bad_signer` or `bad_options`.
pub(crate) fn judge(chain: &str, signer: &str, version: &str, at: f64) -> Result<MessageJudge, BadOption> {
    let chain = Chain::from_rollup_json(chain.as_bytes()).map_err(|error| BadOption {
        code: "bad_chain",
        message: format!("the chain is no rollup.json: {error}"),
        remedy: "give the object that op-node's `--rollup.config` takes, or a chain of this package by name or id",
    })?;
    let signer = if signer.is_empty() { chain.signer } else { Some(address(signer)?) };
    let mut judge = MessageJudge::new(chain, signer);
    if !version.is_empty() {
        judge.topic = Some(Version::from_name(version).ok_or_else(|| BadOption {
            code: "bad_options",
            message: format!("{version:?} is no payload version"),
            remedy: "give V1, V2, V3 or V4, or leave the version out",
        })?);
    }
    // A time before 1970 is taken for 1970.
    judge.at = (!at.is_nan()).then_some(at as u64);
    Ok(judge)
}

fn address(text: &str) -> Result<Address, BadOption> {
    text.parse().map_err(|_| BadOption {
        code: "bad_signer",
        message: format!("the signer {text:?} is no address"),
        remedy: "give the unsafe block signer as 20 bytes of 0x-hex",
    })
}
