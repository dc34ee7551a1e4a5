//! Logs on stderr, with levels by target, which can be changed while the program runs. Another thread writes them, see
//! [`log_queue`](crate::system::log_queue).

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fs::File,
    io::{self, IsTerminal as _, Read as _},
    panic,
    path::Path,
    sync::OnceLock,
    time::Duration,
};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, fmt, layer::SubscriberExt as _, registry::LookupSpan, reload,
    util::SubscriberInitExt as _,
};

use super::{
    flags::{LogFormat, OutputFlags},
    parse,
};
use crate::system::log_queue::{LogLine, LogQueue};

/// gossipsub logs a warning for each invalid message of a peer, sometimes with all its bytes: any peer could fill the disk. Our own
/// events report invalid messages; gossipsub's lines appear with `debug`, or when its target is named.
const MUTED: &str = "libp2p_gossipsub";
/// Bytes of a file with a level at most.
const MAX_FILE: u64 = 4096;

/// The running log: the level of the start, and how to change it.
struct RunningLog {
    given: Option<String>,
    default: String,
    set: Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>,
}

static RUNNING: OnceLock<RunningLog> = OnceLock::new();

/// How long writing the last lines may take at the end.
const FINISH_TIMEOUT: Duration = Duration::from_millis(300);

/// A level, or directives by target: `info,petrel_core=debug,libp2p_swarm=warn`; `default` if none is given.
///
/// # Errors
/// It is not such a list.
pub fn filter(given: Option<&str>, default: &str) -> Result<EnvFilter, String> {
    let words = parse::list_or(given.as_slice(), default).into_iter().map(|word| of_op_node(word.to_ascii_lowercase()));
    let text = words.collect::<Vec<_>>().join(",");
    // A single word would be parsed as a target.
    if !text.contains('=') && text.split(',').any(|level| level.parse::<LevelFilter>().is_err()) {
        return Err(
            "expected off, error, warn, info, debug or trace, or directives like info,petrel_core=debug".to_owned()
        );
    }
    let is_wanted = text.contains(MUTED) || text.parse::<LevelFilter>().is_ok_and(|level| level >= LevelFilter::DEBUG);
    let text = if is_wanted { text } else { format!("{text},{MUTED}=off") };
    EnvFilter::try_new(text).map_err(|error| error.to_string())
}

/// op-node has other names for some levels, and one above `error`.
fn of_op_node(level: String) -> String {
    match level.as_str() {
        "trce" => "trace".to_owned(),
        "dbug" => "debug".to_owned(),
        "eror" | "crit" => "error".to_owned(),
        _ => level,
    }
}

/// Starts logging; a second call changes nothing. From then on a panic is written like a log line: it must not wait for stderr either.
pub fn start(flags: &OutputFlags, default: &str) {
    let given = flags.log_level.as_deref();
    if let Ok(filter) = filter(given, default) {
        let (filter, handle) = reload::Layer::new(filter);
        // Fails if a test of the same process has started it before.
        if tracing_subscriber::registry().with(filter).with(lines(flags)).try_init().is_ok() {
            let set = Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string()));
            let running = RunningLog { given: given.map(str::to_owned), default: default.to_owned(), set };
            let _first = RUNNING.set(running);
        }
        panic::set_hook(Box::new(|panicked| print(&describe_panic(panicked))));
    }
}

/// What writes the lines in the given format.
fn lines<S>(flags: &OutputFlags) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let queue = LogQueue::stderr();
    let writer = move || LogLine(queue);
    match flags.log_format {
        LogFormat::Text => {
            let colors = flags.log_color.unwrap_or_else(|| io::stderr().is_terminal());
            fmt::layer().with_ansi(colors).with_writer(writer).boxed()
        }
        LogFormat::Logfmt => tracing_logfmt::builder().layer().with_writer(writer).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
    }
}

/// Takes the level from a file, or that of the start if there is no such file; the level.
///
/// # Errors
/// The file cannot be read, or has no level. The level stays as it is.
pub fn reload(file: &Path) -> Result<String, String> {
    let running = RUNNING.get().ok_or("logging has not started")?;
    let given = match read(file) {
        Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.to_string()),
    };
    let given = given.or_else(|| running.given.clone());
    (running.set)(filter(given.as_deref(), &running.default)?)?;
    Ok(given.unwrap_or_else(|| running.default.clone()))
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes lines to stderr, after the log lines before them; an error of stderr is ignored.
pub fn print(lines: &str) {
    for line in lines.lines() {
        LogQueue::stderr().push(format!("{line}\n").as_bytes());
    }
}

/// Waits until everything is written, at most [`FINISH_TIMEOUT`].
pub fn finish() {
    LogQueue::stderr().finish(FINISH_TIMEOUT);
}

/// As the standard hook writes it: the thread, the place, the message, and with `RUST_BACKTRACE` the calls.
fn describe_panic(panicked: &panic::PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let mut text = format!("thread '{}' {panicked}", thread.name().unwrap_or("<unnamed>"));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        text.push_str(&format!("\n{backtrace}"));
    }
    text
}
