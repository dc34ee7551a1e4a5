//! Petrel on both sides: two daemons, each with a feeder of its own. One connection is two rows, seen from either end.
//!
//! Neither daemon can be told to ask: a gap makes it. So the one that dials is ended, misses a block and comes back; then it
//! has a block of its own, made while it was alone, that the other misses.

use std::{
    thread,
    time::{Duration, Instant},
};

use petrel_tests::sequencer::Publisher;

use crate::{
    blocks::{Blocks, Made, SIZES, VERSION},
    daemon::{Daemon, DEADLINE, Place, peer_of},
    known,
    row::{Check, Direction, Outcome, Row, Transport, Who},
};

/// gossipsub offers what it missed to whoever comes within three heartbeats, some 2 s; then a block must be asked for.
const OFFERED: Duration = Duration::from_secs(5);
/// As in the other rows.
const GRAFTED: Duration = Duration::from_millis(1200);
/// The size of the block that is asked for.
const ASKED: usize = 1_000_000;

/// The rows of whoever dials and of whoever is dialled.
pub(crate) fn run(transport: Transport) -> [Row; 2] {
    let [mut dials, mut dialled] = Direction::BOTH.map(|direction| Row::new(transport, Who::Petrel, direction));
    let place = Place::new();
    let mut pair = Pair::new(&place, transport);
    let mut dialler = match pair.come() {
        Ok(dialler) => dialler,
        Err(error) => {
            for row in [&mut dials, &mut dialled] {
                row.wrong(&error);
            }
            return [dials, dialled];
        }
    };
    for row in [&mut dials, &mut dialled] {
        row.note(Check::Handshake, Ok(dialler.took));
    }
    for (at, (_, bytes)) in SIZES.into_iter().enumerate() {
        let outcome = pair.gossip(&mut dialler, bytes, true);
        dials.note(Check::FromPetrel(at), outcome.clone());
        dialled.note(Check::ToPetrel(at), outcome);
    }
    for (at, (_, bytes)) in SIZES.into_iter().enumerate() {
        let outcome = pair.gossip(&mut dialler, bytes, false);
        dials.note(Check::ToPetrel(at), outcome.clone());
        dialled.note(Check::FromPetrel(at), outcome);
    }
    let (asks, dialler) = pair.dialler_asks(dialler);
    dials.note(Check::PetrelAsks, asks.clone());
    dialled.note(Check::OtherAsks, asks);
    let asked =
        dialler.map_or_else(|| Err("it did not come back".to_owned()), |dialler| pair.dialler_is_asked(dialler));
    dialled.note(Check::PetrelAsks, asked.clone());
    dials.note(Check::OtherAsks, asked);
    [dials, dialled]
}

/// A daemon that dials, and what is published through it.
struct Dialler {
    daemon: Daemon,
    feeder: Publisher,
    /// From its start to the topic that both know of.
    took: Duration,
}

struct Pair<'a> {
    place: &'a Place,
    transport: Transport,
    /// Where the one is that is dialled.
    address: String,
    listener: Daemon,
    feeder: Publisher,
    blocks: Blocks,
}

impl<'a> Pair<'a> {
    fn new(place: &'a Place, transport: Transport) -> Self {
        let listener = place.daemon("listener", &[]);
        let feeder = Publisher::connect(&place.chain, listener.address(Transport::Tcp));
        let address = listener.address(transport).to_owned();
        Self { place, transport, address, listener, feeder, blocks: Blocks::new(&place.chain) }
    }

