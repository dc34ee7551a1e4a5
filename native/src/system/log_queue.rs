//! Log lines on their way to stderr. A separate thread writes them: a reader of stderr that stalls or goes away neither delays nor
//! ends the node.
//!
//! Bound: [`WAITING`] bytes wait. A line that does not fit, or that cannot be written, is left out and counted, and a line says how
//! many were left out as soon as stderr takes lines again. Not `tracing-appender`: at the end its guard prints to stdout when its
//! queue is full, which would be a line among the JSON events; it bounds lines and not bytes, and counts no failed writes.

use std::{
    io::{self, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Bytes of lines that wait for the reader of stderr: some 7,000 lines.
const WAITING: usize = 1 << 20;
/// What a waiting line takes besides its bytes.
const LINE_OVERHEAD: usize = 32;
/// Time between two looks at what still waits, at the end.
const POLL: Duration = Duration::from_millis(2);

/// The queue of this process's stderr, from the first use on.
static STDERR: OnceLock<LogQueue> = OnceLock::new();

/// See the module.
#[derive(Debug)]
pub(crate) struct LogQueue {
    lines: Sender<Vec<u8>>,
    counts: Arc<Counts>,
}

/// Shared by the queue and its thread.
#[derive(Debug, Default)]
struct Counts {
    /// Bytes that are not written yet, with [`LINE_OVERHEAD`].
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl LogQueue {
    /// The queue of stderr, which is started by the first call.
    pub(crate) fn stderr() -> &'static Self {
        STDERR.get_or_init(|| Self::new(io::stderr()))
    }

    /// Lines of stderr that were left out; 0 before logging starts.
    pub(crate) fn lost_of_stderr() -> u64 {
        STDERR.get().map_or(0, Self::lost)
    }

    /// Starts the thread, which runs as long as the queue exists.
    fn new(out: impl Write + Send + 'static) -> Self {
        let (lines, waiting) = channel();
        let counts = Arc::new(Counts::default());
        let shared = counts.clone();
        thread::spawn(move || write_lines(&waiting, out, &shared));
        Self { lines, counts }
    }

    /// Queues a line with its line break, or counts it as lost.
    pub(crate) fn push(&self, line: &[u8]) {
        let bytes = line.len().saturating_add(LINE_OVERHEAD);
        let fits = self.counts.waiting.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= WAITING;
        if !fits || self.lines.send(line.to_vec()).is_err() {
            self.counts.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were left out.
    fn lost(&self) -> u64 {
        self.counts.lost.load(Ordering::Relaxed)
    }

    /// Waits until all lines are written, at most for this time.
    pub(crate) fn finish(&self, timeout: Duration) {
        let end = Instant::now() + timeout;
        while self.counts.waiting.load(Ordering::Acquire) > 0 && Instant::now() < end {
            thread::sleep(POLL);
        }
    }
}

/// A writer for `tracing_subscriber`, which writes a whole line at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogLine(pub(crate) &'static LogQueue);

impl Write for LogLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_lines(waiting: &Receiver<Vec<u8>>, mut out: impl Write, counts: &Counts) {
    let mut told = 0;
    while let Ok(line) = waiting.recv() {
        let bytes = line.len().saturating_add(LINE_OVERHEAD);
        if out.write_all(&line).and_then(|()| out.flush()).is_err() {
            counts.lost.fetch_add(1, Ordering::Relaxed);
        } else if counts.waiting.load(Ordering::Relaxed) <= bytes {
            // It was the last one that waits.
            told = tell_lost(&mut out, told, counts.lost.load(Ordering::Relaxed));
        }
        counts.waiting.fetch_sub(bytes, Ordering::Release);
    }
}

/// Says how many lines were left out since `told` of them; the number that is told now.
fn tell_lost(out: &mut impl Write, told: u64, lost: u64) -> u64 {
    if lost == told {
        return told;
    }
    let text =
        format!("petrel: {} log lines were left out here: they were not read, or not written, in time\n", lost - told);
    match out.write_all(text.as_bytes()) {
        Ok(()) => lost,
        Err(_) => told,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{
            Arc, Mutex,
            mpsc::{Receiver, channel},
        },
        time::{Duration, Instant},
    };

    use super::{LINE_OVERHEAD, LogQueue, WAITING};

    /// A reader that reads nothing until it is told to, or fails until then.
    struct Stalled {
        go: Receiver<()>,
        fails: bool,
        text: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.fails && self.go.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            // Closed means: from now on.
            let _told = self.go.recv();
            self.text.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_reader_costs_lines_beyond_the_bound_alone_and_they_are_counted_and_told() {
        let (go, wait) = channel();
        let text = Arc::new(Mutex::new(Vec::new()));
        let queue = LogQueue::new(Stalled { go: wait, fails: false, text: text.clone() });
        let line = [[b'x'; 99].as_slice(), b"\n"].concat();
        let fit = WAITING / (line.len() + LINE_OVERHEAD);
        for _ in 0..fit + 1_000 {
            queue.push(&line);
        }
        assert_eq!(queue.lost(), 1_000);
        let begin = Instant::now();
        queue.finish(Duration::from_millis(50));
        assert!(begin.elapsed() >= Duration::from_millis(50), "nothing was written yet");
        drop(go);
        queue.finish(Duration::from_secs(60));
        let written = String::from_utf8(text.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().filter(|line| line.starts_with('x')).count(), fit);
        assert!(
            written.lines().last().unwrap().contains("1000 log lines were left out"),
            "{}",
            written.lines().last().unwrap()
        );
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_told_when_they_can_again() {
        let (go, wait) = channel();
        let text = Arc::new(Mutex::new(Vec::new()));
        let queue = LogQueue::new(Stalled { go: wait, fails: true, text: text.clone() });
        for _ in 0..3 {
            queue.push(b"lost\n");
        }
        queue.finish(Duration::from_secs(60));
        assert_eq!((queue.lost(), text.lock().unwrap().len()), (3, 0));
        drop(go);
        queue.push(b"read\n");
        queue.finish(Duration::from_secs(60));
        let written = String::from_utf8(text.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0] == "read" && lines[1].contains(" 3 log lines"), "{lines:?}");
    }
}
