//! Parts of the answers of untrusted RPC servers. Their length is bounded before they are parsed; an answer that does not parse
//! proves nothing: `bad_proof`.

use alloy_primitives::U256;
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
        let Wide(wide) = Wide::deserialize(deserializer)?;
        u64::try_from(wide).map(Self).map_err(|_| D::Error::custom("a quantity of more than 64 bits"))
    }
}

/// A 256-bit quantity, 0x-hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wide(pub(crate) U256);

impl<'de> Deserialize<'de> for Wide {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let slot = super::request::slot(&text);
        slot.map(|slot| Self(slot.key))
            .ok_or_else(|| D::Error::custom("a quantity that is not 0x-hex of at most 32 bytes"))
    }
}
