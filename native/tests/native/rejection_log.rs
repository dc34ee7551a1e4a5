//! A node that rejects everything shows it in its log, in few lines.

use std::time::{Duration, Instant};

use petrel_core::{
    Event,
    event::{InvalidMessage, Listening},
    fault::{BlockFault, Fault, NodeFault},
    fork::Version,
};
use petrel_node::serve::rejection_log::RejectionLog;

fn message(cause: Fault) -> InvalidMessage {
    InvalidMessage { peer: None, version: Version::V4, fault: cause.name(), detail: cause.to_string(), cause }
}

fn too_old() -> Event {
    Event::Rejected(message(Fault::Block(BlockFault::TooOld { timestamp: 9, by: 1 })))
}

/// The lines that are due after this event: kind, count, total.
fn lines(log: &mut RejectionLog, event: &Event, now: Instant) -> Vec<(&'static str, u64, u64)> {
    log.lines(event, now).into_iter().map(|line| (line.fault, line.count, line.total)).collect()
}

#[test]
fn the_first_rejection_of_a_kind_is_logged_then_the_count_of_each_minute() {
    let (mut log, start) = (RejectionLog::default(), Instant::now());
    assert_eq!(lines(&mut log, &too_old(), start), [("too_old", 1, 1)]);
    for second in 1..60 {
        assert_eq!(lines(&mut log, &too_old(), start + Duration::from_secs(second)), []);
    }
    let minute = start + RejectionLog::PERIOD;
    assert_eq!(lines(&mut log, &too_old(), minute), [("too_old", 60, 61)]);
    assert_eq!(lines(&mut log, &too_old(), minute), []);
}

#[test]
fn rejections_that_end_are_counted_at_the_next_event_of_any_kind() {
    let (mut log, start) = (RejectionLog::default(), Instant::now());
    let other = Event::Listening(Listening { address: "here".to_owned() });
    assert_eq!(lines(&mut log, &too_old(), start).len(), 1);
    assert_eq!(lines(&mut log, &other, start + 2 * RejectionLog::PERIOD), [], "nothing is left to count");
    assert_eq!(lines(&mut log, &too_old(), start + Duration::from_secs(1)), []);
    assert_eq!(lines(&mut log, &other, start + RejectionLog::PERIOD), [("too_old", 1, 2)]);
}

#[test]
fn ignored_messages_are_logged_only_where_no_signer_is_known() {
    let (mut log, now) = (RejectionLog::default(), Instant::now());
    assert_eq!(lines(&mut log, &Event::Ignored(message(Fault::Block(BlockFault::Seen))), now), []);
    let no_signer = Event::Ignored(message(Fault::Node(NodeFault::NoSigner)));
    assert_eq!(lines(&mut log, &no_signer, now), [("no_signer", 1, 1)]);
    assert_eq!(lines(&mut log, &too_old(), now), [("too_old", 1, 1)], "each kind has its own count");
}
