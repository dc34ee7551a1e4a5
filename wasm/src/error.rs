//! Errors of calls from JavaScript: a code for programs, message and remedy for people.
//!
//! JavaScript gets a plain object `{code, message, remedy}`; the npm package makes its `PetrelError` of it. The codes are
//! part of the package's public interface: `www/package/src/shared/errors.ts` mirrors them.

use serde::Serialize;
use wasm_bindgen::JsValue;

/// Stable; snake_case as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorCode {
    /// The options do not parse, or contradict each other.
    BadOptions,
    /// The chain is a name, and this crate knows no chain by name.
    UnknownChain,
    /// The chain is no `rollup.json`.
    BadChain,
    /// The signer is no address.
    BadSigner,
    /// The signer of the chain's blocks is not known.
    NoSigner,
    /// A relay's multiaddr cannot be dialled by a browser.
    BadRelay,
    /// No relay is given.
    NoRelay,
    /// A document is not a relay's record.
    BadRecord,
    /// A record's signature is not the relay's.
    ForgedRecord,
    /// A record is of a relay of another chain.
    ForeignRecord,
    /// A record is too old.
    ExpiredRecord,
    /// The signer cannot be read from L1 with these options.
    BadL1,
    /// A header of L1 does not hash to the block that is trusted.
    BadHeader,
    /// There is no contract at SystemConfig's address on L1.
    NoContract,
    /// SystemConfig's slot has no signer.
    NoL1Signer,
    /// The arguments of a call do not parse.
    BadRequest,
    /// The block is not among the kept ones.
    NoBlock,
    /// A proof does not fit: the answer of a server is not what a root of the block proves.
    BadProof,
    /// The environment has no source of randomness.
    NoRandom,
    /// The node did not start.
    NotStarted,
    /// A defect of the node.
    Panic,
}

/// A typed error as JavaScript sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Error {
    /// For programs.
    pub(crate) code: ErrorCode,
    /// What is wrong, with every mistake of its kind.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) remedy: &'static str,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>, remedy: &'static str) -> Self {
        Self { code, message: message.into(), remedy }
    }
}

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let json = serde_json::to_string(&error).unwrap_or_default();
        js_sys::JSON::parse(&json).unwrap_or_else(|_| Self::from_str(&error.message))
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    macro_rules! every {
        ($($code:ident)*) => {
            const EVERY: &[ErrorCode] = &[$(ErrorCode::$code),*];
            /// Does not compile when a code is missing above.
            const fn _is_listed(code: ErrorCode) {
                match code { $(ErrorCode::$code => {})* }
            }
        };
    }
    every! {
        BadOptions UnknownChain BadChain BadSigner NoSigner BadRelay NoRelay BadRecord ForgedRecord ForeignRecord ExpiredRecord
        BadL1 BadHeader NoContract NoL1Signer BadRequest NoBlock BadProof NoRandom NotStarted Panic
    }

    /// `www/package/test/samples.test.js` compares the package's mirror with it.
    #[test]
    fn the_samples_of_codes_are_up_to_date() {
        let committed = include_str!("../../www/package/test/samples/error-codes.json");
        crate::samples::check("error-codes.json", committed, EVERY);
    }
}
