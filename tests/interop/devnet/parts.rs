//! The processes of the network: each has its files in one folder, and is ended by its pid.

use std::{
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use alloy_primitives::hex;
use libp2p::identity::{Keypair, secp256k1};
use petrel_tests::{forge, petrel, process::Process};
use serde_json::json;

use crate::{
    genesis::{self, SYSTEM_CONFIG},
    rpc::Rpc,
    spam,
};

pub(crate) const L1: Rpc = Rpc(8545);
/// The sequencer's and the follower's op-geth.
pub(crate) const GETH: [Rpc; 2] = [Rpc(9545), Rpc(9546)];
const ENGINE: [u16; 2] = [9551, 9552];
const P2P: [u16; 2] = [9222, 9223];
/// The ports of the Petrel nodes with an outdated schedule.
const OUTDATED: [u16; 2] = [9228, 9229];
const OP_NODE: [Rpc; 2] = [Rpc(9645), Rpc(9646)];
/// The port of Petrel's page.
pub(crate) const PAGE: u16 = 9227;

/// The slot of the unsafe block signer in SystemConfig.
const SIGNER_SLOT: &str = "0x65a7ed542fb37fe237fdfbdd70b31598523fe5b32879e307bae27a0bd9581c08";
/// Interval at which op-node and Petrel read the signer.
const RELOAD: &str = "2s";

/// Seeds of the sequencer's keys before and after the rotation.
pub(crate) const SEQUENCER_KEYS: [u8; 2] = [0xa1, 0xb2];
/// Seeds of the peers' identities: the sequencer's and the follower's op-node, the recorder, Petrel, and the two Petrel nodes with an
/// outdated schedule.
const IDENTITIES: [u8; 6] = [0x21, 0x22, 0x23, 0x24, 0x25, 0x26];

/// Deadline of a condition: longer than any condition takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// A process with its own log.
pub(crate) struct Background(Child);

impl Background {
    fn start(log: &Path, command: &mut Command) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let command = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// The network without Petrel. The processes end in the order of the fields.
pub(crate) struct Devnet {
    sequencer: Option<Background>,
    _follower: Background,
    _geth: [Background; 2],
    pub(crate) l1: Background,
    folder: PathBuf,
}

impl Devnet {
    /// Starts a new chain in `folder`.
    pub(crate) fn start(folder: &Path) -> Self {
        let _empty = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("jwt"), "42".repeat(32)).unwrap();
        let l1 = anvil(folder);
        let (number, hash, time) = L1.block("latest").unwrap();
        let genesis = genesis::l2(time, &spam::address().to_string());
        fs::write(folder.join("genesis.json"), genesis.to_string()).unwrap();
        let geth = [0, 1].map(|which| geth(folder, which));
        for rpc in GETH {
            rpc.wait("op-geth", "eth_chainId");
        }
        let (_, l2, _) = GETH[0].block("0x0").unwrap();
        fs::write(folder.join("rollup.json"), genesis::rollup((number, &hash), &l2, time).to_string()).unwrap();
        fs::write(folder.join("l1.json"), genesis::l1().to_string()).unwrap();
        let follower = op_node(folder, 1, None);
        let sequencer = op_node(folder, 0, Some(SEQUENCER_KEYS[0]));
        for rpc in OP_NODE {
            rpc.wait("op-node", "optimism_version");
        }
        Self { sequencer: Some(sequencer), _follower: follower, _geth: geth, l1, folder: folder.to_owned() }
    }

    /// Sends the sequencer's op-node a signal by name.
    pub(crate) fn signal_sequencer(&self, signal: &str) {
        self.sequencer.iter().for_each(|sequencer| sequencer.signal(signal));
    }

    /// Kills the sequencer's op-node and restarts it.
    pub(crate) fn restart_sequencer(&mut self, key: u8) {
        self.sequencer = None;
        self.sequencer = Some(op_node(&self.folder, 0, Some(key)));
    }

    /// Starts Petrel, with the same datadir after each restart.
    pub(crate) fn petrel(&self) -> Process {
        let mut command = self.node("petrel", &self.rollup(), IDENTITIES[3]);
        command.args(["--p2p.listen.tcp=9225", "--p2p.listen.ws=9226"]).arg(format!("--http.port={PAGE}"));
        Process::start_logged("petrel", &mut command, self.log("petrel"))
    }

    /// Starts Petrel with a rollup.json that lacks these forks; `which` is its index.
    pub(crate) fn outdated(&self, which: usize, lacks: &[&str]) -> Process {
        let name = format!("petrel-without-{}", lacks[0]);
        let rollup = serde_json::from_slice(&fs::read(self.rollup()).unwrap()).unwrap();
        let file = self.folder.join(format!("{name}.json"));
        fs::write(&file, genesis::without(&rollup, lacks).to_string()).unwrap();
        let mut command = self.node(&name, &file, IDENTITIES[4 + which]);
        let command = command.arg(format!("--p2p.listen.tcp={}", OUTDATED[which]));
        Process::start_logged(&name, command, self.log(&name))
    }

    /// The command of a Petrel node: static peers are both op-nodes, the signer comes from L1, the datadir has its name.
    fn node(&self, name: &str, rollup: &Path, identity: u8) -> Command {
        let mut command = Command::new(petrel::binary());
        command.arg("node").arg("--rollup.config").arg(rollup).arg("--datadir").arg(self.folder.join(name));
        command.args(["--p2p.priv.raw", &secret(identity), "--p2p.no-discovery", "--events=json"]);
        command.args(["--p2p.static", &[multiaddr(0), multiaddr(1)].join(",")]).arg("--p2p.listen.ip=127.0.0.1");
        command.args(["--l1", &L1.url(), "--l1.runtime-config-reload-interval", RELOAD]);
        command
    }

    /// Starts the recorder: op-node's gossip, which stores every message as on the wire.
    pub(crate) fn recorder(&self) -> Process {
        fs::create_dir_all(self.messages()).unwrap();
        let mut command = Command::new(named("PETREL_INTEROP_PEER"));
        command.arg("-rollup").arg(self.rollup()).arg("-dump").arg(self.messages()).args(["-port", "9224"]);
        command.args(["-signer", &signer(SEQUENCER_KEYS[0]), "-host-key", &secret(IDENTITIES[2])]);
        command.args(["-sequencer-key", &secret(1)]);
        let mut recorder = Process::start_logged("recorder", &mut command, self.log("recorder"));
        let end = Instant::now() + DEADLINE;
        loop {
            recorder.send(&json!({ "do": "connect", "address": multiaddr(1) }));
            let came = recorder
                .expect("the follower", DEADLINE, |event| event["event"] == "came" || event["event"] == "failed");
            if came["event"] == "came" {
                return recorder;
            }
            assert!(Instant::now() < end, "the recorder cannot reach the follower: {came}");
            thread::sleep(Duration::from_secs(1));
        }
    }

    /// Starts the wallet, which follows the chain by Petrel's relay: see `wallet/main.js`.
    pub(crate) fn wallet(&self) -> Process {
        let mut command = node();
        command.arg(named("PETREL_WALLET"));
        command
            .arg(format!("http://127.0.0.1:{PAGE}/"))
            .args([GETH[0].url(), signer(SEQUENCER_KEYS[1])])
            .arg(self.rollup());
        command.args([format!("0x{}", secret(genesis::WALLET)), genesis::CONTRACT.to_owned(), L1.url()]);
        Process::start_logged("wallet", &mut command, self.log("wallet"))
    }

    /// Starts Chromium on Petrel's page; `None` if it is not installed.
    pub(crate) fn tab(&self) -> Option<Process> {
        let chromium = env::var_os("PETREL_CHROMIUM")?;
        let mut command = Command::new("node");
        command.arg(named("PETREL_TAB")).arg(format!("http://127.0.0.1:{PAGE}/")).env("PETREL_CHROMIUM", chromium);
        Some(Process::start_logged("tab", &mut command, self.log("tab")))
    }

    /// Starts the npm package in Node on Petrel's page. It reads its signer from L1.
    pub(crate) fn l1_tab(&self) -> Process {
        let mut command = node();
        command.arg(named("PETREL_L1_TAB")).arg(named("PETREL_PACKAGE"));
        command.arg(format!("http://127.0.0.1:{PAGE}/")).arg(L1.url()).arg(self.rollup());
        Process::start_logged("l1-tab", &mut command, self.log("l1-tab"))
    }

    pub(crate) fn rollup(&self) -> PathBuf {
        self.folder.join("rollup.json")
    }

    /// The folder of the recorder's messages.
    pub(crate) fn messages(&self) -> PathBuf {
        self.folder.join("messages")
    }

    fn log(&self, name: &str) -> File {
        File::options().create(true).append(true).open(self.folder.join(format!("{name}.log"))).unwrap()
    }
}

/// The address of a sequencer's key.
pub(crate) fn signer(seed: u8) -> String {
    forge::key(seed).address().to_string()
}

/// Writes the signer into SystemConfig.
pub(crate) fn set_signer(seed: u8) {
    let word = format!("0x{}{}", "00".repeat(12), hex::encode(forge::key(seed).address()));
    L1.call("anvil_setStorageAt", json!([SYSTEM_CONFIG, SIGNER_SLOT, word])).unwrap();
}

/// Whether the sequencer's op-geth has this block.
pub(crate) fn inserted(number: u64) -> bool {
    GETH[0].block("latest").is_some_and(|(latest, ..)| latest >= number)
}

/// Node with a WebSocket: version 20 has none without the flag, and later ones ignore it.
fn node() -> Command {
    let mut command = Command::new("node");
    command.arg("--experimental-websocket");
    command
}

fn named(variable: &str) -> PathBuf {
    env::var_os(variable)
        .map(PathBuf::from)
        .unwrap_or_else(|| panic!("{variable} is not set; run `cargo xtask interop devnet`, which builds and sets it"))
}

fn anvil(folder: &Path) -> Background {
    let mut command = Command::new(named("PETREL_INTEROP_ANVIL"));
    command.args(["--port", &L1.0.to_string(), "--chain-id", &genesis::L1_CHAIN.to_string(), "--block-time", "4"]);
    command.args(["--hardfork", "prague", "--slots-in-an-epoch", "1"]);
    let anvil = Background::start(&folder.join("anvil.log"), &mut command);
    L1.wait("anvil", "eth_chainId");
    L1.call("anvil_setCode", json!([SYSTEM_CONFIG, "0x00"])).unwrap();
    set_signer(SEQUENCER_KEYS[0]);
    // So that the state of the anchor block has the signer.
    L1.call("anvil_mine", json!(["0x1"])).unwrap();
    anvil
}

fn geth(folder: &Path, which: usize) -> Background {
    let program = named("PETREL_INTEROP_GETH");
    let (data, log) = (folder.join(format!("geth-{which}")), folder.join(format!("geth-{which}.log")));
    let mut init = Command::new(&program);
    init.arg("init").arg("--datadir").arg(&data).arg("--state.scheme=path").arg(folder.join("genesis.json"));
    let said = File::create(&log).unwrap();
    assert!(init.stdout(said.try_clone().unwrap()).stderr(said).status().unwrap().success(), "geth init");
    let mut command = Command::new(program);
    command.arg("--datadir").arg(data).args(["--state.scheme=path", "--syncmode=full", "--gcmode=full"]);
    command.args(["--http", "--http.addr=127.0.0.1", "--http.api=eth,net,web3", "--ipcdisable", "--nodiscover"]);
    command.args(["--port=0", "--maxpeers=0", "--miner.recommit=250ms", "--authrpc.addr=127.0.0.1"]);
    command.arg(format!("--http.port={}", GETH[which].0)).arg(format!("--authrpc.port={}", ENGINE[which]));
    command.arg("--authrpc.jwtsecret").arg(folder.join("jwt"));
    Background::start(&log, &mut command)
}

/// op-node; with a key it is the sequencer.
fn op_node(folder: &Path, which: usize, sequencer: Option<u8>) -> Background {
    let data = folder.join(format!("op-node-{which}"));
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("p2p.txt"), secret(IDENTITIES[which])).unwrap();
    let mut command = Command::new(named("PETREL_INTEROP_OP_NODE"));
    command.current_dir(&data);
    command.args(["--l1", &L1.url(), "--l1.beacon.ignore", "--l1.rpckind=standard", "--l1.http-poll-interval=1s"]);
    command.args(["--verifier.l1-confs=0", "--l1.runtime-config-reload-interval", RELOAD]);
    command.arg(format!("--l2=http://127.0.0.1:{}", ENGINE[which]));
    command.arg("--l2.jwt-secret").arg(folder.join("jwt"));
    command.arg("--rollup.config").arg(folder.join("rollup.json"));
    command.arg("--rollup.l1-chain-config").arg(folder.join("l1.json"));
    command.args(["--rpc.addr=127.0.0.1", &format!("--rpc.port={}", OP_NODE[which].0)]);
    command.args(["--p2p.listen.ip=127.0.0.1", &format!("--p2p.listen.tcp={}", P2P[which])]);
    command.args(["--p2p.priv.path=p2p.txt", "--p2p.no-discovery", "--p2p.scoring=none"]);
    // Without this flag it resolves the public boot nodes, and exits if there is no DNS.
    command.args(["--p2p.bootnodes", &enode(which)]).args(["--p2p.static", &multiaddr(1 - which)]);
    match sequencer {
        Some(key) => {
            command.args(["--sequencer.enabled", "--sequencer.l1-confs=0", "--p2p.sequencer.key", &secret(key)])
        }
        // Without this flag one lost gossip message stops it permanently.
        None => command.arg("--syncmode.req-resp"),
    };
    Background::start(&folder.join(format!("op-node-{which}.log")), &mut command)
}

fn secret(seed: u8) -> String {
    format!("{seed:02x}").repeat(32)
}

fn identity(which: usize) -> secp256k1::Keypair {
    secp256k1::SecretKey::try_from_bytes(&mut [IDENTITIES[which]; 32]).unwrap().into()
}

fn multiaddr(which: usize) -> String {
    let peer = Keypair::from(identity(which)).public().to_peer_id();
    format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer}", P2P[which])
}

fn enode(which: usize) -> String {
    let point = identity(which).public().to_bytes_uncompressed();
    format!("enode://{}@127.0.0.1:{}", hex::encode(&point[1..]), P2P[which])
}
