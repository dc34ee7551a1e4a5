//! A program that runs beside a proof: it takes lines, tells JSON objects line by line, and never outlives the proof.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child as Process, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// See the module.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: Process,
    input: Option<ChildStdin>,
    events: Receiver<Value>,
    /// What was read and not yet asked for.
    kept: Vec<Value>,
}

impl Child {
    /// Starts it; what it says on stderr goes to ours.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(name: &str, command: &mut Command) -> io::Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = process.stdout.take().map(BufReader::new);
        let (lines, events) = channel();
        let label = name.to_owned();
        thread::spawn(move || {
            for line in out.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(event) => {
                        if lines.send(event).is_err() {
                            return;
                        }
                    }
                    Err(_) => eprintln!("{label}: {line}"),
                }
            }
        });
        let input = process.stdin.take();
        Ok(Self { name: name.to_owned(), process, input, events, kept: Vec::new() })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends one command as a line.
    ///
    /// # Panics
    /// It is gone.
    pub fn tell(&mut self, command: &Value) {
        let written = self.input.as_mut().map(|input| writeln!(input, "{command}").and_then(|()| input.flush()));
        assert!(matches!(written, Some(Ok(()))), "{} does not listen any more", self.name);
    }

    /// The first event that `wanted` accepts, of those not yet taken and those to come; the others are kept in order.
    /// `None` when it has not come in time, or the program has ended.
    pub fn wait(&mut self, patience: Duration, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        if let Some(at) = self.kept.iter().position(&wanted) {
            return Some(self.kept.remove(at));
        }
        let end = Instant::now() + patience;
        loop {
            match self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(event) if wanted(&event) => return Some(event),
                Ok(event) => self.kept.push(event),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// As [`Child::wait`], for what must come.
    ///
    /// # Panics
    /// It has not come; says what came.
    pub fn expect(&mut self, what: &str, patience: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(patience, wanted).unwrap_or_else(|| {
            let told: Vec<String> = self.kept.iter().rev().take(20).rev().map(ToString::to_string).collect();
            panic!("{}: {what} did not come within {patience:?}; the last events:\n{}", self.name, told.join("\n"))
        })
    }

    /// All events so far that were not taken.
    pub fn drain(&mut self) -> Vec<Value> {
        self.kept.extend(self.events.try_iter());
        std::mem::take(&mut self.kept)
    }

    /// Ends it by force, at once.
    pub fn kill(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }

    /// Ends it with SIGTERM, as an operator does, or by force when that takes longer than `patience`.
    pub fn end(&mut self, patience: Duration) {
        drop(self.input.take());
        let asked = Command::new("kill").arg(self.id().to_string()).status();
        let end = Instant::now() + patience;
        while asked.is_ok() && Instant::now() < end && matches!(self.process.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
        self.kill();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
