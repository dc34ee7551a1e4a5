//! A daemon under attack, with honest peers beside the attackers: what `long/flood` judges and `long/soak` observes.
//!
//! Every second a block of 100 kB is published. Of fifteen blocks three in a row are withheld: the daemon has to request them by
//! number. Everything runs in a network namespace, see [`crate::attackers`].

mod gapped_chain;
mod honest_peers;
mod newcomers;
mod probes;
mod waits;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use petrel_core::fork::Fork;

use crate::{
    attackers::{self, AttackOutcome, Attacker, Latest, Target, addresses},
    forge, petrel,
    process::Process,
    resources,
    sequencer::{chain, id},
};
use gapped_chain::GappedChain;
use honest_peers::HonestPeers;
use waits::Attempts;
pub use waits::Waits;

/// The daemon's ports; in its namespace all are free.
const TCP: u16 = 9222;
const WS: u16 = 9223;
const QUIC: u16 = 9224;
const WEBTRANSPORT: u16 = 9225;
const PAGE: u16 = 8080;
const METRICS: u16 = 7300;
/// Time after which attackers get an honest block.
const LEAD: Duration = Duration::from_millis(100);
/// The priority of the honest peers: below the daemon's, above the attackers'.
const PEERS_NICE: u8 = 10;
const START: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub struct AttackedNode {
    daemon: Process,
    blocks: GappedChain,
    honest: HonestPeers,
    newcomers: Attempts,
    probes: Attempts,
    latest: Latest,
    attackers: Vec<Attacker>,
    /// When the next block is due.
    due: Instant,
}

/// What the honest peers and the attackers say at the end.
#[derive(Debug)]
pub struct Ending {
    /// What each attacker did.
    pub attackers: Vec<AttackOutcome>,
    /// The honest peers and what they are, by peer id.
    pub honest: Vec<(String, &'static str)>,
    /// Blocks that each honest peer with a chain got: what it is, and how many.
    pub followed: Vec<(&'static str, usize)>,
    /// Blocks that were published or can be requested.
    pub blocks: Vec<String>,
    /// Of new browsers: until their first block.
    pub newcomers: Waits,
    /// Of probes of the daemon's liveness.
    pub probes: Waits,
}

impl AttackedNode {
    /// Starts the daemon with these flags besides its usual ones, the honest peers, and then the attackers. `log` gets the
    /// daemon's stderr.
    ///
    /// # Panics
    /// Something does not start.
    #[must_use]
    pub fn start(folder: &Path, flags: &[&str], log: impl Into<Stdio>) -> Self {
        addresses::set_up();
        let chain = chain(Fork::Jovian, 1);
        let rollup = folder.join("rollup.json");
        fs::write(&rollup, chain.to_rollup_json().to_string()).expect("the folder is there");
        let mut daemon = Process::start_logged("petrel", command(&rollup, folder).args(flags), log);
        let listening = daemon.expect("its address", START, |event| event["event"] == "listening");
        let peer = id(listening["address"].as_str().unwrap_or_default()).parse().expect("a peer id");
        // Of all peers, which would run on other machines.
        resources::lower_priority(PEERS_NICE);
        let (tcp, ws, quic, webtransport, page) = (TCP, WS, QUIC, WEBTRANSPORT, PAGE);
        let target = Target { chain, peer, tcp, ws, quic, webtransport, page };

        let blocks = GappedChain::start(&target);
        let honest = HonestPeers::start(&target);
        let newcomers = newcomers::start(&target);
        let latest = Latest::default();
        let attackers = attackers::start_all(&target, &latest, [honest_peers::NODE, honest_peers::BROWSER]);
        let (probes, due) = (probes::start(METRICS), Instant::now());
        Self { daemon, blocks, honest, newcomers, probes, latest, attackers, due }
    }

    /// The daemon.
    pub fn daemon(&mut self) -> &mut Process {
        &mut self.daemon
    }

    /// Makes the next block, and publishes it unless it is withheld. Returns after a second; `look` is called meanwhile.
    ///
    /// # Panics
    /// An attacker has panicked.
    pub fn next_second(&mut self, mut look: impl FnMut(&mut Process)) {
        self.due += Duration::from_secs(1);
        if let Some(wire) = self.blocks.next() {
            thread::sleep(LEAD);
            *self.latest.lock().expect("no attacker panics") = wire;
        }
        while Instant::now() < self.due {
            look(&mut self.daemon);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the attackers, then the daemon. `look` gets the daemon once more before that.
    #[must_use]
    pub fn end(mut self, look: impl FnOnce(&mut Process)) -> Ending {
        self.blocks.last();
        thread::sleep(Duration::from_secs(5));
        look(&mut self.daemon);
        let attackers = self.attackers.into_iter().map(Attacker::end).collect();
        let mut honest = self.honest.identities();
        honest.extend(self.blocks.identities());
        let ending = Ending {
            attackers,
            honest,
            followed: self.honest.end(),
            blocks: self.blocks.hashes(),
            newcomers: self.newcomers.end(),
            probes: self.probes.end(),
        };
        self.daemon.stop(Duration::from_secs(5));
        ending
    }
}

/// The daemon with every listener; those for peers on every address of the namespace.
fn command(rollup: &Path, folder: &Path) -> Command {
    let mut command = petrel::command(&["node", "--events=json", "--p2p.listen.ip=0.0.0.0", "--p2p.no-discovery"]);
    command.arg("--rollup.config").arg(rollup).arg("--datadir").arg(folder);
    command.args(["--p2p.unsafe-block-signer", &forge::key(1).address().to_string(), "--http.addr=0.0.0.0"]);
    command.arg("--metrics.enabled").arg(format!("--metrics.port={METRICS}")).arg(format!("--http.port={PAGE}"));
    let ports = [("tcp", TCP), ("ws", WS), ("quic", QUIC), ("webtransport", WEBTRANSPORT)];
    command.args(ports.map(|(transport, port)| format!("--p2p.listen.{transport}={port}")));
    command
}
