//! Port mapping with a router on loopback that supports the needed part of UPnP: the SSDP response, its description, and three actions.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use libp2p::identity::secp256k1;
use petrel_core::chain::Chain;
use petrel_node::{
    network::{
        address::{AddressAction, OurAddresses},
        discovery::{AdvertisedEndpoint, Discovery, DiscoveryConfig, LocalNodeRecord},
        nat::{PortMapper, PortMapperConfig, PortMapping},
    },
    store::{Store, StoreBudget},
};

const DESCRIPTION: &str = "<root><device><serviceList><service>\
    <serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>\
    <SCPDURL>/actions</SCPDURL><controlURL>/control</controlURL></service></serviceList></device></root>";

/// The requests to the router, one line each.
type Requests = Arc<Mutex<Vec<String>>>;

fn actions() -> String {
    let action = |name: &str, arguments: &[&str]| {
        let arguments: String = arguments
            .iter()
            .map(|name| format!("<argument><name>{name}</name><direction>in</direction></argument>"))
            .collect();
        format!("<action><name>{name}</name><argumentList>{arguments}</argumentList></action>")
    };
    let key = ["NewRemoteHost", "NewExternalPort", "NewProtocol"];
    let rest = ["NewInternalPort", "NewInternalClient", "NewEnabled", "NewPortMappingDescription", "NewLeaseDuration"];
    let (add, delete) = (action("AddPortMapping", &[&key[..], &rest].concat()), action("DeletePortMapping", &key));
    format!("<scpd><actionList>{add}{delete}</actionList></scpd>")
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let rest = text.split_once(&format!("<{name}")).and_then(|(_, rest)| rest.split_once('>'));
    rest.map_or("", |(_, rest)| rest.split('<').next().unwrap())
}

/// Answers one HTTP request; `taken` is a TCP port that another machine uses.
fn serve(mut stream: TcpStream, external: &str, taken: u16, requests: &Requests, slow: Option<&Barrier>) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let is_whole = |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let head = head.to_ascii_lowercase();
        let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest.lines().next().unwrap());
        (body.len() >= length.parse().unwrap()).then_some(())
    };
    while is_whole(&text).is_none() {
        match stream.read(&mut buffer).unwrap() {
            0 => return,
            read => text.push_str(std::str::from_utf8(&buffer[..read]).unwrap()),
        }
    }
    let envelope =
        |inner: String| format!("<s:Envelope xmlns:s=\"s\" xmlns:u=\"u\"><s:Body>{inner}</s:Body></s:Envelope>");
    let done = |name: &str, inner: &str| envelope(format!("<u:{name}Response>{inner}</u:{name}Response>"));
    let port = || format!("{} {}", field(&text, "NewProtocol"), field(&text, "NewExternalPort"));
    let (status, body) = if text.starts_with("GET /actions") {
        ("200 OK", actions())
    } else if text.starts_with("GET") {
        ("200 OK", DESCRIPTION.to_owned())
    } else if text.contains("GetExternalIPAddress") {
        let ip = format!("<NewExternalIPAddress>{external}</NewExternalIPAddress>");
        ("200 OK", done("GetExternalIPAddress", &ip))
    } else if text.contains("DeletePortMapping") {
        requests.lock().unwrap().push(format!("delete {}", port()));
        ("200 OK", done("DeletePortMapping", ""))
    } else if port() == format!("TCP {taken}") {
        let error = "<UPnPError><errorCode>718</errorCode><errorDescription>taken</errorDescription></UPnPError>";
        ("500 Error", envelope(format!("<s:Fault><detail>{error}</detail></s:Fault>")))
    } else {
        let (client, inner) = (field(&text, "NewInternalClient"), field(&text, "NewInternalPort"));
        let lease = field(&text, "NewLeaseDuration");
        requests.lock().unwrap().push(format!("add {} to {client}:{inner} for {lease}", port()));
        if let Some(slow) = slow {
            // The first wait: the request has arrived. The second wait: the answer may be sent.
            slow.wait();
            slow.wait();
        }
        ("200 OK", done("AddPortMapping", ""))
    };
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    let _node_has_stopped = stream.write_all(answer.as_bytes());
}

/// Serves HTTP on a loopback address with a thread for each connection. Returns its URL.
fn http(ip: Ipv4Addr, serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let url = format!("http://{}/root", listener.local_addr().unwrap());
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    url
}

