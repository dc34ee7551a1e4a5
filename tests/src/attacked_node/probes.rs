//! Probes of the daemon's liveness, as a supervisor sends them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use super::waits::Attempts;

const INTERVAL: Duration = Duration::from_secs(1);
/// Kubernetes' default is 1 s.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
pub(super) fn start(port: u16) -> Attempts {
    Attempts::repeat(INTERVAL, move || probe(port))
}

/// The time until the status 200; `None` when it did not come.
fn probe(port: u16) -> Option<Duration> {
    let begin = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1.1 200").then(|| begin.elapsed())
}
