//! The spoilt messages: the same bytes from the same peer to op-node and to the daemon, and both verdicts side by side.
//!
//! Each message comes from an identity of its own, so that no verdict depends on the sender's past, and has a height of
//! its own, so that none depends on another block.
//!
//! Where Petrel differs, see [`Differs`]; that nobody is charged follows from the fault's name (petrel-core's `gossip::fault`).

use std::{thread, time::Duration};

use alloy_primitives::hex;
use petrel_core::fork::Fork;
use petrel_tests::forge::compress;
use serde_json::{Value, json};

use crate::session::{DEADLINE, Session, unix};

mod rows;

use rows::{Differs, Row, Timing};

/// How often a message is made whose second was over before it was judged: fewer than a height may have blocks.
const TIMES: usize = 5;

/// `true` when every message got the verdict that it should have, from both.
pub(crate) fn run() -> bool {
    println!("\nspoilt messages; the last column is the fault that Petrel names, and how it differs from op-node\n");
    println!("  fork      message                                    op-node Petrel");
    let mut fine = true;
    for fork in Fork::TIMED {
        let mut session = Session::start(fork);
        for row in rows::of(fork, &mut session) {
            fine &= judge(&mut session, fork, row);
        }
    }
    fine
}

fn judge(session: &mut Session, fork: Fork, mut row: Row) -> bool {
    let mut verdicts = judged(session, &mut row);
    for _ in 1..TIMES {
        if row.timing == Timing::Any || verdicts.in_time {
            break;
        }
        verdicts = judged(session, &mut row);
    }
    let (intended, note) = intended(session, &row, &verdicts);
    let Verdicts { op_node, petrel, fault, .. } = verdicts;
    let fine = op_node == row.expect && intended;
    let mark = if fine { "" } else { "  <-- not as it should be" };
    println!("  {:<9} {:<42} {op_node:<7} {petrel:<7} {fault}{note}{mark}", fork.name(), row.name);
    fine
}

/// Whether Petrel did what it should, and how that differs from op-node.
fn intended(session: &mut Session, row: &Row, verdicts: &Verdicts) -> (bool, &'static str) {
    let Verdicts { petrel, fault, .. } = verdicts;
    match row.differs {
        None => (petrel == row.expect, ""),
        Some(Differs::Uncharged(named)) => {
            (petrel == row.expect && fault == named, ": our signer's bytes, changed around; nobody is charged")
        }
        Some(Differs::Dropped) => (petrel == "accept", "the field is dropped and not passed on, as by kona"),
        Some(Differs::Followed(fork)) => (
            petrel == "accept" && mismatched(session) == fork,
            "schedule_mismatch: our signer's block of a fork that the schedule lacks; it is followed",
        ),
    }
}

/// The fork that the schedule lacks, as Petrel tells it.
fn mismatched(session: &mut Session) -> String {
    let told = session.daemon.wait_for(DEADLINE, |event| event["event"] == "schedule_mismatch");
    told.as_ref().and_then(|event| event["fork"].as_str()).unwrap_or_default().to_owned()
}

/// What came of a message.
struct Verdicts {
    op_node: String,
    petrel: String,
    /// What Petrel names.
    fault: String,
    /// Made and judged within one second.
    in_time: bool,
}

fn judged(session: &mut Session, row: &mut Row) -> Verdicts {
    if row.timing == Timing::Exact {
        // Whole seconds are compared.
        let into = Duration::from_nanos(u64::from(unix().subsec_nanos()));
        thread::sleep(Duration::from_secs(1).saturating_sub(into) + Duration::from_millis(50));
    }
    let made = unix().as_secs();
    let message = (row.make)(made);
    let data = message.wire.unwrap_or_else(|| compress(&message.plain));
    let mut spoil = json!({
        "to": [session.address],
        "topic": format!("/optimism/{}/{}/blocks", session.chain.id, row.topic.topic()),
        "data": hex::encode_prefixed(&data),
    });
    for field in &row.fields {
        spoil[*field] = hex::encode_prefixed(field_bytes(field)).into();
    }
    session.peer.send(&json!({ "do": "spoil", "spoil": spoil }));
    let sent =
        session.peer.expect("a liar", DEADLINE, |event| event["event"] == "spoilt" || event["event"] == "failed");
    let liar = sent["peer"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned();
    let op_node = op_node(session, &liar);
    let (petrel, fault) = petrel(session, &liar, &message.hash);
    Verdicts { op_node, petrel, fault, in_time: unix().as_secs() == made }
}

/// op-node's verdict: its validators', or pubsub's before them.
fn op_node(session: &mut Session, liar: &str) -> String {
    let told = session.peer.wait_for(DEADLINE, |event| {
        event["event"] == "verdict" && event["peer"] == liar && event["verdict"] != "duplicate"
    });
    told.as_ref().and_then(|event| event["verdict"].as_str()).unwrap_or("none").to_owned()
}

/// Petrel's verdict, and the fault that it names. What is accepted may come from op-node first, which relays it.
fn petrel(session: &mut Session, liar: &str, hash: &str) -> (String, String) {
    let told = session.daemon.wait_for(DEADLINE, |event| match event["event"].as_str() {
        Some("block") => event["hash"] == hash,
        Some("rejected" | "ignored") => event["peer"] == liar,
        _ => false,
    });
    let fault = |event: &Value| event["fault"].as_str().unwrap_or_default().to_owned();
    match told {
        None => ("none".to_owned(), String::new()),
        Some(event) if event["event"] == "block" => ("accept".to_owned(), String::new()),
        Some(event) if event["event"] == "rejected" => ("reject".to_owned(), fault(&event)),
        Some(event) => ("ignore".to_owned(), fault(&event)),
    }
}

/// What stands in a protobuf field that no anonymous message has.
fn field_bytes(field: &str) -> &'static [u8] {
    match field {
        // A peer id: the identity multihash of four bytes.
        "from" => &[0, 4, 8, 2, 18, 0],
        "seqno" => &[0, 0, 0, 0, 0, 0, 0, 1],
        _ => &[7; 64],
    }
}
