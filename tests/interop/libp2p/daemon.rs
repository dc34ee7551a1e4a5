//! `petrel node` on loopback, on all its transports.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use petrel_core::chain::Chain;
use petrel_tests::{forge, petrel, process::Process, sequencer};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    blocks::{FORK, Made},
    known::NOT_REQUESTED,
    row::Transport,
};

/// Deadline of a condition: longer than any condition takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// How long the test waits to see that a block is *not* fetched.
const NOT_FETCHED: Duration = Duration::from_secs(8);

/// Block interval, seconds. It is long, so that no peer counts as unresponsive on a busy machine: ten blocks may be missed.
const BLOCK_TIME: u64 = 12;

/// The chain of one row, and a folder for files.
pub(crate) struct Place {
    pub(crate) chain: Chain,
    files: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let (chain, files) = (sequencer::chain(FORK, BLOCK_TIME), tempfile::tempdir().unwrap());
        std::fs::write(files.path().join("rollup.json"), chain.to_rollup_json().to_string()).unwrap();
        Self { chain, files }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// A daemon with this datadir.
    pub(crate) fn daemon(&self, name: &str, more: &[&str]) -> Daemon {
        let (rollup, signer) = (self.file("rollup.json"), forge::key(1).address());
        let mut command = petrel::node(&rollup, signer, &self.file(name));
        command.args(["--p2p.listen.tcp=0", "--p2p.listen.ws=0", "--p2p.listen.quic=0", "--p2p.listen.webtransport=0"]);
        command.args(["--p2p.no-discovery", "--log.level=error"]);
        Daemon::start(Process::start_verbose("petrel", command.args(more)))
    }
}

/// See the module.
pub(crate) struct Daemon {
    pub(crate) events: Process,
    addresses: Vec<String>,
}

impl Daemon {
    fn start(mut events: Process) -> Self {
        let listening = |event: &Value| event["event"] == "listening";
        let addresses = Transport::ALL.map(|_| {
            let listening = events.expect("its addresses", DEADLINE, listening);
            listening["address"].as_str().unwrap().to_owned()
        });
        Self { events, addresses: addresses.to_vec() }
    }

    /// Its address of this transport.
    pub(crate) fn address(&self, transport: Transport) -> &str {
        self.addresses.iter().find(|address| transport.has(address)).unwrap()
    }

    pub(crate) fn peer(&self) -> &str {
        peer_of(&self.addresses[0])
    }

    /// Checks that the daemon has fetched this block from this peer. `expected` decides how long it waits.
    pub(crate) fn fetches(&mut self, missed: &Made, by: &str, expected: bool) -> Result<(), String> {
        let timeout = if expected { DEADLINE } else { NOT_FETCHED };
        let came = self.events.wait_for(timeout, |event| missed.is(event)).ok_or(NOT_REQUESTED)?;
        let right = came["via"] == "sync" && came["peer"] == by;
        if right { Ok(()) } else { Err(format!("from another peer: {came}")) }
    }
}

/// The peer at the end of an address.
pub(crate) fn peer_of(address: &str) -> &str {
    address.rsplit('/').next().unwrap()
}

/// A program or a folder that the task runner has built.
pub(crate) fn binary(variable: &str) -> PathBuf {
    let named = env::var_os(variable).map(PathBuf::from);
    named.unwrap_or_else(|| panic!("{variable} is not set; run `cargo xtask interop libp2p`, which builds and sets it"))
}

/// Writes a file. Returns its path as text.
pub(crate) fn written(path: &Path, bytes: &[u8]) -> String {
    std::fs::write(path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}
