//! The HTTP server: the page, the relay information that it reads, the signed record, and no other path.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{SystemTime, UNIX_EPOCH},
};

use petrel_core::{chain::Chain, relay_record::RelayRecord};
use serde_json::Value;

use petrel_tests::{petrel, process::Process};

const RECORD: &str = "/.well-known/petrel.json";

/// A devnet, and the host and port of its page.
fn devnet() -> (Process, String) {
    start(&["devnet", "--block-time=1s"])
}

/// The same with other arguments.
fn start(words: &[&str]) -> (Process, String) {
    let mut devnet = petrel::start(words);
    devnet.event("block");
    let said = devnet.until_stderr("/\n");
    let url = said.split_whitespace().find_map(|word| word.strip_prefix("http://")).expect("the page's address");
    (devnet, url.trim_end_matches('/').to_owned())
}

/// Head and body of a response.
fn ask(host: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

fn get(host: &str, path: &str) -> String {
    let (head, body) = ask(host, &format!("GET {path}"));
    assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
    body
}

fn relay(host: &str) -> Value {
    serde_json::from_str(&get(host, "/relay.json")).unwrap()
}

#[test]
fn the_page_is_served_with_the_relay_it_needs() {
    let (devnet, host) = devnet();
    assert!(get(&host, "/").contains("<html"));
    assert_eq!(get(&host, "/healthz"), "ok\n");
    let relay = relay(&host);
    assert_eq!(relay["chain"]["l2_chain_id"], 9_022_110);
    assert!(relay["signer"].as_str().unwrap().starts_with("0x"));
    let relays: Vec<&str> = relay["relays"].as_array().unwrap().iter().map(|relay| relay.as_str().unwrap()).collect();
    for transport in ["/ws/p2p/16Uiu2HA", "/webtransport/certhash/"] {
        assert!(relays.iter().any(|relay| relay.contains(transport)), "{transport} in {relays:?}");
    }
    assert_eq!(devnet.end("TERM").code(), Some(0));
    let ended = TcpStream::connect(&host).unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::ConnectionRefused, "/healthz of a node that has ended is not served");
}

#[test]
fn the_record_is_signed_by_the_relay_and_has_its_addresses_and_its_time() {
    let (_devnet, host) = devnet();
    let document = get(&host, RECORD);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let record = RelayRecord::verify(document.as_bytes(), 9_022_110, now).unwrap();
    assert_eq!(record.addresses, serde_json::from_value::<Vec<String>>(relay(&host)["relays"].clone()).unwrap());
    assert!(record.addresses[0].ends_with(&record.peer));
    let off = i128::from(record.time_ms) - i128::try_from(now.as_millis()).unwrap();
    assert!(off.abs() < 10_000, "its clock is {off} ms off");
    assert_eq!(u128::from(record.expires_ms - record.time_ms), RelayRecord::LIFETIME.as_millis());
    assert_eq!(RelayRecord::verify(document.as_bytes(), 10, now).unwrap_err().code(), "foreign_record");
}

#[test]
fn pages_of_other_origins_may_read_the_record_and_nothing_else() {
    let (_devnet, host) = devnet();
    let allows = |path: &str| ask(&host, &format!("GET {path}")).0.contains("access-control-allow-origin");
    assert!(allows(RECORD));
    for path in ["/", "/relay.json", "/healthz", "/index.html"] {
        assert!(!allows(path), "{path}");
    }
}

#[test]
fn no_path_leads_out_of_the_page_and_post_is_refused() {
    let (_devnet, host) = devnet();
    for path in [
        "/../Cargo.toml",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/%2e%2e/relay.json",
        "/.well-known/",
        "/petrel.redb",
    ] {
        let (head, _) = ask(&host, &format!("GET {path}"));
        assert!(head.starts_with("http/1.1 404") || head.starts_with("http/1.1 400"), "{path}: {head}");
    }
    for path in [RECORD, "/relay.json"] {
        let (head, _) = ask(&host, &format!("POST {path}"));
        assert!(head.starts_with("http/1.1 405"), "{path}: {head}");
    }
    assert_eq!(get(&host, "/healthz"), "ok\n");
}

/// A page can follow a chain only if it knows when each block is due.
#[test]
fn the_chain_is_an_object_in_the_format_of_rollup_json() {
    for (fork, interval) in [("jovian", 2000), ("denim", 200)] {
        let (devnet, host) = start(&["devnet", "--fork", fork]);
        let relay = relay(&host);
        assert!(relay["chain"].is_object(), "{relay}");
        let chain = Chain::from_rollup_json(relay["chain"].to_string().as_bytes()).unwrap();
        assert_eq!(chain.cadence.steps().map(|step| step.interval_ms).collect::<Vec<_>>(), [interval], "{relay}");
        assert_eq!((chain.id, chain.forks.has_base()), (9_022_110, fork == "denim"), "{relay}");
        assert_eq!(chain.signer.unwrap().to_string().to_lowercase(), relay["signer"].as_str().unwrap().to_lowercase());
        drop(devnet);
    }
}
