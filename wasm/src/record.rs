//! Relays' signed records, checked for JavaScript, which fetches them.

use core::{net::IpAddr, time::Duration};

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{
    address::is_public,
    relay_record::{RelayRecord, RelayRecordError},
};
use wasm_bindgen::prelude::*;

use crate::{error::Error, settings};

/// Reads the document of a relay that should follow `chain` (as in the configuration), asked by the URL's `host`, at `now_ms`
/// (Unix milliseconds by this device). The result is JSON: `{chain, peer, addresses, time_ms, expires_ms, others}`; of both
/// lists those remain that a browser can dial and, unless `host` is of this device's own network too, that are not in a
/// private one: no stranger sends a tab into its own house. (Loopback addresses of the relay itself stay: they are read as
/// `host`.)
///
/// # Errors
/// `{code, message, remedy}`: `bad_record`, `forged_record`, `foreign_record`, `expired_record`, or those of the chain.
#[wasm_bindgen(js_name = readRecord)]
pub fn read_record(document: &str, chain: &str, host: &str, now_ms: f64) -> Result<String, JsValue> {
    Ok(read(document, chain, host, now_ms)?)
}

fn read(document: &str, chain: &str, host: &str, now_ms: f64) -> Result<String, Error> {
    let chain = settings::chain_of(chain)?;
    let now = Duration::try_from_secs_f64(now_ms / 1000.0).unwrap_or_default();
    let mut record = RelayRecord::verify(document.as_bytes(), chain.id, now).map_err(|error| refused(&error))?;
    let near = is_near(host);
    record.addresses.retain(|address| settings::can_dial(address) && (near || !is_private(address, false)));
    record.others.retain(|address| settings::can_dial(address) && (near || !is_private(address, true)));
    Ok(serde_json::to_string(&record).unwrap_or_default())
}

/// Whether an address leads into this device's own network; loopback counts as `loopback` says.
fn is_private(address: &str, loopback: bool) -> bool {
    let is_near_ip = |ip: IpAddr| if ip.is_loopback() || ip.is_unspecified() { loopback } else { !is_public(ip) };
    match address.parse::<Multiaddr>().ok().as_ref().and_then(|address| address.iter().next()) {
        Some(Protocol::Ip4(ip)) => is_near_ip(ip.into()),
        Some(Protocol::Ip6(ip)) => is_near_ip(ip.into()),
        Some(Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name)) => is_near(&name),
        _ => true,
    }
}

/// Names that no public resolver knows: RFC 6761 and 6762, RFC 8375, ICANN's `internal`, and what routers use.
const NEAR: [&str; 5] = [".localhost", ".local", ".home.arpa", ".internal", ".lan"];

/// Whether a host, as a URL or a multiaddr names it, is one of this device's own network.
fn is_near(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(ip) => !is_public(ip),
        Err(_) => !host.contains('.') || NEAR.iter().any(|name| host.ends_with(name)),
    }
}

fn refused(error: &RelayRecordError) -> Error {
    let remedy = match error {
        RelayRecordError::TooLong(_) | RelayRecordError::Malformed(_) => "give the address of a Petrel daemon's page",
        RelayRecordError::Forged(_) => "do not use this relay",
        RelayRecordError::Foreign { .. } => "give a relay of this chain",
        RelayRecordError::Expired(_) => "set this device's clock, or use another relay",
    };
    Error::new(error.code(), error.to_string(), remedy)
}

#[cfg(test)]
mod tests {
    use super::{is_near, is_private, read};

    #[test]
    fn what_is_no_record_is_refused_with_its_code() {
        let chain = include_str!("../../core/presets/op-mainnet.json");
        assert_eq!(read("{}", chain, "relay.example", 0.0).unwrap_err().code, "bad_record");
        assert_eq!(read("{}", r#""op-mainnet""#, "relay.example", 0.0).unwrap_err().code, "unknown_chain");
        assert_eq!(read("{}", "{", "relay.example", 0.0).unwrap_err().code, "bad_chain");
    }

    #[test]
    fn what_leads_into_a_private_network_is_known() {
        for host in ["127.0.0.1", "[::1]", "192.168.1.9", "[fd00::1]", "localhost", "nas", "nas.local", "Relay.LAN."] {
            assert!(is_near(host), "{host}");
        }
        for host in ["relay.example", "8.8.8.8", "[2606:4700::1]", "local.example"] {
            assert!(!is_near(host), "{host}");
        }
        let peer = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";
        let private = |start: &str, loopback| is_private(&format!("{start}/tcp/80/ws/p2p/{peer}"), loopback);
        assert!(
            private("/ip4/10.0.0.1", false) && private("/dns4/router.lan", false) && private("/ip6/fe80::1", false)
        );
        assert!(!private("/ip4/8.8.8.8", true) && !private("/dns/relay.example", true));
        assert!(
            private("/ip4/127.0.0.1", true) && !private("/ip4/127.0.0.1", false) && !private("/ip4/0.0.0.0", false)
        );
    }
}
