//! Invalid messages: the same bytes from the same peer to op-node and to the daemon, and both verdicts.
//!
//! Each message comes from its own identity, so that no verdict depends on the sender's earlier messages, and has its own height, so
//! that no verdict depends on another block.
//!
//! [`Differs`] has the intended differences of Petrel. That no peer is charged follows from the name of the fault
//! (`petrel_core::fault`).

use std::{thread, time::Duration};

use alloy_primitives::hex;
use petrel_core::fork::Fork;
use petrel_tests::forge::compress;
use serde_json::{Value, json};

use crate::session::{DEADLINE, Session, unix};

mod rows;

use rows::{Differs, Row, Timing};

/// How often a message is sent whose second ended before its validation: fewer than the blocks that a height may have.
const TIMES: usize = 5;

/// `true` when every message got the expected verdict from both sides.
pub(crate) fn run() -> bool {
    println!("\ninvalid messages; the last column is Petrel's fault, and how Petrel differs from op-node\n");
    println!("  fork      message                                    op-node Petrel");
    let mut fine = true;
    for fork in Fork::TIMED {
        let mut session = Session::start(fork);
        for row in rows::of(fork, &mut session) {
            fine &= check(&mut session, fork, row);
        }
    }
    fine
}

fn check(session: &mut Session, fork: Fork, mut row: Row) -> bool {
    let mut verdicts = validated(session, &mut row);
    for _ in 1..TIMES {
        if row.timing == Timing::Any || verdicts.in_time {
            break;
        }
        verdicts = validated(session, &mut row);
    }
    let (intended, note) = intended(session, &row, &verdicts);
    let Verdicts { op_node, petrel, fault, .. } = verdicts;
    let fine = op_node == row.expect && intended;
    let mark = if fine { "" } else { "  <-- not as expected" };
    println!("  {:<9} {:<42} {op_node:<7} {petrel:<7} {fault}{note}{mark}", fork.name(), row.name);
    fine
}

/// Whether Petrel's verdict is the intended one, and how it differs from op-node's.
fn intended(session: &mut Session, row: &Row, verdicts: &Verdicts) -> (bool, &'static str) {
    let Verdicts { petrel, fault, .. } = verdicts;
    match row.differs {
        None => (petrel == row.expect, ""),
        Some(Differs::Uncharged(named)) => {
            (petrel == row.expect && fault == named, ": our signer's bytes in a changed envelope; no peer is charged")
        }
        Some(Differs::Dropped) => (petrel == "accept", "the field is dropped and not forwarded, as by kona"),
        Some(Differs::Followed(fork)) => (
            petrel == "accept" && mismatched(session) == fork,
            "schedule_mismatch: our signer's block of a fork that the schedule lacks; it is followed",
        ),
    }
}

/// The fork of Petrel's event `schedule_mismatch`.
fn mismatched(session: &mut Session) -> String {
    let event = session.daemon.wait_for(DEADLINE, |event| event["event"] == "schedule_mismatch");
    event.as_ref().and_then(|event| event["fork"].as_str()).unwrap_or_default().to_owned()
}

/// The verdicts on a message.
struct Verdicts {
    op_node: String,
    petrel: String,
    /// Petrel's fault.
    fault: String,
    /// Whether it was built and validated within one second.
    in_time: bool,
}

fn validated(session: &mut Session, row: &mut Row) -> Verdicts {
    if row.timing == Timing::Exact {
        // Whole seconds are compared.
        let into = Duration::from_nanos(u64::from(unix().subsec_nanos()));
        thread::sleep(Duration::from_secs(1).saturating_sub(into) + Duration::from_millis(50));
    }
    let made = unix().as_secs();
    let message = (row.make)(made);
    let data = message.wire.unwrap_or_else(|| compress(&message.plain));
    let mut raw = json!({
        "to": [session.address],
        "topic": format!("/optimism/{}/{}/blocks", session.chain.id, row.topic.topic()),
        "data": hex::encode_prefixed(&data),
    });
    for field in &row.fields {
        raw[*field] = hex::encode_prefixed(field_bytes(field)).into();
    }
    session.peer.send(&json!({ "do": "send_raw", "raw": raw }));
    let sent =
        session.peer.expect("the sender", DEADLINE, |event| event["event"] == "raw_sent" || event["event"] == "failed");
    let sender = sent["peer"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned();
    let op_node = op_node(session, &sender);
    let (petrel, fault) = petrel(session, &sender, &message.hash);
    Verdicts { op_node, petrel, fault, in_time: unix().as_secs() == made }
}

/// op-node's verdict: that of its validators, or pubsub's before them.
fn op_node(session: &mut Session, sender: &str) -> String {
    let event = session.peer.wait_for(DEADLINE, |event| {
        event["event"] == "verdict" && event["peer"] == sender && event["verdict"] != "duplicate"
    });
    event.as_ref().and_then(|event| event["verdict"].as_str()).unwrap_or("none").to_owned()
}

/// Petrel's verdict and fault. An accepted block may arrive from op-node first, which relays it.
fn petrel(session: &mut Session, sender: &str, hash: &str) -> (String, String) {
    let event = session.daemon.wait_for(DEADLINE, |event| match event["event"].as_str() {
        Some("block") => event["hash"] == hash,
        Some("rejected" | "ignored") => event["peer"] == sender,
        _ => false,
    });
    let fault = |event: &Value| event["fault"].as_str().unwrap_or_default().to_owned();
    match event {
        None => ("none".to_owned(), String::new()),
        Some(event) if event["event"] == "block" => ("accept".to_owned(), String::new()),
        Some(event) if event["event"] == "rejected" => ("reject".to_owned(), fault(&event)),
        Some(event) => ("ignore".to_owned(), fault(&event)),
    }
}

/// The contents of a protobuf field that anonymous messages lack.
fn field_bytes(field: &str) -> &'static [u8] {
    match field {
        // A peer id: the identity multihash of four bytes.
        "from" => &[0, 4, 8, 2, 18, 0],
        "seqno" => &[0, 0, 0, 0, 0, 0, 0, 1],
        _ => &[7; 64],
    }
}
