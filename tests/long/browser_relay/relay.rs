//! The daemon in its own process, and what it says.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use petrel_core::{chain::Chain, fork::Fork};
use petrel_tests::{forge, petrel, ports, process::Process};

/// Longer than a start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Relay {
    pub(crate) child: Process,
    pub(crate) chain: Chain,
    pub(crate) tcp: String,
    pub(crate) ws: String,
    pub(crate) webtransport: String,
    files: PathBuf,
    leaves: usize,
    ports: [u16; 4],
    joined: BTreeSet<String>,
    /// The turns of its loop that it called long, milliseconds.
    pub(crate) stalls: Vec<u64>,
    /// Blocks that it gossiped, and that it fetched.
    pub(crate) blocks: (u64, u64),
    /// By number: when a block came to it and when it had judged it, milliseconds after the block's own time.
    pub(crate) judged: BTreeMap<u64, [i64; 2]>,
}

impl Relay {
    /// Starts it on this chain and in this folder, with room for so many leaves.
    pub(crate) fn start(files: &Path, chain: Chain, leaves: usize) -> Self {
        std::fs::write(files.join("rollup.json"), chain.to_rollup_json().to_string()).unwrap();
        let ports = [ports::tcp(), ports::tcp(), ports::udp(), ports::tcp()];
        let mut child = daemon(files, leaves, ports);
        let [tcp, ws, webtransport] = addresses(&mut child);
        let (joined, stalls, blocks, judged) = (BTreeSet::new(), Vec::new(), (0, 0), BTreeMap::new());
        let files = files.to_owned();
        Self { child, chain, tcp, ws, webtransport, files, leaves, ports, joined, stalls, blocks, judged }
    }

    /// Starts it again on the same folder and ports; it is ended already. Its addresses must be the same.
    pub(crate) fn start_again(&mut self) {
        self.child = daemon(&self.files, self.leaves, self.ports);
        self.joined.clear();
        let before = [self.tcp.clone(), self.ws.clone(), self.webtransport.clone()];
        assert_eq!(addresses(&mut self.child), before, "its addresses and hashes are what they were");
    }

    /// Of the blocks' version.
    pub(crate) fn topic(&self) -> String {
        self.chain.topic(Fork::Jovian.version())
    }

    /// Takes what it has said.
    pub(crate) fn listen(&mut self) {
        for event in self.child.drain() {
            match event["event"].as_str() {
                Some("topic_joined") if event["version"] == Fork::Jovian.version().to_string() => {
                    self.joined.extend(event["peer"].as_str().map(str::to_owned));
                }
                Some("disconnected") => {
                    println!("the daemon lost {}: {}", event["peer"], event["reason"]);
                    self.joined.remove(event["peer"].as_str().unwrap());
                }
                Some("stalled") => self.stalls.extend(event["millis"].as_u64()),
                Some("block") if event["via"] == "gossip" => {
                    self.blocks.0 += 1;
                    let millis = |field: &str| event[field].as_i64().unwrap();
                    let deliveries = millis("delay_ms");
                    self.judged
                        .insert(event["number"].as_u64().unwrap(), [deliveries, deliveries + millis("judged_ms")]);
                }
                Some("block") => self.blocks.1 += 1,
                Some("missed") => println!("the daemon's events deliveries too fast: {event}"),
                _ => {}
            }
        }
    }

    /// Until so many peers have joined the blocks' topic: from then on they get what is gossiped.
    pub(crate) fn wait_for(&mut self, peers: usize) {
        let end = Instant::now() + PATIENCE * 4;
        loop {
            self.listen();
            if self.joined.len() >= peers {
                return;
            }
            assert!(Instant::now() < end, "{} of {peers} peers have joined the topic", self.joined.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Bytes that went out over WebSocket and over WebTransport, by its metrics.
    pub(crate) fn sent(&self) -> [f64; 2] {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports[3])).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        ["ws", "webtransport"].map(|transport| {
            let of = |line: &&str| {
                line.starts_with("petrel_transport_bytes_total{")
                    && line.contains("direction=\"out\"")
                    && line.contains(&format!("transport=\"{transport}\""))
            };
            let line = text.lines().find(of).expect("bytes of each transport");
            line.rsplit(' ').next().unwrap().parse().unwrap()
        })
    }
}

fn daemon(files: &Path, leaves: usize, ports: [u16; 4]) -> Process {
    let mut command = petrel::node(&files.join("rollup.json"), forge::key(1).address(), files);
    command.args(["--p2p.no-discovery", "--log.level=error", "--metrics.enabled"]);
    command.arg(format!("--p2p.leaves.max={leaves}"));
    for (flag, port) in ["p2p.listen.tcp", "p2p.listen.ws", "p2p.listen.webtransport", "metrics.port"].iter().zip(ports)
    {
        command.arg(format!("--{flag}={port}"));
    }
    Process::start_verbose("petrel", &mut command)
}

/// Of TCP, WebSocket and WebTransport.
fn addresses(child: &mut Process) -> [String; 3] {
    let mut of = |is: &dyn Fn(&str) -> bool| {
        let told = child.expect("an address", PATIENCE, |event| {
            event["event"] == "listening" && is(event["address"].as_str().unwrap())
        });
        told["address"].as_str().unwrap().to_owned()
    };
    let is_webtransport = |address: &str| address.contains("/webtransport/certhash/");
    let ws = of(&|address| address.contains("/ws"));
    [of(&|address| address.contains("/tcp/") && !address.contains("/ws")), ws, of(&is_webtransport)]
}
