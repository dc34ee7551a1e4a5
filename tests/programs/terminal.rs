//! A terminal that is closed under a running node. `script` (util-linux) opens it, and closes it when it is killed.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use petrel_tests::{
    petrel,
    process::{DEADLINE, Process},
    sequencer::Sequencer,
};
use tempfile::TempDir;

use crate::{node::arguments, store::needs_repair};

/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(20);

/// A node whose terminal is its own; it ends with the test.
struct TerminalNode {
    folder: TempDir,
    script: Process,
}

impl TerminalNode {
    /// `exec` is how the shell starts the program. Stdin and stderr are the terminal; the events are in a file.
    fn start(sequencer: &Sequencer, exec: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let words = arguments(sequencer, folder.path(), &sequencer.address);
        let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let (binary, at) = (petrel::binary(), folder.path().display());
        let line = format!(
            "cd '{at}'; echo $$ > pid; {exec} '{}' {} --events json > events",
            binary.display(),
            words.join(" ")
        );
        let mut command = Command::new("script");
        command.args(["-q", "-c", &line, "/dev/null"]).env("SHELL", "/bin/sh");
        Self { script: Process::start_verbose("script", &mut command), folder }
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    fn blocks(&self) -> usize {
        self.file("events").matches("\"event\":\"block\"").count()
    }

    fn has_socket(&self) -> bool {
        self.folder.path().join("petrel.sock").exists()
    }

    /// Whether the program has ended; nobody may have asked for its exit status.
    fn has_ended(&self) -> bool {
        let stat = fs::read_to_string(Path::new("/proc").join(self.file("pid").trim()).join("stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
    }

    fn signal(&self, signal: &str) -> bool {
        Command::new("kill").args(["-s", signal, self.file("pid").trim()]).status().is_ok_and(|status| status.success())
    }

    /// Its last step of a clean end is to close the store.
    fn assert_clean_end(&self) {
        until("the end", || self.has_ended());
        assert!(!self.has_socket());
        assert!(!needs_repair(self.folder.path()));
    }
}

impl Drop for TerminalNode {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.signal("KILL");
        }
    }
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "{what} did not come");
        thread::sleep(POLL);
    }
}

#[test]
fn a_node_whose_terminal_is_closed_ends_as_by_ctrl_c() {
    let sequencer = Sequencer::started();
    let mut node = TerminalNode::start(&sequencer, "exec env --default-signal=HUP");
    until("a block", || node.blocks() > 0);
    // While the terminal is open it is a request to read files again.
    assert!(node.signal("HUP"));
    let before = node.blocks();
    until("more blocks", || node.blocks() > before);
    assert!(!node.has_ended() && node.has_socket());
    node.script.kill();
    node.assert_clean_end();
}

#[test]
fn a_node_that_ignores_hangups_follows_on_without_its_terminal() {
    let sequencer = Sequencer::started();
    let mut node = TerminalNode::start(&sequencer, "trap '' HUP; exec");
    until("a block", || node.blocks() > 0);
    node.script.kill();
    let before = node.blocks();
    until("more blocks", || node.blocks() > before + 2);
    assert!(!node.has_ended());
    assert!(node.signal("TERM"));
    node.assert_clean_end();
}