    /// The dialler comes, or comes back; both know of each other's topics.
    fn come(&mut self) -> Result<Dialler, String> {
        let begin = Instant::now();
        let mut daemon = self.place.daemon("dialler", &["--p2p.static", &self.address]);
        let (peer, name) = (daemon.peer().to_owned(), self.transport.name());
        for (side, whom) in [(&mut daemon.events, peer_of(&self.address)), (&mut self.listener.events, peer.as_str())] {
            side.wait_for(DEADLINE, |event| {
                event["event"] == "connected" && event["peer"] == whom && event["transport"] == name
            })
            .ok_or("they are not connected")?;
            side.wait_for(DEADLINE, |event| event["event"] == "topic_joined" && event["peer"] == whom)
                .ok_or("no common topic")?;
        }
        let took = begin.elapsed();
        let feeder = Publisher::connect(&self.place.chain, daemon.address(Transport::Tcp));
        thread::sleep(GRAFTED);
        Ok(Dialler { daemon, feeder, took })
    }

    /// A block through one daemon to the other.
    fn gossip(&mut self, dialler: &mut Dialler, bytes: usize, from_dialler: bool) -> Outcome {
        let made = self.blocks.make(bytes);
        let (from, to, by) = if from_dialler {
            (&dialler.feeder, &mut self.listener.events, dialler.daemon.peer().to_owned())
        } else {
            (&self.feeder, &mut dialler.daemon.events, peer_of(&self.address).to_owned())
        };
        let begin = Instant::now();
        from.publish(VERSION, made.message.clone());
        self.blocks.take(&made);
        let came = to.wait_for(DEADLINE, |event| made.is(event)).ok_or("it did not come")?;
        let right = came["via"] == "gossip" && came["peer"] == by.as_str();
        if right { Ok(begin.elapsed()) } else { Err(format!("by somebody else: {came}")) }
    }

    /// It misses a block while it is away.
    fn dialler_asks(&mut self, dialler: Dialler) -> (Outcome, Option<Dialler>) {
        self.end(dialler);
        let missed = self.publish(ASKED);
        if self.listener.events.wait_for(DEADLINE, |event| missed.is(event)).is_none() {
            return (Err("the listener did not take it".to_owned()), None);
        }
        thread::sleep(OFFERED);
        let mut dialler = match self.come() {
            Ok(dialler) => dialler,
            Err(error) => return (Err(error), None),
        };
        let begin = Instant::now();
        self.publish(SIZES[0].1);
        let outcome = dialler.daemon.fetches(&missed, peer_of(&self.address), true).map(|()| begin.elapsed());
        (outcome, Some(dialler))
    }

    /// It makes a block while it is alone.
    fn dialler_is_asked(&mut self, dialler: Dialler) -> Outcome {
        self.end(dialler);
        let mut alone = self.place.daemon("dialler", &[]);
        let feeder = Publisher::connect(&self.place.chain, alone.address(Transport::Tcp));
        let missed = self.blocks.make(ASKED);
        feeder.publish(VERSION, missed.message.clone());
        self.blocks.take(&missed);
        alone
            .events
            .wait_for(DEADLINE, |event| missed.is(event))
            .ok_or("it did not take a block while it was alone")?;
        drop(feeder);
        alone.events.stop(DEADLINE);
        thread::sleep(OFFERED);
        let dialler = self.come()?;
        let begin = Instant::now();
        let next = self.blocks.make(SIZES[0].1);
        dialler.feeder.publish(VERSION, next.message.clone());
        self.blocks.take(&next);
        let asks = known::limit(self.transport, Who::Petrel, Direction::IsDialled, Check::PetrelAsks).is_none();
        self.listener.fetches(&missed, dialler.daemon.peer(), asks).map(|()| begin.elapsed())
    }

    /// A block for the listener alone.
    fn publish(&mut self, bytes: usize) -> Made {
        let made = self.blocks.make(bytes);
        self.feeder.publish(VERSION, made.message.clone());
        self.blocks.take(&made);
        made
    }

    fn end(&mut self, mut dialler: Dialler) {
        drop(dialler.feeder);
        dialler.daemon.events.stop(DEADLINE);
        let peer = dialler.daemon.peer().to_owned();
        let gone = |event: &serde_json::Value| event["event"] == "disconnected" && event["peer"] == peer.as_str();
        self.listener.events.wait_for(DEADLINE, gone);
    }
}
