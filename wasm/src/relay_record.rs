//! Relays' signed records, verified for JavaScript, which fetches them.

use core::time::Duration;

use libp2p::Multiaddr;
use petrel_core::relay_record::{RelayRecord, RelayRecordError};
use wasm_bindgen::prelude::*;

use crate::{
    error::{Error, ErrorCode},
    locality::Locality,
    reachable,
    settings::{chain, relays},
    transport,
};

/// Reads the document of a relay that should follow `chain` (as in the configuration), from a URL of this `host`, at `now_ms`
/// (Unix milliseconds by this device). The result is JSON: `{chain, peer, addresses, time_ms, expires_ms, others}`. Of both
/// lists those addresses remain that a browser can dial and, unless `host` is local itself, that are not private: a public
/// host must not send a tab into the private network of its user. `addresses` are as they are reached from `host`, in the order in which
/// they are tried.
///
/// # Errors
/// `{code, message, remedy}`: `bad_record`, `forged_record`, `foreign_record`, `expired_record`, or those of the chain.
#[wasm_bindgen(js_name = readRecord)]
pub fn read_record(document: &str, chain: &str, host: &str, now_ms: f64) -> Result<String, JsValue> {
    Ok(read(document, chain, host, now_ms)?)
}

fn read(document: &str, chain: &str, host: &str, now_ms: f64) -> Result<String, Error> {
    let chain = chain::of_json(chain)?;
    let now = Duration::try_from_secs_f64(now_ms / 1000.0).unwrap_or_default();
    let record = RelayRecord::verify(document.as_bytes(), chain.id, now).map_err(|error| refused(&error))?;
    Ok(serde_json::to_string(&seen_from(host, record)).unwrap_or_default())
}

/// The record with the addresses that a page may dial that read it from `host`.
fn seen_from(host: &str, mut record: RelayRecord) -> RelayRecord {
    let is_local = Locality::of_host(host) != Locality::Public;
    // A loopback address of the relay itself is the host's: it is replaced.
    record.addresses.retain(|address| relays::can_dial(address) && (is_local || !is_private(address)));
    record.others.retain(|address| relays::can_dial(address) && (is_local || is_public(address)));
    record.addresses = reachable::from_host(record.addresses, host);
    record.addresses.sort_by_key(|address| address.parse().ok().and_then(|address| transport::rank(&address)));
    record
}

fn is_private(address: &str) -> bool {
    locality(address).is_none_or(|locality| locality == Locality::Private)
}

fn is_public(address: &str) -> bool {
    locality(address) == Some(Locality::Public)
}

fn locality(address: &str) -> Option<Locality> {
    Locality::of_address(&address.parse::<Multiaddr>().ok()?)
}

fn refused(error: &RelayRecordError) -> Error {
    let (code, remedy) = match error {
        RelayRecordError::TooLong(_) | RelayRecordError::Malformed(_) => {
            (ErrorCode::BadRecord, "give the address of a Petrel daemon's page")
        }
        RelayRecordError::Forged(_) => (ErrorCode::ForgedRecord, "do not use this relay"),
        RelayRecordError::Foreign { .. } => (ErrorCode::ForeignRecord, "give a relay of this chain"),
        RelayRecordError::Expired(_) => (ErrorCode::ExpiredRecord, "set this device's clock, or use another relay"),
    };
    Error::new(code, error.to_string(), remedy)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use petrel_core::relay_record::{RelayRecord, RelayRecordError};

    use super::{read, refused, seen_from};
    use crate::error::ErrorCode;

    const PEER: &str = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";

    fn addresses(starts: &[&str]) -> Vec<String> {
        starts.iter().map(|start| format!("{start}/tcp/80/ws/p2p/{PEER}")).collect()
    }

    /// Both lists of a record that was read from `host`.
    fn seen(host: &str, own: &[&str], others: &[&str]) -> (Vec<String>, Vec<String>) {
        let peer = PEER.to_owned();
        let (addresses, others) = (addresses(own), addresses(others));
        let record = seen_from(host, RelayRecord { chain: 10, peer, addresses, time_ms: 0, expires_ms: 0, others });
        (record.addresses, record.others)
    }

    #[test]
    fn an_invalid_document_or_chain_is_refused_with_its_code() {
        let chain = include_str!("../../core/presets/op-mainnet.json");
        assert_eq!(read("{}", chain, "relay.example", 0.0).unwrap_err().code, ErrorCode::BadRecord);
        assert_eq!(read("{}", r#""op-mainnet""#, "relay.example", 0.0).unwrap_err().code, ErrorCode::UnknownChain);
        assert_eq!(read("{}", "{", "relay.example", 0.0).unwrap_err().code, ErrorCode::BadChain);
    }

    #[test]
    fn the_codes_equal_those_of_the_core() {
        let errors = [
            RelayRecordError::TooLong(1),
            RelayRecordError::Malformed(String::new()),
            RelayRecordError::Forged(String::new()),
            RelayRecordError::Foreign { found: 1, expected: 2 },
            RelayRecordError::Expired(Duration::ZERO),
        ];
        for error in errors {
            assert_eq!(serde_json::json!(refused(&error).code), error.code());
        }
    }

    #[test]
    fn private_addresses_of_a_public_host_are_removed() {
        let own = ["/ip4/10.0.0.1", "/dns4/router.lan", "/ip6/fe80::1", "/ip4/8.8.8.8", "/dns/relay.example"];
        let others = ["/ip4/127.0.0.1", "/dns4/localhost", "/ip4/0.0.0.0", "/ip4/10.0.0.2", "/dns4/other.example"];
        let (own, others) = seen("far.example", &own, &others);
        assert_eq!(own, addresses(&["/ip4/8.8.8.8", "/dns/relay.example"]));
        assert_eq!(others, addresses(&["/dns4/other.example"]));
    }

    #[test]
    fn private_addresses_of_a_local_host_stay() {
        let (own, others) = seen("nas.local", &["/ip4/10.0.0.1"], &["/ip4/10.0.0.2", "/dns4/other.example"]);
        assert_eq!(own, addresses(&["/ip4/10.0.0.1"]));
        assert_eq!(others, addresses(&["/ip4/10.0.0.2", "/dns4/other.example"]));
    }

    #[test]
    fn addresses_are_in_the_order_in_which_they_are_tried() {
        let hash = "uEiCaDd1Ca1A8IVJ3hsIxIyi11cwxaDKqzVrBkGJbKZU5ng";
        let address = |end: &str| format!("/dns4/relay.example/{end}/p2p/{PEER}");
        let [ws, wss, webtransport] =
            ["tcp/1/ws", "tcp/2/wss", &format!("udp/1/quic-v1/webtransport/certhash/{hash}")].map(address);
        let addresses = vec![ws.clone(), wss.clone(), webtransport.clone()];
        let record =
            RelayRecord { chain: 10, peer: PEER.to_owned(), addresses, time_ms: 0, expires_ms: 0, others: vec![] };
        assert_eq!(seen_from("relay.example", record).addresses, [webtransport, wss, ws]);
    }

    #[test]
    fn a_loopback_address_is_replaced_by_the_host() {
        for loopback in ["/ip4/127.0.0.1", "/ip6/::", "/dns4/localhost"] {
            let (own, _) = seen("relay.example", &[loopback, "/ip4/10.0.0.1"], &[]);
            assert_eq!(own, addresses(&["/dns/relay.example"]), "{loopback}");
        }
    }
}
