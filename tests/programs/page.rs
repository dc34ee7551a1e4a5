//! The HTTP server: the page, the relay information that it reads, the signed record, and no other path.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use petrel_core::{chain::Chain, relay_record::RelayRecord};
use serde_json::Value;

use petrel_tests::{petrel, process::Process, sequencer::Sequencer};

use crate::{
    metrics,
    node::{arguments, start},
};

const RECORD: &str = "/.well-known/petrel.json";

/// A devnet, and the host and port of its page.
fn devnet() -> (Process, String) {
    start_devnet(&["devnet", "--block-time=1s"])
}

/// The same with other arguments.
fn start_devnet(words: &[&str]) -> (Process, String) {
    let mut devnet = petrel::start(words);
    devnet.event("block");
    let said = devnet.until_stderr("/\n");
    let url = said.split_whitespace().find_map(|word| word.strip_prefix("http://")).expect("the page's address");
    (devnet, url.trim_end_matches('/').to_owned())
}

/// Head and body of a response.
fn ask(host: &str, request: &str) -> (String, String) {
    ask_with(host, request, &format!("Host: {host}"))
}

/// The same with other headers.
fn ask_with(host: &str, request: &str, headers: &str) -> (String, String) {
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{request} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n").unwrap();
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

/// The response's `Access-Control-Allow-Origin` for a page of this origin.
fn allowed(host: &str, path: &str, origin: &str) -> Option<String> {
    let (head, _) = ask_with(host, &format!("GET {path}"), &format!("Host: {host}\r\nOrigin: {origin}"));
    head.lines().find_map(|line| line.strip_prefix("access-control-allow-origin: ").map(str::to_owned))
}

#[test]
fn pages_of_other_origins_may_read_the_record_and_nothing_else() {
    let (_devnet, host) = devnet();
    let local = "http://localhost:5173";
    assert_eq!(allowed(&host, RECORD, local).as_deref(), Some(local));
    for path in ["/", "/relay.json", "/healthz", "/index.html"] {
        assert_eq!(allowed(&host, path, local), None, "{path}");
    }
}

/// A node with a page, and the page's host and port.
fn node_with_page(sequencer: &Sequencer, folder: &Path, more: &[&str]) -> (Process, String) {
    let words = arguments(sequencer, folder, &sequencer.address);
    let node = start(&words, &[&["--http.port=0", "--metrics.enabled", "--metrics.port=0"], more].concat());
    let log = node.until_stderr("metrics url=");
    let page = log.lines().find_map(|line| line.split_once("page url=http://")).unwrap().1;
    let port = page.trim_end_matches('/').rsplit(':').next().unwrap();
    (node, format!("127.0.0.1:{port}"))
}

#[test]
fn only_a_record_that_is_meant_for_the_public_may_be_read_by_every_page() {
    let sequencer = Sequencer::started();
    let other = "https://other.example";
    let record = |more: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let (_node, host) = node_with_page(&sequencer, folder.path(), more);
        allowed(&host, RECORD, other)
    };
    assert_eq!(record(&[]), None);
    assert_eq!(record(&["--http.hosts=relay.example"]).as_deref(), Some("*"));
    assert_eq!(record(&["--http.addr=0.0.0.0"]).as_deref(), Some("*"));
}

/// A client may begin with HTTP/2 without an upgrade, and each connection would then allow two hundred requests at once.
#[test]
fn http_2_is_refused() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let (node, page) = node_with_page(&sequencer, folder.path(), &[]);
    for at in [page, format!("127.0.0.1:{}", metrics::port(&node))] {
        let mut stream = TcpStream::connect(&at).unwrap();
        // The preface and empty SETTINGS (RFC 9113, §3.4).
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
        let mut answer = [0; 64];
        let read = stream.read(&mut answer).unwrap_or_default();
        assert!(read == 0 || answer.starts_with(b"HTTP/1.1 400"), "{at}: {:?}", &answer[..read]);
    }
}

/// The name of a hostile page resolves to 127.0.0.1: its browser sends requests to the node with that name in `Host`.
#[test]
fn a_page_whose_name_resolves_to_loopback_reads_neither_page_nor_metrics() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let (node, page) = node_with_page(&sequencer, folder.path(), &["--http.hosts=relay.example"]);
    let metrics = format!("127.0.0.1:{}", metrics::port(&node));
    let status = |at: &str, path: &str, host: &str| {
        let (head, body) = ask_with(at, &format!("GET {path}"), &format!("Host: {host}"));
        (head.split(' ').nth(1).unwrap().to_owned(), body)
    };
    for (at, path) in [(&page, RECORD), (&page, "/relay.json"), (&page, "/"), (&page, "/x"), (&metrics, "/metrics")] {
        for host in ["rebind.example", "rebind.example:7300", "127.0.0.1.rebind.example", ""] {
            let (code, body) = status(at, path, host);
            assert!(code == "403" && body.contains("--http.hosts"), "{path} of {host}: {code} {body}");
        }
        for host in ["localhost", "127.0.0.1:1", "[::1]:1", "relay.example", "RELAY.example:443"] {
            assert_ne!(status(at, path, host).0, "403", "{path} of {host}");
        }
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
        let (devnet, host) = start_devnet(&["devnet", "--fork", fork]);
        let relay = relay(&host);
        assert!(relay["chain"].is_object(), "{relay}");
        let chain = Chain::from_rollup_json(relay["chain"].to_string().as_bytes()).unwrap();
        assert_eq!(chain.cadence.steps().map(|step| step.interval_ms).collect::<Vec<_>>(), [interval], "{relay}");
        assert_eq!((chain.id, chain.forks.has_base()), (9_022_110, fork == "denim"), "{relay}");
        assert_eq!(chain.signer.unwrap().to_string().to_lowercase(), relay["signer"].as_str().unwrap().to_lowercase());
        drop(devnet);
    }
}
