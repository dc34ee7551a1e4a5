//! The daemon in its own process, and the state from its events.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use petrel_core::{chain::Chain, fork::Fork};
use petrel_tests::{forge, petrel, ports, process::Process};

/// Deadline of a start: longer than it takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

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
    /// The long turns of its event loop (event `stalled`), milliseconds.
    pub(crate) stalls: Vec<u64>,
    /// Numbers of blocks that it received by gossip, and otherwise.
    pub(crate) blocks: (u64, u64),
    /// By number: when it had received and when it had validated a block, milliseconds after the block's own time.
    pub(crate) validated: BTreeMap<u64, [i64; 2]>,
}

impl Relay {
    /// Starts the daemon on this chain with its files in `files`, for at most this many leaves.
    pub(crate) fn start(files: &Path, chain: Chain, leaves: usize) -> Self {
        std::fs::write(files.join("rollup.json"), chain.to_rollup_json().to_string()).unwrap();
        let ports = [ports::tcp(), ports::tcp(), ports::udp(), ports::tcp()];
        let mut child = daemon(files, leaves, ports);
        let [tcp, ws, webtransport] = addresses(&mut child);
        let (joined, stalls, blocks, validated) = (BTreeSet::new(), Vec::new(), (0, 0), BTreeMap::new());
        let files = files.to_owned();
        Self { child, chain, tcp, ws, webtransport, files, leaves, ports, joined, stalls, blocks, validated }
    }

    /// Restarts the daemon, which has ended, with the same folder and ports. Its addresses must be the same.
    pub(crate) fn restart(&mut self) {
        self.child = daemon(&self.files, self.leaves, self.ports);
        self.joined.clear();
        let before = [self.tcp.clone(), self.ws.clone(), self.webtransport.clone()];
        assert_eq!(addresses(&mut self.child), before, "its addresses and hashes are the same");
    }

    /// The topic of the blocks.
    pub(crate) fn topic(&self) -> String {
        self.chain.topic(Fork::Jovian.version())
    }

    /// Reads the events so far.
    pub(crate) fn listen(&mut self) {
        for event in self.child.drain() {
            match event["event"].as_str() {
                Some("topic_joined") if event["version"] == Fork::Jovian.version().to_string() => {
                    self.joined.extend(event["peer"].as_str().map(str::to_owned));
                }
                Some("disconnected") => {
                    println!("the daemon's peer {} disconnected: {}", event["peer"], event["reason"]);
                    self.joined.remove(event["peer"].as_str().unwrap());
                }
                Some("stalled") => self.stalls.extend(event["millis"].as_u64()),
                Some("block") if event["via"] == "gossip" => {
                    self.blocks.0 += 1;
                    let millis = |field: &str| event[field].as_i64().unwrap();
                    let deliveries = millis("delay_ms");
                    self.validated
                        .insert(event["number"].as_u64().unwrap(), [deliveries, deliveries + millis("judged_ms")]);
                }
                Some("block") => self.blocks.1 += 1,
                Some("missed") => println!("the daemon's events arrived too fast: {event}"),
                _ => {}
            }
        }
    }

    /// Waits until this many peers have joined the topic; from then on they get all blocks.
    pub(crate) fn wait_for(&mut self, peers: usize) {
        let end = Instant::now() + DEADLINE * 4;
        loop {
            self.listen();
            if self.joined.len() >= peers {
                return;
            }
            assert!(Instant::now() < end, "{} of {peers} peers have joined the topic", self.joined.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Bytes sent over WebSocket and over WebTransport, by its metrics.
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

/// The addresses of TCP, WebSocket and WebTransport.
fn addresses(child: &mut Process) -> [String; 3] {
    let mut of = |is: &dyn Fn(&str) -> bool| {
        let listening = child.expect("an address", DEADLINE, |event| {
            event["event"] == "listening" && is(event["address"].as_str().unwrap())
        });
        listening["address"].as_str().unwrap().to_owned()
    };
    let is_webtransport = |address: &str| address.contains("/webtransport/certhash/");
    let ws = of(&|address| address.contains("/ws"));
    [of(&|address| address.contains("/tcp/") && !address.contains("/ws")), ws, of(&is_webtransport)]
}
