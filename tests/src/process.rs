//! A child process of a test: it reads commands as lines from stdin, writes events as JSON objects, one per line, to stdout, and
//! ends with the test at the latest. Its stderr is stored, and the last lines are printed when the test fails.
//!
//! Events are read in two ways. [`Process::until`] reads forward and stores the events that it passes ([`Process::passed`]);
//! [`Process::wait_for`] takes one event and leaves the others for later calls. A test uses one of the two.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Deadline of a condition: longer than any condition takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(180);
/// Interval at which a condition is checked.
const POLL: Duration = Duration::from_millis(20);
/// Lines of stderr that are printed when a test fails, and events that are printed when an expected one does not come.
const TAIL: usize = 40;
/// Maximum stored bytes of stderr; older ones are dropped.
const KEPT: usize = 4 << 20;

/// See the module.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    events: Receiver<Value>,
    /// Events that were read and not yet taken.
    pending: Vec<Value>,
    /// Events that [`Process::until`] has passed.
    passed: Vec<Value>,
    errors: Arc<Mutex<String>>,
}

/// What happens to a line of stdout that is not JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NotJson {
    /// Reading ends, so that the test that waits for an event fails.
    Fails,
    /// The line is printed.
    Printed,
}

impl Process {
    /// Starts a program that writes only JSON to stdout, and stores its stderr.
    ///
    /// # Panics
    /// The program cannot be started.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let mut process = Self::spawn(name, command.stderr(Stdio::piped()), NotJson::Fails);
        if let Some(stderr) = process.child.stderr.take() {
            let errors = process.errors.clone();
            thread::spawn(move || keep(stderr, &errors));
        }
        process
    }

    /// The same, but its stderr, and lines on stdout that are not JSON, go to the test's stderr at once.
    ///
    /// # Panics
    /// The program cannot be started.
    pub fn start_verbose(name: &str, command: &mut Command) -> Self {
        Self::spawn(name, command.stderr(Stdio::inherit()), NotJson::Printed)
    }

    /// The same, but its stderr goes to a file or a pipe.
    ///
    /// # Panics
    /// The program cannot be started.
    pub fn start_logged(name: &str, command: &mut Command, log: impl Into<Stdio>) -> Self {
        Self::spawn(name, command.stderr(log), NotJson::Printed)
    }

    fn spawn(name: &str, command: &mut Command, not_json: NotJson) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("cannot start {name}: {command:?}: {error}"));
        let (lines, events) = channel();
        let errors = Arc::new(Mutex::new(String::new()));
        if let Some(stdout) = child.stdout.take() {
            let (label, errors) = (name.to_owned(), errors.clone());
            thread::spawn(move || read_events(&label, stdout, not_json, &lines, &errors));
        }
        let input = child.stdin.take();
        Self { name: name.to_owned(), child, input, events, pending: Vec::new(), passed: Vec::new(), errors }
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends one command as a line.
    ///
    /// # Panics
    /// The process has ended.
    pub fn send(&mut self, command: &Value) {
        let written = self.input.as_mut().map(|input| writeln!(input, "{command}").and_then(|()| input.flush()));
        assert!(matches!(written, Some(Ok(()))), "{} does not read commands any more", self.name);
    }

    /// The first event that `wanted` accepts, of the events not yet taken and the next ones; the others stay in order.
    /// `None` after the deadline, or when the program has ended.
    pub fn wait_for(&mut self, timeout: Duration, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        if let Some(at) = self.pending.iter().position(&wanted) {
            return Some(self.pending.remove(at));
        }
        let end = Instant::now() + timeout;
        loop {
            let event = self.receive(end)?;
            if wanted(&event) {
                return Some(event);
            }
            self.pending.push(event);
        }
    }

    /// Like [`Process::wait_for`], for an event that must arrive.
    ///
    /// # Panics
    /// It did not arrive; the message has the last events.
    pub fn expect(&mut self, what: &str, timeout: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = self.wait_for(timeout, wanted);
        found.unwrap_or_else(|| self.missing(what, timeout, &self.pending))
    }

    /// The next event that `wanted` accepts; events before it are passed.
    ///
    /// # Panics
    /// It did not arrive within [`DEADLINE`]; the message has the last events.
    pub fn until(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        let mut pending = std::mem::take(&mut self.pending).into_iter();
        while let Some(event) = pending.next().or_else(|| self.receive(end)) {
            self.passed.push(event.clone());
            if wanted(&event) {
                self.pending = pending.collect();
                return event;
            }
        }
        self.missing(what, DEADLINE, &self.passed)
    }

    fn receive(&self, end: Instant) -> Option<Value> {
        // An error also means that the program has ended.
        self.events.recv_timeout(end.saturating_duration_since(Instant::now())).ok()
    }

    fn missing(&self, what: &str, timeout: Duration, events: &[Value]) -> ! {
        let last: Vec<String> = events.iter().rev().take(TAIL).rev().map(ToString::to_string).collect();
        panic!("{}: {what} did not come within {timeout:?}; the last events:\n{}", self.name, last.join("\n"))
    }

    /// Every event that [`Process::until`] has passed or returned.
    #[must_use]
    pub fn passed(&self) -> &[Value] {
        &self.passed
    }

    /// Takes all events so far that were not taken yet.
    pub fn drain(&mut self) -> Vec<Value> {
        self.pending.extend(self.events.try_iter());
        std::mem::take(&mut self.pending)
    }

    /// Passes all events so far.
    pub fn pass(&mut self) {
        let events = self.drain();
        self.passed.extend(events);
    }

    /// Waits for the end of the program, and passes all its events.
    pub fn pass_all(&mut self) {
        self.pass();
        let end = Instant::now() + DEADLINE;
        while let Some(event) = self.receive(end) {
            self.passed.push(event);
        }
    }

    /// The next event of this name.
    ///
    /// # Panics
    /// Like [`Process::until`].
    pub fn event(&mut self, name: &str) -> Value {
        self.until(name, |event| event["event"] == name)
    }

    /// The next address on which a daemon listens for plain TCP or for WebSocket, with its peer id.
    ///
    /// # Panics
    /// Like [`Process::until`].
    pub fn address(&mut self, ws: bool) -> String {
        let found = self.until("an address", |event| {
            let address = event["address"].as_str().unwrap_or_default();
            event["event"] == "listening" && address.contains("/ws") == ws
        });
        found["address"].as_str().expect("a listening address").to_owned()
    }

    /// Waits until the process has written `text` to stderr; returns its whole stderr.
    ///
    /// # Panics
    /// It has not within [`DEADLINE`].
    pub fn until_stderr(&self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            let errors = self.stderr();
            if errors.contains(text) {
                return errors;
            }
            assert!(Instant::now() < end, "{}: {text:?} is not on stderr", self.name);
            thread::sleep(POLL);
        }
    }

    fn stderr(&self) -> String {
        self.errors.lock().map(|errors| errors.clone()).unwrap_or_default()
    }

    /// Sends a signal by its name.
    ///
    /// # Panics
    /// It has ended.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{} takes no signal", self.name);
    }

    /// Sends a signal by its name and waits for the end.
    ///
    /// # Panics
    /// It does not end within [`DEADLINE`].
    pub fn end(mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.wait()
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// It does not end within [`DEADLINE`].
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + DEADLINE;
        loop {
            match self.child.try_wait().expect("it is our child") {
                Some(status) => return status,
                None => assert!(Instant::now() < end, "{} does not end", self.name),
            }
            thread::sleep(POLL);
        }
    }

    /// Whether it is running.
    ///
    /// # Panics
    /// The system reports an error.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_none()
    }

    /// Kills it.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }

    /// Ends it with SIGTERM, as an operator does, and kills it when that takes longer than `timeout`.
    pub fn stop(&mut self, timeout: Duration) {
        drop(self.input.take());
        let asked = Command::new("kill").arg(self.id().to_string()).status();
        let end = Instant::now() + timeout;
        while asked.is_ok() && Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(POLL);
        }
        self.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let status = self.child.try_wait();
        self.kill();
        if thread::panicking() {
            let errors = self.stderr();
            let lines: Vec<&str> = errors.lines().collect();
            let state = match status {
                Ok(Some(status)) => format!("had ended ({status})"),
                _ => "was running".to_owned(),
            };
            eprintln!(
                "{} {state}; the end of its stderr:\n{}",
                self.name,
                lines[lines.len().saturating_sub(TAIL)..].join("\n")
            );
        }
    }
}

fn read_events(name: &str, stdout: impl Read, not_json: NotJson, events: &Sender<Value>, errors: &Mutex<String>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(event) => {
                if events.send(event).is_err() {
                    return;
                }
            }
            Err(_) if not_json == NotJson::Printed => eprintln!("{name}: {line}"),
            Err(error) => return append(errors, &format!("not JSON on stdout: {line}: {error}\n")),
        }
    }
}

fn keep(mut stderr: impl Read, errors: &Mutex<String>) {
    let mut buffer = [0; 4096];
    loop {
        match stderr.read(&mut buffer) {
            Ok(len @ 1..) => append(errors, &String::from_utf8_lossy(&buffer[..len])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return,
        }
    }
}

fn append(errors: &Mutex<String>, text: &str) {
    let Ok(mut errors) = errors.lock() else { return };
    errors.push_str(text);
    if errors.len() > KEPT {
        let cut = (errors.len() - KEPT / 2..).find(|at| errors.is_char_boundary(*at)).unwrap_or_default();
        errors.drain(..cut);
    }
}
