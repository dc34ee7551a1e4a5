//! `--events json`: one JSON object per line on stdout, written by a separate thread: a slow or closed reader never delays the
//! node.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel},
    thread,
    time::Duration,
};

use serde::Serialize;

/// Lines that may wait for a slow reader; further ones are counted and dropped.
const QUEUE: usize = 4096;
/// How long writing the last lines may take at the end.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Prints events.
#[derive(Debug)]
pub struct EventPrinter {
    lines: Option<SyncSender<String>>,
    missed: u64,
    /// Closed when the thread ends.
    ended: Receiver<()>,
}

impl EventPrinter {
    /// Prints to stdout, or drops all events.
    pub fn stdout(enabled: bool) -> Self {
        Self::new(enabled.then(io::stdout))
    }

    /// Prints to any writer, or drops all events.
    pub fn new(out: Option<impl Write + Send + 'static>) -> Self {
        let (lines, waiting) = sync_channel(QUEUE);
        let (closed_at_the_end, ended) = channel::<()>();
        let lines = out.map(|out| {
            thread::spawn(move || {
                let _closed_at_the_end = closed_at_the_end;
                if let Err(error) = write_lines(&waiting, out) {
                    tracing::warn!(%error, "events can no longer be printed; the node continues without them");
                }
            });
            lines
        });
        Self { lines, missed: 0, ended }
    }

    /// Queues one event. When the queue is full the event is dropped, and `{"event":"missed","count"}` is printed in the place of all
    /// dropped ones.
    pub fn print(&mut self, event: &impl Serialize) {
        self.report_missed();
        let Some(lines) = &self.lines else { return };
        let Ok(line) = serde_json::to_string(event) else { return };
        match lines.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.missed += 1,
            Err(TrySendError::Disconnected(_)) => self.lines = None,
        }
    }

    fn report_missed(&mut self) {
        let Some(lines) = self.lines.as_ref().filter(|_| self.missed > 0) else { return };
        let line = serde_json::json!({ "event": "missed", "count": self.missed }).to_string();
        if lines.try_send(line).is_ok() {
            self.missed = 0;
        }
    }

    /// Waits until everything is printed, at most one second.
    pub fn finish(mut self) {
        self.report_missed();
        if self.lines.take().is_some() && self.ended.recv_timeout(FINISH_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the reader of the events did not read the last ones");
        }
    }
}

/// Writes line by line, and flushes when no further line waits.
fn write_lines(waiting: &Receiver<String>, mut out: impl Write) -> io::Result<()> {
    while let Ok(line) = waiting.recv() {
        writeln!(out, "{line}")?;
        for line in waiting.try_iter() {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
    }
    Ok(())
}
