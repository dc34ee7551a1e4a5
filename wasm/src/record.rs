//! Relays' signed records, checked for JavaScript, which fetches them.

use core::time::Duration;

use petrel_core::net::{Record, RecordError};
use wasm_bindgen::prelude::*;

use crate::{error::Error, settings};

/// Reads the document of a relay that should follow `chain` (as in the configuration), at `now_ms` (Unix milliseconds by this
/// device). The result is JSON: `{chain, peer, addresses, time_ms, expires_ms, others}`; of `others` those remain that a
/// browser can dial.
///
/// # Errors
/// `{code, message, remedy}`: `bad_record`, `forged_record`, `foreign_record`, `expired_record`, or those of the chain.
#[wasm_bindgen(js_name = readRecord)]
pub fn read_record(document: &str, chain: &str, now_ms: f64) -> Result<String, JsValue> {
    Ok(read(document, chain, now_ms)?)
}

fn read(document: &str, chain: &str, now_ms: f64) -> Result<String, Error> {
    let chain = settings::chain_of(chain)?;
    let now = Duration::try_from_secs_f64(now_ms / 1000.0).unwrap_or_default();
    let mut record = Record::verify(document.as_bytes(), chain.id, now).map_err(|error| refused(&error))?;
    record.addresses.retain(|address| settings::can_dial(address));
    record.others.retain(|address| settings::can_dial(address));
    Ok(serde_json::to_string(&record).unwrap_or_default())
}

fn refused(error: &RecordError) -> Error {
    let remedy = match error {
        RecordError::TooLong(_) | RecordError::Malformed(_) => "give the address of a Petrel daemon's page",
        RecordError::Forged(_) => "do not use this relay",
        RecordError::Foreign { .. } => "give a relay of this chain",
        RecordError::Expired(_) => "set this device's clock, or use another relay",
    };
    Error::new(error.code(), error.to_string(), remedy)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_is_no_record_is_refused_with_its_code() {
        assert_eq!(read("{}", r#""op-mainnet""#, 0.0).unwrap_err().code, "bad_record");
        assert_eq!(read("{}", r#""op-manet""#, 0.0).unwrap_err().code, "unknown_chain");
        assert_eq!(read("{}", "{", 0.0).unwrap_err().code, "bad_chain");
    }
}
