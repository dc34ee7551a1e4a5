use std::{
    io::{Read, Write},
    net::{IpAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use libp2p::identity::{Keypair, secp256k1};
use petrel_core::relay_record::RelayRecord;

use super::{
    FoundRelay,
    candidates::{Candidates, REFRESH, RETRY},
    find,
    found::usable,
};
use crate::network::discovery::{DiscoveredRelay, RelayEntry};

const NOW: Duration = Duration::from_secs(1_800_000_000);
const CHAIN: u64 = 10;

fn key() -> Keypair {
    secp256k1::Keypair::generate().into()
}

fn relay(key: &Keypair, ip: &str, port: u16, host: Option<&str>) -> DiscoveredRelay {
    let entry = RelayEntry { port, host: host.map(str::to_owned) };
    DiscoveredRelay { peer: key.public().to_peer_id(), ip: ip.parse().unwrap(), entry }
}

/// A signed record of this chain with these addresses, each without its peer id.
fn record(key: &Keypair, chain: u64, now: Duration, addresses: &[&str]) -> String {
    let peer = key.public().to_peer_id().to_string();
    let addresses = addresses.iter().map(|address| format!("{address}/p2p/{peer}")).collect();
    let time_ms = u64::try_from(now.as_millis()).unwrap();
    let record = RelayRecord { chain, peer, addresses, time_ms, expires_ms: time_ms + 60_000, others: Vec::new() };
    record.sign(key).unwrap()
}

/// The addresses that are used, each without its peer id; or why none is.
fn used(document: &str, relay: &DiscoveredRelay, ips: &[&str]) -> Result<Vec<String>, String> {
    let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
    let found = usable(document.as_bytes(), relay, &ips, CHAIN, NOW)?;
    Ok(found.addresses.iter().map(|address| address.split("/p2p/").next().unwrap().to_owned()).collect())
}

const WEBTRANSPORT: &str = "udp/1/quic-v1/webtransport/certhash/uEiCaDd1Ca1A8IVJ3hsIxIyi11cwxaDKqzVrBkGJbKZU5ng";

#[test]
fn of_a_record_one_address_of_each_kind_at_the_relays_own_place_is_used() {
    let key = key();
    let webtransport = format!("/ip4/8.8.4.4/{WEBTRANSPORT}");
    let document = record(
        &key,
        CHAIN,
        NOW,
        &[
            "/ip4/9.9.9.9/tcp/1/ws",
            "/ip4/127.0.0.1/tcp/1/ws",
            "/dns4/victim.example/tcp/443/wss",
            "/ip4/8.8.4.4/tcp/9222",
            "/ip4/8.8.4.4/tcp/1/ws",
            "/ip4/8.8.4.4/tcp/2/ws",
            &webtransport,
        ],
    );
    let own = [webtransport, "/ip4/8.8.4.4/tcp/1/ws".to_owned()];
    assert_eq!(used(&document, &relay(&key, "8.8.4.4", 80, None), &["8.8.4.4"]), Ok(own.to_vec()));
    // Where it was read by a name, that name and its addresses are its own too.
    let document = record(&key, CHAIN, NOW, &["/dns4/victim.example/tcp/443/wss", "/dns4/Relay.example/tcp/443/wss"]);
    let named = relay(&key, "8.8.4.4", 443, Some("relay.example"));
    assert_eq!(used(&document, &named, &["9.9.9.9"]), Ok(vec!["/dns4/Relay.example/tcp/443/wss".to_owned()]));
    let document = record(&key, CHAIN, NOW, &["/ip4/9.9.9.9/tcp/1/ws"]);
    assert!(used(&document, &named, &["9.9.9.9"]).is_ok());
    assert!(used(&document, &named, &["9.9.9.8"]).unwrap_err().contains("no address of its own"));
}

#[test]
fn a_record_of_another_key_or_chain_and_an_old_one_are_refused() {
    let (key, other) = (key(), key());
    let at = ["/ip4/8.8.4.4/tcp/1/ws"];
    let own = relay(&key, "8.8.4.4", 80, None);
    let read = |document: &str| used(document, &own, &["8.8.4.4"]);
    assert!(read(&record(&key, CHAIN, NOW, &at)).is_ok());
    assert!(read(&record(&other, CHAIN, NOW, &at)).unwrap_err().contains("it is the record of"));
    assert!(read(&record(&key, CHAIN + 1, NOW, &at)).unwrap_err().contains("follows chain 11"));
    assert!(read(&record(&key, CHAIN, NOW - Duration::from_secs(86_400), &at)).unwrap_err().contains("expired"));
    let forged = record(&key, CHAIN, NOW, &at).replace("0a2508", "0a2608");
    assert!(read(&forged).is_err());
    assert!(read("{}").is_err());
}

/// Serves one answer to each request, counted.
fn serve(answer: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, requests) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let _request = stream.read(&mut [0; 4096]);
            let _gone = stream.write_all(answer.as_bytes());
        }
    });
    (port, requests)
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_record_is_read_over_http_and_a_private_address_only_in_a_private_network() {
    let key = key();
    let document = record(&key, CHAIN, crate::system::clock::since_epoch(), &["/ip4/127.0.0.1/tcp/1/ws"]);
    let (port, requests) = serve(ok(&document));
    let at = relay(&key, "127.0.0.1", port, None);
    let found = find(&at, CHAIN, true).await.unwrap();
    assert_eq!(found.addresses, [format!("/ip4/127.0.0.1/tcp/1/ws/p2p/{}", at.peer)]);
    assert!(find(&at, CHAIN, false).await.unwrap_err().contains("not a public address"));
    // A name that resolves to this machine, in a node record of another one.
    let named = relay(&key, "192.168.1.9", port, Some("localhost"));
    assert!(find(&named, CHAIN, true).await.unwrap_err().contains("not a public address"));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_redirect_an_error_and_an_endless_answer_are_refused() {
    let (port, requests) = serve(ok("{}"));
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n");
    let long = ok(&" ".repeat(RelayRecord::MAX + 1));
    let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned();
    for (answer, why) in [(redirect, "status 302"), (missing, "status 404"), (long, "more than 65536 bytes")] {
        let at = relay(&key(), "127.0.0.1", serve(answer).0, None);
        let error = find(&at, CHAIN, true).await.unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 0, "the redirect was followed");
}

fn found(relay: &DiscoveredRelay) -> FoundRelay {
    let peer = petrel_core::peer::PeerId::from_bytes(&relay.peer.to_bytes()).unwrap();
    FoundRelay { peer, ip: relay.ip, addresses: vec!["/ip4/8.8.4.4/tcp/1/ws".to_owned()] }
}

#[test]
fn a_record_is_requested_again_and_a_relay_that_fails_is_forgotten() {
    let at = relay(&key(), "8.8.4.4", 80, None);
    let mut candidates = Candidates::default();
    candidates.add(at.clone(), Duration::ZERO);
    assert_eq!(candidates.next(Duration::ZERO), Some(at.clone()));
    assert!(candidates.answered(&at, Duration::ZERO, Some(found(&at))));
    assert_eq!((candidates.due(), candidates.found()), (Some(REFRESH), vec![found(&at)]));
    // That it is discovered again, at whatever place, does not make its record due.
    candidates
        .add(DiscoveredRelay { entry: RelayEntry { port: 81, host: None }, ..at.clone() }, Duration::from_secs(1));
    assert_eq!((candidates.next(Duration::from_secs(2)), candidates.due()), (None, Some(REFRESH)));
    assert!(!candidates.answered(&at, REFRESH, Some(found(&at))), "nothing has changed");
    let mut now = REFRESH * 2;
    let mut waits = Vec::new();
    while !candidates.answered(&at, now, None) {
        waits.push(candidates.due().unwrap() - now);
        now = candidates.due().unwrap();
    }
    assert_eq!(waits, [RETRY, RETRY * 2, RETRY * 4, RETRY * 8]);
    assert!(candidates.found().is_empty());
}

#[test]
fn many_nodes_of_one_network_or_name_take_few_places_and_none_of_a_good_one() {
    let mut candidates = Candidates::default();
    let good = relay(&key(), "8.8.8.8", 443, Some("relay.example"));
    candidates.add(good.clone(), Duration::ZERO);
    candidates.answered(&good, Duration::ZERO, Some(found(&good)));
    let due = |candidates: &mut Candidates| {
        let mut due = Vec::new();
        while let Some(next) = candidates.next(Duration::from_secs(1)) {
            candidates.answered(&next, Duration::from_secs(1), None);
            due.push(next);
        }
        due
    };
    for last in 0..100 {
        candidates.add(relay(&key(), &format!("9.9.9.{last}"), 80, None), Duration::ZERO);
        candidates.add(relay(&key(), &format!("11.{last}.0.1"), 443, Some("relay.example")), Duration::ZERO);
    }
    let asked = due(&mut candidates);
    assert!(
        asked.len() == Candidates::PER_NETWORK && asked.iter().all(|relay| relay.entry.host.is_none()),
        "{asked:?}"
    );
    // Those that have failed make room for others.
    let late = relay(&key(), "9.9.9.200", 80, None);
    candidates.add(late.clone(), Duration::ZERO);
    assert_eq!(due(&mut candidates), [late]);
    for network in 0..200 {
        candidates.add(relay(&key(), &format!("12.{network}.0.1"), 80, None), Duration::ZERO);
    }
    assert!(due(&mut candidates).len() <= Candidates::MAX);
    assert_eq!(candidates.found(), [found(&good)]);
}
