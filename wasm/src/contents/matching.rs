//! Filters of logs, and the bloom filters of blocks, which say for most blocks that they have no log that a filter names. A bloom filter
//! has no false negatives.
//!
//! Bound: [`MAX_JSON`] bytes of JSON.

use core::ops::RangeInclusive;

use alloy_primitives::{B256, keccak256};
use serde::Deserialize;

use super::request;
use crate::error::{Error, ErrorCode};

/// Bytes of JSON: 1000 addresses and four times 1000 topics take 330 kB.
const MAX_JSON: usize = 1 << 20;
/// Bits of a bloom filter.
const BITS: u16 = 2048;

/// As written: `from` and `to`, numbers of the chain; or `hash`, a block of any branch. `any` has for each position of a filter the
/// addresses or topics of which one must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenFilter {
    from: Option<u64>,
    to: Option<u64>,
    hash: Option<String>,
    any: Vec<Vec<String>>,
}

/// Which blocks are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Blocks {
    Numbers(RangeInclusive<u64>),
    Hash(B256),
}

/// A filter and the blocks that it is about.
#[derive(Debug)]
pub(crate) struct Matching {
    pub(crate) blocks: Blocks,
    pub(crate) values: BloomValues,
}

/// The bits of each value of a filter, by position.
#[derive(Debug)]
pub(crate) struct BloomValues {
    any: Vec<Vec<[u16; 3]>>,
}

impl Matching {
    /// Reads it.
    ///
    /// # Errors
    /// `bad_request`.
    pub(crate) fn read(json: &str) -> Result<Self, Error> {
        if json.len() > MAX_JSON {
            return Err(bad(format!("the filter has {} bytes, at most {MAX_JSON} are read", json.len())));
        }
        let given: GivenFilter =
            serde_json::from_str(json).map_err(|error| bad(format!("the filter cannot be read: {error}")))?;
        let blocks = match (given.from, given.to, given.hash) {
            (Some(from), Some(to), None) => Blocks::Numbers(from..=to),
            (None, None, Some(hash)) => Blocks::Hash(request::hash(&hash)?),
            _ => return Err(bad("the filter has neither a range nor a hash, or both".to_owned())),
        };
        let position = |values: &Vec<String>| values.iter().map(|value| Ok(bits(&request::data(value)?))).collect();
        let any = given.any.iter().map(position).collect::<Result<_, Error>>()?;
        Ok(Self { blocks, values: BloomValues { any } })
    }
}

impl BloomValues {
    /// Whether a block with this bloom filter (256 bytes) may have a log with one value of each position.
    pub(crate) fn may_be_in(&self, bloom: &[u8]) -> bool {
        let is_set = |bit: &u16| {
            let byte = bloom.iter().rev().nth(usize::from(bit / 8)).copied().unwrap_or_default();
            byte & (1 << (bit % 8)) != 0
        };
        self.any.iter().all(|values| values.iter().any(|bits| bits.iter().all(is_set)))
    }
}

/// Three of the 2048 bits, each given by two bytes of the hash (Yellow Paper, 4.3.1).
fn bits(value: &[u8]) -> [u16; 3] {
    let [a, b, c, d, e, f, ..] = keccak256(value).0;
    [[a, b], [c, d], [e, f]].map(|pair| u16::from_be_bytes(pair) % BITS)
}

fn bad(message: String) -> Error {
    Error::new(ErrorCode::BadRequest, message, "correct the filter")
}

#[cfg(test)]
mod tests;
