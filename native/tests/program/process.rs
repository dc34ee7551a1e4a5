//! One running `petrel`: what it prints, line by line, and how it ends. It never outlives its test.
#![allow(dead_code, reason = "two programs share this, and each needs another part of it")]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// `petrel` with these arguments and none of the caller's variables.
pub(crate) fn petrel(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petrel"));
    for (name, _) in std::env::vars() {
        if name.starts_with("PETREL_") || name.starts_with("OP_NODE_") {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}

/// Runs it to its end.
pub(crate) fn output(args: &[&str]) -> Output {
    petrel(args).output().unwrap()
}

/// Its exit status and what it said on stderr.
pub(crate) fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = output(args);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// See the module.
pub(crate) struct Process {
    child: Child,
    events: Receiver<Value>,
    told: Vec<Value>,
    errors: Arc<Mutex<String>>,
}

impl Process {
    /// Starts it with JSON events.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = petrel(args);
        command.args(["--events", "json"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (lines, events) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
                if lines.send(event).is_err() {
                    return;
                }
            }
        });
        let errors = Arc::new(Mutex::new(String::new()));
        let mut err = child.stderr.take().unwrap();
        let said = errors.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = err.read(&mut buffer) {
                said.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..len]));
            }
        });
        Self { child, events, told: Vec::new(), errors }
    }

    /// The next event that `wanted` accepts.
    pub(crate) fn until(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        while let Ok(event) = self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.told.push(event.clone());
            if wanted(&event) {
                return event;
            }
        }
        let told: Vec<String> = self.told.iter().map(ToString::to_string).collect();
        panic!("{what} was not told\n{}\n{}", told.join("\n"), self.errors());
    }

    /// Every event that was read so far.
    pub(crate) fn told(&self) -> &[Value] {
        &self.told
    }

    /// All events that have come and were not asked for.
    pub(crate) fn so_far(&mut self) -> Vec<Value> {
        self.events.try_iter().collect()
    }

    /// Takes what has come and was not asked for as told.
    pub(crate) fn forget(&mut self) {
        self.told.extend(self.events.try_iter());
    }

    /// The same to the end of its events: it has ended, or will.
    pub(crate) fn forget_all(&mut self) {
        let end = Instant::now() + PATIENCE;
        while let Ok(event) = self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.told.push(event);
        }
    }

    /// The next event of this name.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        self.until(name, |event| event["event"] == name)
    }

    /// The address that it listens on by this transport (`/tcp/…` alone, or with `/ws`), with its peer id.
    pub(crate) fn address(&mut self, ws: bool) -> String {
        let found = self.until("an address", |event| {
            let address = event["address"].as_str().unwrap_or_default();
            event["event"] == "listening" && address.contains("/ws") == ws
        });
        found["address"].as_str().unwrap().to_owned()
    }

    /// Waits until it has said this on stderr, which is read apart from its events; everything that it has said.
    pub(crate) fn said(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let said = self.errors();
            if said.contains(text) {
                return said;
            }
            assert!(Instant::now() < end, "{text} was not said\n{said}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Sends a signal by its name and waits for the end.
    pub(crate) fn end(mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.wait()
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status,
                None if Instant::now() > end => panic!("it does not end\n{}", self.errors()),
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