/// Starts an honest router. Returns its URL, and its requests.
fn honest(external: &'static str, taken: u16, slow: Option<Arc<Barrier>>) -> (String, Requests) {
    let requests = Requests::default();
    let shared = requests.clone();
    let url = http(Ipv4Addr::LOCALHOST, move |stream| serve(stream, external, taken, &shared, slow.as_deref()));
    (url, requests)
}

/// Starts an SSDP socket that answers a search from each of these addresses with its URL, in this order. Returns its address.
fn answering(answers: Vec<(Ipv4Addr, String)>) -> SocketAddr {
    let ssdp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let search = ssdp.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((read, from)) = ssdp.recv_from(&mut buffer) {
            assert!(buffer[..read].starts_with(b"M-SEARCH * HTTP/1.1\r\n"));
            for (ip, url) in &answers {
                let own = UdpSocket::bind((*ip, 0)).unwrap();
                let answer = if *ip == Ipv4Addr::LOCALHOST { &ssdp } else { &own };
                answer.send_to(format!("HTTP/1.1 200 OK\r\nLOCATION: {url}\r\n\r\n").as_bytes(), from).unwrap();
            }
        }
    });
    search
}

/// Starts a router. Returns the address of its SSDP socket, and its requests.
fn router(external: &'static str, taken: u16) -> (SocketAddr, Requests) {
    let (url, requests) = honest(external, taken, None);
    (answering(vec![(Ipv4Addr::LOCALHOST, url)]), requests)
}

fn plan(search: SocketAddr) -> PortMapperConfig {
    let router = Some(Ipv4Addr::LOCALHOST);
    let (local, udp) = (router, Some(9223));
    PortMapperConfig { local, tcp: 9222, udp, private_network: false, search, router }
}

/// The mapping by an honest router that answers the search after a hostile one.
async fn mapped_after(ip: Ipv4Addr, hostile: String) -> PortMapping {
    let (url, _) = honest("8.8.4.4", 1, None);
    let search = answering(vec![(ip, hostile), (Ipv4Addr::LOCALHOST, url)]);
    PortMapper::start(plan(search)).next().await
}

/// Reads the whole head of a request: the answer is lost when the socket is closed with unread bytes.
fn read_head(stream: &mut TcpStream) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
        head.push(byte[0]);
    }
}

#[tokio::test]
async fn nested_xml_does_not_end_the_process() {
    let nested = "<a>".repeat(5000);
    let hostile = http(Ipv4Addr::LOCALHOST, move |mut stream| {
        read_head(&mut stream);
        let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", nested.len());
        let _refused = stream.write_all((head + &nested).as_bytes());
    });
    assert_eq!(mapped_after(Ipv4Addr::LOCALHOST, hostile).await.tcp, 9222);
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    const ALL: usize = 256 << 20;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let hostile = http(Ipv4Addr::LOCALHOST, move |mut stream| {
        read_head(&mut stream);
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {ALL}\r\n\r\n").as_bytes()).unwrap();
        while counter.load(Ordering::Relaxed) < ALL && stream.write_all(&[b' '; 1 << 16]).is_ok() {
            counter.fetch_add(1 << 16, Ordering::Relaxed);
        }
    });
    assert_eq!(mapped_after(Ipv4Addr::LOCALHOST, hostile).await.tcp, 9222);
    // The buffers of a connection are smaller.
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent < 32 << 20, "{sent} bytes were read");
}

#[tokio::test]
async fn only_a_router_of_the_default_route_gets_requests() {
    let other = Ipv4Addr::new(127, 0, 0, 2);
    // The other machine answers the search itself, or the router's answer has its URL.
    for answers in [other, Ipv4Addr::LOCALHOST] {
        let contacted = Arc::new(AtomicUsize::new(0));
        let counter = contacted.clone();
        let hostile = http(other, move |_| _ = counter.fetch_add(1, Ordering::Relaxed));
        assert_eq!(mapped_after(answers, hostile).await.tcp, 9222);
        assert_eq!(contacted.load(Ordering::Relaxed), 0, "{answers} answered");
    }
    // Only another router than the one of the default route answers.
    let (url, requests) = honest("8.8.4.4", 1, None);
    let search = answering(vec![(Ipv4Addr::LOCALHOST, url)]);
    let mut nat = PortMapper::start(PortMapperConfig { router: Some(other), ..plan(search) });
    let waited = tokio::time::timeout(Duration::from_secs(2), nat.next()).await;
    assert!(waited.is_err() && requests.lock().unwrap().is_empty(), "{waited:?}");
}

