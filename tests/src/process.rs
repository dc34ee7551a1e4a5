//! A program that runs beside a test: it takes commands as lines on stdin, tells events as JSON objects, one a line, on stdout, and
//! never outlives the test. What it writes to stderr is kept, and its end is printed when the test fails.
//!
//! Events are read in two ways. [`Process::until`] goes forward through them and remembers what it has passed ([`Process::told`]);
//! [`Process::wait_for`] picks one event and leaves the others for later calls. A test uses one of the two.

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

/// How long a condition may take: longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(20);
/// Lines of stderr that are printed when a test fails, and events that are printed when an expected one does not come.
const TAIL: usize = 40;
/// Bytes of stderr that are kept at most; older ones are dropped.
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
    told: Vec<Value>,
    errors: Arc<Mutex<String>>,
}

/// What happens to a line of stdout that is not JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NotJson {
    /// Reading ends, so that the test that waits for an event fails.
    Fails,
    /// It is printed.
    Printed,
}

impl Process {
    /// Starts a program that writes nothing but JSON to stdout, and keeps its stderr.
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

    /// The same, but what it writes to stderr, and what is not JSON on stdout, goes to our stderr at once.
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
        Self { name: name.to_owned(), child, input, events, pending: Vec::new(), told: Vec::new(), errors }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends one command as a line.
    ///
    /// # Panics
    /// It has ended.
    pub fn send(&mut self, command: &Value) {
        let written = self.input.as_mut().map(|input| writeln!(input, "{command}").and_then(|()| input.flush()));
        assert!(matches!(written, Some(Ok(()))), "{} does not read commands any more", self.name);
    }

    /// The first event that `wanted` accepts, of those not yet taken and those to come; the others are kept in order.
    /// `None` when it has not come in time, or the program has ended.
    pub fn wait_for(&mut self, patience: Duration, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        if let Some(at) = self.pending.iter().position(&wanted) {
            return Some(self.pending.remove(at));
        }
        let end = Instant::now() + patience;
        loop {
            let event = self.receive(end)?;
            if wanted(&event) {
                return Some(event);
            }
            self.pending.push(event);
        }
    }

    /// As [`Process::wait_for`], for an event that must come.
    ///
    /// # Panics
    /// It has not come; the message has the last events.
    pub fn expect(&mut self, what: &str, patience: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = self.wait_for(patience, wanted);
        found.unwrap_or_else(|| self.missing(what, patience, &self.pending))
    }

    /// The next event that `wanted` accepts; whatever comes before it is passed.
    ///
    /// # Panics
    /// It has not come in [`PATIENCE`]; the message has the last events.
    pub fn until(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        let mut pending = std::mem::take(&mut self.pending).into_iter();
        while let Some(event) = pending.next().or_else(|| self.receive(end)) {
            self.told.push(event.clone());
            if wanted(&event) {
                self.pending = pending.collect();
                return event;
            }
        }
        self.missing(what, PATIENCE, &self.told)
    }

    fn receive(&self, end: Instant) -> Option<Value> {
        // A program that has ended sends nothing more either.
        self.events.recv_timeout(end.saturating_duration_since(Instant::now())).ok()
    }

    fn missing(&self, what: &str, patience: Duration, events: &[Value]) -> ! {
        let last: Vec<String> = events.iter().rev().take(TAIL).rev().map(ToString::to_string).collect();
        panic!("{}: {what} did not come within {patience:?}; the last events:\n{}", self.name, last.join("\n"))
    }

    /// Every event that [`Process::until`] has passed or returned.
    #[must_use]
    pub fn told(&self) -> &[Value] {
        &self.told
    }

    /// Takes all events so far that were not taken.
    pub fn drain(&mut self) -> Vec<Value> {
        self.pending.extend(self.events.try_iter());
        std::mem::take(&mut self.pending)
    }

    /// Passes all events so far.
    pub fn pass(&mut self) {
        let events = self.drain();
        self.told.extend(events);
    }

    /// Passes all events up to the end of the program, for which it waits.
    pub fn pass_all(&mut self) {
        self.pass();
        let end = Instant::now() + PATIENCE;
        while let Some(event) = self.receive(end) {
            self.told.push(event);
        }
    }

    /// The next event of this name.
    ///
    /// # Panics
    /// As [`Process::until`].
    pub fn event(&mut self, name: &str) -> Value {
        self.until(name, |event| event["event"] == name)
    }

    /// The next address that a daemon listens on by TCP alone, or by WebSocket, with its peer id.
    ///
    /// # Panics
    /// As [`Process::until`].
    pub fn address(&mut self, ws: bool) -> String {
        let found = self.until("an address", |event| {
            let address = event["address"].as_str().unwrap_or_default();
            event["event"] == "listening" && address.contains("/ws") == ws
        });
        found["address"].as_str().expect("a listening address").to_owned()
    }

    /// Waits until it has written this to stderr; everything that it has written there.
    ///
    /// # Panics
    /// It has not in [`PATIENCE`].
    pub fn until_stderr(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
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
    /// It does not end in [`PATIENCE`].
    pub fn end(mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.wait()
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// It does not end in [`PATIENCE`].
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().expect("it is our child") {
                Some(status) => return status,
                None => assert!(Instant::now() < end, "{} does not end", self.name),
            }
            thread::sleep(POLL);
        }
    }

    /// Whether it runs.
    ///
    /// # Panics
    /// The system does not say.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_none()
    }

    /// Ends it by force, at once.
    pub fn kill(&mut self) {
        // An error says that it has ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }

    /// Ends it with SIGTERM, as an operator does, or by force when that takes longer than `patience`.
    pub fn stop(&mut self, patience: Duration) {
        drop(self.input.take());
        let asked = Command::new("kill").arg(self.id().to_string()).status();
        let end = Instant::now() + patience;
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
