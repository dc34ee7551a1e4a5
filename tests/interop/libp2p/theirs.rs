//! A row with another implementation on the other side.

use std::{
    env, fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use petrel_core::payload_by_number;
use petrel_tests::{process::Process, sequencer::Publisher};
use serde_json::{Value, json};

use crate::{
    blocks::{Blocks, Made, SIZES, VERSION},
    daemon::{DEADLINE, Daemon, Place, binary, written},
    known,
    row::{Check, Direction, Outcome, Row, Transport, Who},
};

/// Time in which the mesh is built, by a heartbeat every half second.
const GRAFTED: Duration = Duration::from_millis(1200);
/// Time after a "not found" until the block is requested again.
const AGAIN: Duration = Duration::from_millis(500);
/// The size of the block that Petrel requests. From Petrel its largest block is requested.
const REQUESTED_BYTES: usize = 1_000_000;

/// Makes all checks over one connection.
pub(crate) fn run(transport: Transport, who: Who, direction: Direction) -> Row {
    let mut row = Row::new(transport, who, direction);
    let lacking = who == Who::Tab && env::var_os("PETREL_CHROMIUM").is_none();
    if known::absent(transport, who, direction).is_some() || lacking {
        return row;
    }
    match Connection::make(&row) {
        Ok(mut connection) => {
            row.note(Check::Handshake, Ok(connection.took));
            connection.try_all(&mut row);
        }
        Err(error) => {
            row.note(Check::Handshake, Err(error));
        }
    }
    row
}

/// The daemon, the other implementation and the publisher, connected.
struct Connection {
    place: Place,
    daemon: Daemon,
    other: Process,
    /// The other's peer id.
    peer: String,
    publisher: Publisher,
    blocks: Blocks,
    /// Time from the dial until both have seen the other join the topic.
    took: Duration,
}

impl Connection {
    fn make(row: &Row) -> Result<Self, String> {
        let place = Place::new();
        let listens = row.direction == Direction::Dials;
        let mut other = start(row.who, &place, listens.then_some(row.transport))?;
        let (mut daemon, begin) = if listens {
            let there = other.wait_for(DEADLINE, |event| event["event"] == "listening").ok_or("it does not listen")?;
            let begin = Instant::now();
            (place.daemon("daemon", &["--p2p.static", there["address"].as_str().unwrap()]), begin)
        } else {
            let daemon = place.daemon("daemon", &[]);
            let begin = Instant::now();
            other.send(&json!({ "do": "dial", "address": daemon.address(row.transport) }));
            (daemon, begin)
        };
        let us = daemon.peer().to_owned();
        let knows_us = |event: &Value| event["event"] == "joined" && event["peer"] == us.as_str();
        let met = other.wait_for(DEADLINE, |event| failed(event, "dial") || knows_us(event));
        let met = met.ok_or_else(|| format!("no common topic; {}", seen(&mut daemon.events)))?;
        if failed(&met, "dial") {
            return Err(reason(&met));
        }
        let transport = row.transport.name();
        let came =
            daemon.events.wait_for(DEADLINE, |event| event["event"] == "connected" && event["transport"] == transport);
        let peer = came.ok_or("the daemon has no such connection")?["peer"].as_str().unwrap().to_owned();
        let joined = |event: &Value| event["event"] == "topic_joined" && event["peer"] == peer.as_str();
        daemon.events.wait_for(DEADLINE, joined).ok_or("the daemon saw no topic")?;
        let took = begin.elapsed();
        let publisher = Publisher::connect(&place.chain, daemon.address(Transport::Tcp));
        thread::sleep(GRAFTED);
        let blocks = Blocks::new(&place.chain);
        Ok(Self { place, daemon, other, peer, publisher, blocks, took })
    }

    fn try_all(&mut self, row: &mut Row) {
        let mut biggest = None;
        for (at, (_, bytes)) in SIZES.into_iter().enumerate() {
            let made = self.blocks.make(bytes);
            if row.note(Check::FromPetrel(at), self.receives_from_petrel(&made)) {
                biggest = Some(made);
            }
        }
        for (at, (_, bytes)) in SIZES.into_iter().enumerate() {
            let outcome = self.publishes_to_petrel(bytes);
            row.note(Check::ToPetrel(at), outcome);
        }
        let asks = known::limit(row.transport, row.who, row.direction, Check::PetrelRequests).is_none();
        row.note(Check::PetrelRequests, self.petrel_requests(asks));
        let asked = biggest.ok_or_else(|| "it has no block".to_owned());
        row.note(Check::OtherRequests, asked.and_then(|made| self.other_requests(&made)));
        if let Err(error) = self.pinged(row.who) {
            row.note(Check::Handshake, Err(error));
        }
        let gone = self.daemon.events.drain().into_iter().chain(self.other.drain());
        if let Some(event) = gone.into_iter().find(|event| event["event"] == "gone" || left(event, &self.peer)) {
            row.note(Check::Handshake, Err(format!("the connection did not last: {event}")));
        }
    }

    fn receives_from_petrel(&mut self, made: &Made) -> Outcome {
        let (_, digest) = made.wire();
        let begin = Instant::now();
        self.publisher.publish(VERSION, made.message.clone());
        // The daemon accepts the block, even if it does not arrive on the other side.
        self.daemon.events.wait_for(DEADLINE, |event| made.is(event)).ok_or("the daemon did not accept it")?;
        self.blocks.take(made);
        let came =
            self.other.wait_for(DEADLINE, |event| event["event"] == "message" && event["digest"] == digest.as_str());
        let came = came.ok_or_else(|| format!("it did not arrive; {}", seen(&mut self.other)))?;
        if came["peer"] == self.daemon.peer() { Ok(begin.elapsed()) } else { Err(format!("from another peer: {came}")) }
    }

    fn publishes_to_petrel(&mut self, bytes: usize) -> Outcome {
        let made = self.blocks.make(bytes);
        let file = written(&self.place.file("published"), &made.wire().0);
        let begin = Instant::now();
        self.other.send(&json!({ "do": "publish", "file": file }));
        while begin.elapsed() < DEADLINE {
            let came = self.daemon.events.wait_for(Duration::from_millis(50), |event| made.is(event));
            if let Some(came) = came {
                self.blocks.take(&made);
                let right = came["via"] == "gossip" && came["peer"] == self.peer.as_str();
                return if right { Ok(begin.elapsed()) } else { Err(format!("from another peer: {came}")) };
            }
            if let Some(event) = self.other.wait_for(Duration::ZERO, |event| failed(event, "publish")) {
                return Err(reason(&event));
            }
        }
        Err(format!("it did not arrive; {}", seen(&mut self.daemon.events)))
    }

    /// The daemon gets the block after the next one from the publisher, and requests the missed block from the other.
    fn petrel_requests(&mut self, asks: bool) -> Outcome {
        let missed = self.blocks.make(REQUESTED_BYTES);
        let file = written(&self.place.file("served"), &missed.answer());
        self.other.send(&json!({ "do": "serve", "number": missed.number, "file": file }));
        self.other.wait_for(DEADLINE, |event| event["event"] == "serving").ok_or("it does not serve")?;
        self.blocks.take(&missed);
        let next = self.blocks.make(SIZES[0].1);
        let begin = Instant::now();
        self.publisher.publish(VERSION, next.message.clone());
        let outcome = self.daemon.fetches(&missed, &self.peer, asks);
        self.blocks.take(&next);
        outcome.map(|()| begin.elapsed())
    }

    /// Checks that the daemon has answered a ping: js-libp2p disconnects peers that do not.
    fn pinged(&mut self, who: Who) -> Result<(), String> {
        if !matches!(who, Who::Node | Who::Tab) {
            return Ok(());
        }
        self.other.send(&json!({ "do": "pinged", "peer": self.daemon.peer() }));
        let ended = self.other.wait_for(DEADLINE, |event| failed(event, "pinged") || event["event"] == "pinged");
        let ended = ended.ok_or("it does not report whether a ping was answered")?;
        if failed(&ended, "pinged") { Err(reason(&ended)) } else { Ok(()) }
    }

    fn other_requests(&mut self, made: &Made) -> Outcome {
        let begin = Instant::now();
        loop {
            match self.answered(made) {
                Err(error) if begin.elapsed() > DEADLINE => return Err(error),
                // A block that has just arrived may not be on disk yet.
                Err(_) => thread::sleep(AGAIN),
                Ok(()) => return Ok(begin.elapsed()),
            }
        }
    }

    fn answered(&mut self, made: &Made) -> Result<(), String> {
        let file = self.place.file("answer");
        self.other.send(&json!({ "do": "ask", "peer": self.daemon.peer(), "number": made.number, "file": file }));
        let ended = self.other.wait_for(DEADLINE, |event| failed(event, "ask") || event["event"] == "answered");
        match ended {
            Some(event) if event["event"] == "answered" => made.is_answered_by(fs::read(file).unwrap()),
            Some(event) => Err(reason(&event)),
            None => Err("no answer in time".to_owned()),
        }
    }
}

fn start(who: Who, place: &Place, listen: Option<Transport>) -> Result<Process, String> {
    let node = |script: &str| {
        let mut command = Command::new("node");
        command.args(["--experimental-websocket", "--no-warnings"]);
        command.arg(binary("PETREL_INTEROP_JS").join(script));
        command
    };
    let mut command = match who {
        Who::Go => Command::new(binary("PETREL_INTEROP_GO")),
        Who::GoNewest => Command::new(binary("PETREL_INTEROP_GO_NEWEST")),
        Who::Node => node("node.js"),
        Who::Tab => node("tab.js"),
        Who::Petrel => return Err("Petrel is the daemon's".to_owned()),
    };
    let [protocol, _] = payload_by_number::protocols(&place.chain);
    command.args(["--topic", &place.chain.topic(VERSION), "--protocol", &protocol]);
    if let Some(transport) = listen {
        command.args(["--listen", transport.anywhere()]);
    }
    let mut other = Process::start_verbose(who.name(), &mut command);
    if who == Who::Tab {
        other.wait_for(DEADLINE, |event| event["event"] == "ready").ok_or("the tab does not start")?;
    }
    Ok(other)
}

fn failed(event: &Value, what: &str) -> bool {
    event["event"] == "failed" && event["do"] == what
}

fn left(event: &Value, peer: &str) -> bool {
    event["event"] == "disconnected" && event["peer"] == peer
}

fn reason(event: &Value) -> String {
    event["error"].as_str().unwrap_or_default().to_owned()
}

/// The last events of a program, for the error message.
fn seen(child: &mut Process) -> String {
    let events = child.drain();
    let last = events.iter().filter(|event| event["event"] != "health").rev().take(4).map(ToString::to_string);
    last.collect::<Vec<_>>().join(" ← ")
}