#[tokio::test]
async fn a_mapping_that_is_made_while_the_node_stops_is_removed() {
    let slow = Arc::new(Barrier::new(2));
    let (url, requests) = honest("8.8.4.4", 1, Some(slow.clone()));
    let nat = PortMapper::start(plan(answering(vec![(Ipv4Addr::LOCALHOST, url)])));
    let received = slow.clone();
    tokio::task::spawn_blocking(move || received.wait()).await.unwrap();
    nat.close().await;
    let expected = ["add TCP 9222 to 127.0.0.1:9222 for 3600", "delete TCP 9222"];
    assert_eq!(*requests.lock().unwrap(), expected);
    slow.wait();
}

#[tokio::test]
async fn a_router_maps_both_ports_and_the_mappings_are_removed() {
    let (search, requests) = router("8.8.4.4", 1);
    let mut nat = PortMapper::start(plan(search));
    let ip = IpAddr::from([8, 8, 4, 4]);
    assert_eq!(nat.next().await, PortMapping { ip, tcp: 9222, udp: Some(9223) });
    nat.close().await;
    let expected = [
        "add TCP 9222 to 127.0.0.1:9222 for 3600",
        "add UDP 9223 to 127.0.0.1:9223 for 3600",
        "delete TCP 9222",
        "delete UDP 9223",
    ];
    assert_eq!(*requests.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_port_of_another_machine_is_replaced_by_a_free_one() {
    let (search, _) = router("8.8.4.4", 9222);
    let mapped = PortMapper::start(plan(search)).next().await;
    assert_ne!(mapped.tcp, 9222);
    assert_eq!(mapped.udp, Some(9223));
}

#[tokio::test]
async fn a_router_behind_another_router_is_used_in_a_private_network_only() {
    let (search, requests) = router("10.0.0.7", 1);
    let mut nat = PortMapper::start(plan(search));
    let waited = tokio::time::timeout(Duration::from_secs(2), nat.next()).await;
    assert!(waited.is_err() && requests.lock().unwrap().is_empty(), "{waited:?}");
    let mapped = PortMapper::start(PortMapperConfig { private_network: true, ..plan(search) }).next().await;
    assert_eq!(mapped.ip, IpAddr::from([10, 0, 0, 7]));
}

/// Applies a mapping as the daemon does. Returns the node record if it has changed.
fn apply(addresses: &mut OurAddresses, mapping: &PortMapping, discovery: &mut Discovery) -> Option<LocalNodeRecord> {
    let mut changed = None;
    for action in addresses.mapped(mapping) {
        if let AddressAction::UpdateRecord(update) = action {
            changed = discovery.update_record(&update).cloned().or(changed);
        }
    }
    changed
}

#[tokio::test]
async fn the_node_record_has_the_routers_address_unless_the_operator_gives_one() {
    let mapping = PortMapping { ip: [8, 8, 4, 4].into(), tcp: 30_001, udp: Some(30_002) };
    for host in [None, Some("8.8.8.8".to_owned())] {
        let chain = Chain::preset("op-mainnet").unwrap();
        let store = Store::in_memory(&chain, StoreBudget { blocks: 1, bytes: 1 << 20 }).unwrap();
        let mut addresses = OurAddresses::new(host.as_deref());
        let is_fixed = host.is_some();
        let config = DiscoveryConfig {
            chain: chain.id,
            listen: vec![IpAddr::from([127, 0, 0, 1])],
            udp: None,
            advertise: AdvertisedEndpoint { host, ..AdvertisedEndpoint::default() },
            boot: Vec::new(),
            private_network: true,
            relay: None,
        };
        let identity = secp256k1::Keypair::generate().into();
        let mut discovery = Discovery::start(config, &identity, 0, store).await.unwrap();
        addresses.discovery_started(discovery.external.clone(), discovery.is_fixed());
        let first = discovery.record.clone();
        let changed = apply(&mut addresses, &mapping, &mut discovery);
        assert_eq!(changed.is_none(), is_fixed);
        let Some(changed) = changed else { continue };
        assert!(changed.seq > first.seq);
        let record: discv5::Enr = changed.record.parse().unwrap();
        assert_eq!(record.tcp4_socket(), Some("8.8.4.4:30001".parse().unwrap()));
        assert_eq!(record.udp4_socket(), Some("8.8.4.4:30002".parse().unwrap()));
        assert!(apply(&mut addresses, &mapping, &mut discovery).is_none(), "it is the same address");
    }
}
