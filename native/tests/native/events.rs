//! Events on stdout never block the node, and the number of dropped events is reported.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
};

use petrel_core::{
    Event,
    event::{ClockSkew, ForkActive, Listening, Reorg, ScheduleMismatch},
};
use petrel_node::serve::{event_log::log_event, events::EventPrinter};
use serde_json::Value;

/// A reader that reads nothing until it is opened.
struct Stalled {
    go: Receiver<()>,
    text: Arc<Mutex<Vec<u8>>>,
}

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An error means that it stays open.
        let _told = self.go.recv();
        self.text.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn event(number: usize) -> Event {
    Event::Listening(Listening { address: number.to_string() })
}

#[test]
fn a_stalled_reader_loses_events_does_not_block_and_gets_their_number() {
    let (go, wait) = channel();
    let text = Arc::new(Mutex::new(Vec::new()));
    let mut printer = EventPrinter::new(Some(Stalled { go: wait, text: text.clone() }));
    // This would never end if printing waited for the reader.
    (0..10_000).for_each(|number| printer.print(&event(number)));
    drop(go);
    while text.lock().unwrap().iter().filter(|byte| **byte == b'\n').count() < 4096 {
        std::thread::yield_now();
    }
    printer.print(&event(10_000));
    printer.finish();
    let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let missed: u64 = lines.iter().filter_map(|line| line["count"].as_u64()).sum();
    let printed = lines.iter().filter(|line| line["event"] == "listening").count() as u64;
    assert_eq!(printed + missed, 10_001);
    assert!(missed > 5_000, "{missed}");
    assert_eq!(lines.last().unwrap()["address"], "10000");
    assert_eq!(lines[lines.len() - 2]["event"], "missed");
}

#[test]
fn without_a_writer_nothing_is_printed() {
    let mut printer = EventPrinter::new(None::<io::Stdout>);
    printer.print(&event(1));
    printer.finish();
}

/// A log in memory.
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log lines of an event.
fn logged(event: &Event) -> String {
    let text = Arc::new(Mutex::new(Vec::new()));
    let shared = text.clone();
    let logs = tracing_subscriber::fmt().with_ansi(false).with_writer(move || Shared(shared.clone())).finish();
    tracing::subscriber::with_default(logs, || log_event(event));
    String::from_utf8(text.lock().unwrap().clone()).unwrap()
}

#[test]
fn events_of_the_chain_are_logged_with_a_remedy() {
    let mismatch =
        ScheduleMismatch { number: 7, timestamp: 1_000, fork: "jovian", remedy: "give a newer one".to_owned() };
    let cases = [
        (Event::Reorg(Reorg { from: 5, to: 9, depth: 5, hashes: Vec::new() }), " WARN ", "from=5 to=9 depth=5"),
        (Event::Fork(ForkActive { number: 8, time: 90, name: "denim".to_owned() }), " INFO ", "fork=denim number=8"),
        (
            Event::ScheduleMismatch(mismatch),
            " WARN ",
            "fork=\"jovian\" number=7 timestamp=1000 remedy=give a newer one",
        ),
        (Event::SequencerSkew(ClockSkew { offset_secs: -70, peers: 4 }), " WARN ", "offset_secs=-70 peers=4"),
    ];
    for (event, level, words) in cases {
        let line = logged(&event);
        assert!(line.contains(level) && line.contains(words) && line.lines().count() == 1, "{line}");
    }
}

/// The events are the core's and three of the daemon; the README explains each.
#[test]
fn the_readme_explains_every_event() {
    let (source, readme) = (include_str!("../../../core/src/event.rs"), include_str!("../../../README.md"));
    let body = source.split("pub enum Event {").nth(1).unwrap().split("\n}").next().unwrap();
    let variants = body.lines().filter_map(|line| line.strip_prefix("    ")?.split_once('(')).map(|(name, _)| name);
    let names: Vec<String> =
        variants.filter(|name| name.chars().all(char::is_alphanumeric)).map(snake).chain(own()).collect();
    assert!(names.len() > 25, "{names:?}");
    for name in names {
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in the README");
    }
}

fn own() -> impl Iterator<Item = String> {
    ["health", "missed", "record"].into_iter().map(str::to_owned)
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
