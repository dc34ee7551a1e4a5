//! One chain and its nodes: op-node's peer and the daemon, connected and grafted.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use petrel_core::{chain::Chain, fork::Fork};
use petrel_tests::{forge, petrel, process::Process, sequencer};
use serde_json::json;
use tempfile::TempDir;

/// Deadline of a condition: longer than any condition takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// The key that signs every block of these chains: [`forge::key`]`(1)`.
pub(crate) const SEQUENCER: u8 = 1;

/// See the module.
pub(crate) struct Session {
    pub(crate) chain: Chain,
    pub(crate) peer: Process,
    pub(crate) daemon: Process,
    /// The address of the daemon.
    pub(crate) address: String,
    number: u64,
    _files: TempDir,
}

impl Session {
    /// A chain on which every fork up to `fork` is active.
    pub(crate) fn start(fork: Fork) -> Self {
        let chain = sequencer::chain(fork, 2);
        let files = tempfile::tempdir().unwrap();
        let rollup = files.path().join("rollup.json");
        fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();

        let mut peer = peer(&rollup, SEQUENCER, &[]);
        let there = peer.expect("its address", DEADLINE, |event| event["event"] == "listening");

        let mut command = petrel::node(&rollup, forge::key(SEQUENCER).address(), files.path());
        command.args(["--p2p.static", there["address"].as_str().unwrap(), "--log.level=error"]);
        command.args(["--p2p.listen.tcp=0", "--p2p.no-discovery"]);
        let mut daemon = Process::start_verbose("petrel", &mut command);
        let here = daemon.expect("its address", DEADLINE, |event| event["event"] == "listening");
        for topic in 0..4 {
            let name = format!("/optimism/{}/{topic}/blocks", chain.id);
            peer.expect("a graft", DEADLINE, |event| event["event"] == "grafted" && event["topic"] == name.as_str());
        }
        let address = here["address"].as_str().unwrap().to_owned();
        Self { chain, peer, daemon, address, number: 0, _files: files }
    }

    /// The next unused height.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// op-node builds, signs and publishes a block. Returns its hash.
    pub(crate) fn publish(&mut self, number: u64, transaction: &[u8]) -> String {
        let transaction = alloy_primitives::hex::encode_prefixed(transaction);
        let block = json!({
            "number": number, "timestamp": unix().as_secs(), "extraData": "0x", "transactions": [transaction],
        });
        self.peer.send(&json!({ "do": "publish", "block": block }));
        let event = self.peer.expect("publication", DEADLINE, |event| {
            event["event"] == "failed" || (event["event"] == "published" && event["number"] == number)
        });
        event["hash"].as_str().unwrap_or_else(|| panic!("{event}")).to_owned()
    }
}

/// op-node's peer, configured with the signer of this key.
pub(crate) fn peer(rollup: &Path, signer: u8, more: &[&str]) -> Process {
    let secret = |seed: u8| format!("{seed:02x}").repeat(32);
    let mut command = Command::new(binary("PETREL_INTEROP_PEER"));
    command.args(["-signer", &forge::key(signer).address().to_string(), "-host-key", &secret(0x42)]);
    command.args(["-sequencer-key", &secret(SEQUENCER)]).args(more);
    Process::start_verbose("op-node", command.arg("-rollup").arg(rollup))
}

/// A program that the task runner has built.
pub(crate) fn binary(variable: &str) -> PathBuf {
    let named = env::var_os(variable).map(PathBuf::from);
    named
        .unwrap_or_else(|| panic!("{variable} is not set; run `cargo xtask interop op-node`, which builds and sets it"))
}

/// The time since 1970.
pub(crate) fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}
