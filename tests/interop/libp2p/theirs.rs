//! A row with somebody else on the other side.

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
    daemon::{Daemon, DEADLINE, Place, binary, written},
    known,
    row::{Check, Direction, Outcome, Row, Transport, Who},
};

/// A mesh is built by the heartbeat, every half second.
const GRAFTED: Duration = Duration::from_millis(1200);
/// How long an asker waits who was told that there is no such block.
const AGAIN: Duration = Duration::from_millis(500);
/// The size of the block that Petrel asks for; the one that is asked of it is the biggest that it has.
const ASKED: usize = 1_000_000;

/// Tries everything over one connection.
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

/// The daemon, the other and the feeder, connected.
struct Connection {
    place: Place,
    daemon: Daemon,
    other: Process,
    /// The other's name.
    peer: String,
    feeder: Publisher,
    blocks: Blocks,
    /// From the dial to the topic that both know of.
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
        daemon.events.wait_for(DEADLINE, joined).ok_or("the daemon hears of no topic")?;
        let took = begin.elapsed();
        let feeder = Publisher::connect(&place.chain, daemon.address(Transport::Tcp));
        thread::sleep(GRAFTED);
        let blocks = Blocks::new(&place.chain);
        Ok(Self { place, daemon, other, peer, feeder, blocks, took })
    }

    fn try_all(&mut self, row: &mut Row) {
        let mut biggest = None;
        for (at, (_, bytes)) in SIZES.into_iter().enumerate() {
            let made = self.blocks.make(bytes);
            if row.note(Check::FromPetrel(at), self.hears_petrel(&made)) {
                biggest = Some(made);
            }
        }
        for (at, (_, bytes)) in SIZES.into_iter().enumerate() {
            let outcome = self.tells_petrel(bytes);
            row.note(Check::ToPetrel(at), outcome);
        }
        let asks = known::limit(row.transport, row.who, row.direction, Check::PetrelAsks).is_none();
        row.note(Check::PetrelAsks, self.petrel_asks(asks));
        let asked = biggest.ok_or_else(|| "it has no block".to_owned());
        row.note(Check::OtherAsks, asked.and_then(|made| self.other_asks(&made)));
        if let Err(error) = self.pinged(row.who) {
            row.note(Check::Handshake, Err(error));
        }
        let gone = self.daemon.events.drain().into_iter().chain(self.other.drain());
        if let Some(event) = gone.into_iter().find(|event| event["event"] == "gone" || left(event, &self.peer)) {
            row.note(Check::Handshake, Err(format!("the connection did not last: {event}")));
        }
    }

    fn hears_petrel(&mut self, made: &Made) -> Outcome {
        let (_, digest) = made.wire();
        let begin = Instant::now();
        self.feeder.publish(VERSION, made.message.clone());
        // The daemon accepts it, whatever becomes of it on the other side.
        self.daemon.events.wait_for(DEADLINE, |event| made.is(event)).ok_or("the daemon did not accept it")?;
        self.blocks.take(made);
        let came =
            self.other.wait_for(DEADLINE, |event| event["event"] == "message" && event["digest"] == digest.as_str());
        let came = came.ok_or_else(|| format!("it did not come; {}", seen(&mut self.other)))?;
        if came["peer"] == self.daemon.peer() { Ok(begin.elapsed()) } else { Err(format!("by somebody else: {came}")) }
    }

    fn tells_petrel(&mut self, bytes: usize) -> Outcome {
        let made = self.blocks.make(bytes);
        let file = written(&self.place.file("published"), &made.wire().0);
        let begin = Instant::now();
        self.other.send(&json!({ "do": "publish", "file": file }));
        while begin.elapsed() < DEADLINE {
            let came = self.daemon.events.wait_for(Duration::from_millis(50), |event| made.is(event));
            if let Some(came) = came {
                self.blocks.take(&made);
                let right = came["via"] == "gossip" && came["peer"] == self.peer.as_str();
                return if right { Ok(begin.elapsed()) } else { Err(format!("by somebody else: {came}")) };
            }
            if let Some(event) = self.other.wait_for(Duration::ZERO, |event| failed(event, "publish")) {
                return Err(reason(&event));
            }
        }
        Err(format!("it did not come; {}", seen(&mut self.daemon.events)))
    }

    /// The feeder gives the daemon the block after the next.
    fn petrel_asks(&mut self, asks: bool) -> Outcome {
        let missed = self.blocks.make(ASKED);
        let file = written(&self.place.file("served"), &missed.answer());
        self.other.send(&json!({ "do": "serve", "number": missed.number, "file": file }));
        self.other.wait_for(DEADLINE, |event| event["event"] == "serving").ok_or("it does not serve")?;
        self.blocks.take(&missed);
        let next = self.blocks.make(SIZES[0].1);
        let begin = Instant::now();
        self.feeder.publish(VERSION, next.message.clone());
        let outcome = self.daemon.fetches(&missed, &self.peer, asks);
        self.blocks.take(&next);
        outcome.map(|()| begin.elapsed())
    }

    /// We have answered a ping of theirs: js-libp2p leaves whoever does not.
    fn pinged(&mut self, who: Who) -> Result<(), String> {
        if !matches!(who, Who::Node | Who::Tab) {
            return Ok(());
        }
        self.other.send(&json!({ "do": "pinged", "peer": self.daemon.peer() }));
        let ended = self.other.wait_for(DEADLINE, |event| failed(event, "pinged") || event["event"] == "pinged");
        let ended = ended.ok_or("it does not say whether a ping was answered")?;
        if failed(&ended, "pinged") { Err(reason(&ended)) } else { Ok(()) }
    }

    fn other_asks(&mut self, made: &Made) -> Outcome {
        let begin = Instant::now();
        loop {
            match self.answered(made) {
                Err(error) if begin.elapsed() > DEADLINE => return Err(error),
                // A block that has just come may not be on disk yet.
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
        other.wait_for(DEADLINE, |event| event["event"] == "ready").ok_or("the tab does not come up")?;
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

/// What a program told last, for a reader who must find out.
fn seen(child: &mut Process) -> String {
    let events = child.drain();
    let last = events.iter().filter(|event| event["event"] != "health").rev().take(4).map(ToString::to_string);
    last.collect::<Vec<_>>().join(" ← ")
}
