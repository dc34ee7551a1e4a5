//! Petrel on both sides: two daemons, each with its own publisher. One connection gives two rows, one for each side.
//!
//! A daemon cannot be commanded to request a block: it does so when it has a gap. So the dialling daemon is stopped, misses a block
//! and reconnects. Then it gets a block while it is disconnected, which the other one misses.

use std::{
    thread,
    time::{Duration, Instant},
};

use petrel_tests::sequencer::Publisher;

use crate::{
    blocks::{Blocks, Made, SIZES, VERSION},
    daemon::{DEADLINE, Daemon, Place, peer_of},
    known,
    row::{Check, Direction, Outcome, Row, Transport, Who},
};

/// For three heartbeats, about 2 s, gossipsub advertises a message by IHAVE to a new peer; after that the block must be requested.
const IHAVE_WINDOW: Duration = Duration::from_secs(5);
/// As in `theirs`.
const GRAFTED: Duration = Duration::from_millis(1200);
/// The size of the requested block.
const REQUESTED_BYTES: usize = 1_000_000;

/// The rows of the dialling and of the dialled daemon.
pub(crate) fn run(transport: Transport) -> [Row; 2] {
    let [mut dials, mut dialled] = Direction::BOTH.map(|direction| Row::new(transport, Who::Petrel, direction));
    let place = Place::new();
    let mut pair = Pair::new(&place, transport);
    let mut dialler = match pair.connect() {
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
    let (asks, dialler) = pair.dialler_requests(dialler);
    dials.note(Check::PetrelRequests, asks.clone());
    dialled.note(Check::OtherRequests, asks);
    let asked =
        dialler.map_or_else(|| Err("it did not reconnect".to_owned()), |dialler| pair.dialler_is_requested(dialler));
    dialled.note(Check::PetrelRequests, asked.clone());
    dials.note(Check::OtherRequests, asked);
    [dials, dialled]
}

/// The dialling daemon and its publisher.
struct Dialler {
    daemon: Daemon,
    publisher: Publisher,
    /// Time from its start until both have seen the other join the topic.
    took: Duration,
}

struct Pair<'a> {
    place: &'a Place,
    transport: Transport,
    /// The address of the dialled daemon.
    address: String,
    listener: Daemon,
    publisher: Publisher,
    blocks: Blocks,
}

impl<'a> Pair<'a> {
    fn new(place: &'a Place, transport: Transport) -> Self {
        let listener = place.daemon("listener", &[]);
        let publisher = Publisher::connect(&place.chain, listener.address(Transport::Tcp));
        let address = listener.address(transport).to_owned();
        Self { place, transport, address, listener, publisher, blocks: Blocks::new(&place.chain) }
    }

    /// Starts or restarts the dialler, and waits until both have seen the other join the topic.
    fn connect(&mut self) -> Result<Dialler, String> {
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
        let publisher = Publisher::connect(&self.place.chain, daemon.address(Transport::Tcp));
        thread::sleep(GRAFTED);
        Ok(Dialler { daemon, publisher, took })
    }

    /// Publishes a block through one daemon to the other.
    fn gossip(&mut self, dialler: &mut Dialler, bytes: usize, from_dialler: bool) -> Outcome {
        let made = self.blocks.make(bytes);
        let (from, to, by) = if from_dialler {
            (&dialler.publisher, &mut self.listener.events, dialler.daemon.peer().to_owned())
        } else {
            (&self.publisher, &mut dialler.daemon.events, peer_of(&self.address).to_owned())
        };
        let begin = Instant::now();
        from.publish(VERSION, made.message.clone());
        self.blocks.take(&made);
        let came = to.wait_for(DEADLINE, |event| made.is(event)).ok_or("it did not arrive")?;
        let right = came["via"] == "gossip" && came["peer"] == by.as_str();
        if right { Ok(begin.elapsed()) } else { Err(format!("from another peer: {came}")) }
    }

    /// The dialler misses a block while it is stopped, and requests it.
    fn dialler_requests(&mut self, dialler: Dialler) -> (Outcome, Option<Dialler>) {
        self.end(dialler);
        let missed = self.publish(REQUESTED_BYTES);
        if self.listener.events.wait_for(DEADLINE, |event| missed.is(event)).is_none() {
            return (Err("the listener did not accept it".to_owned()), None);
        }
        thread::sleep(IHAVE_WINDOW);
        let mut dialler = match self.connect() {
            Ok(dialler) => dialler,
            Err(error) => return (Err(error), None),
        };
        let begin = Instant::now();
        self.publish(SIZES[0].1);
        let outcome = dialler.daemon.fetches(&missed, peer_of(&self.address), true).map(|()| begin.elapsed());
        (outcome, Some(dialler))
    }

    /// The dialler gets a block while it is not connected with the listener, which then requests it.
    fn dialler_is_requested(&mut self, dialler: Dialler) -> Outcome {
        self.end(dialler);
        let mut alone = self.place.daemon("dialler", &[]);
        let publisher = Publisher::connect(&self.place.chain, alone.address(Transport::Tcp));
        let missed = self.blocks.make(REQUESTED_BYTES);
        publisher.publish(VERSION, missed.message.clone());
        self.blocks.take(&missed);
        alone
            .events
            .wait_for(DEADLINE, |event| missed.is(event))
            .ok_or("it did not accept a block while it was not connected")?;
        drop(publisher);
        alone.events.stop(DEADLINE);
        thread::sleep(IHAVE_WINDOW);
        let dialler = self.connect()?;
        let begin = Instant::now();
        let next = self.blocks.make(SIZES[0].1);
        dialler.publisher.publish(VERSION, next.message.clone());
        self.blocks.take(&next);
        let asks = known::limit(self.transport, Who::Petrel, Direction::IsDialled, Check::PetrelRequests).is_none();
        self.listener.fetches(&missed, dialler.daemon.peer(), asks).map(|()| begin.elapsed())
    }

    /// Publishes a block to the listener only.
    fn publish(&mut self, bytes: usize) -> Made {
        let made = self.blocks.make(bytes);
        self.publisher.publish(VERSION, made.message.clone());
        self.blocks.take(&made);
        made
    }

    fn end(&mut self, mut dialler: Dialler) {
        drop(dialler.publisher);
        dialler.daemon.events.stop(DEADLINE);
        let peer = dialler.daemon.peer().to_owned();
        let gone = |event: &serde_json::Value| event["event"] == "disconnected" && event["peer"] == peer.as_str();
        self.listener.events.wait_for(DEADLINE, gone);
    }
}
