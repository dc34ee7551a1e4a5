//! Parts of the answers of untrusted RPC servers. Their length is bounded before they are parsed; an answer that does not parse
//! proves nothing: `bad_proof`.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::error::{Error, ErrorCode};

/// Reads an answer of at most `most` bytes.
pub(crate) fn read<'a, T: Deserialize<'a>>(what: &str, json: &'a str, most: usize) -> Result<T, Error> {
    if json.len() > most {
        return Err(bad_proof(format!("{what} have {} bytes, at most {most} are read", json.len())));
    }
    serde_json::from_str(json).map_err(|error| bad_proof(format!("{what} cannot be read: {error}")))
}

/// An answer that is not proven.
pub(crate) fn bad_proof(message: String) -> Error {
    Error::new(ErrorCode::BadProof, message, "do not use this answer; ask another RPC server")
}

/// A 64-bit quantity, 0x-hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity(pub(crate) u64);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let quantity = super::request::slot(&text).and_then(|slot| u64::try_from(slot.key).ok());
        quantity.map(Self).ok_or_else(|| D::Error::custom("a quantity that is not 0x-hex of at most 64 bits"))
    }
}
