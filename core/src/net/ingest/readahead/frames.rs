//! The RPCs on one stream, found where they begin and end.

use core::task::{Context, Poll, ready};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use libp2p::{
    PeerId, Transport as _,
    core::{muxing::StreamMuxerBox, transport::Boxed},
};

use crate::{
    event::Direction,
    net::{
        ingest::{
            published::published,
            readahead::{
                ReadAhead,
                aside::{Aside, Ending},
                pool::{Partial, Whole},
            },
        },
        metering::{
            by_protocol::{NegotiationReader, is_gossip},
            wrapper::{Tap, TappedMuxer},
        },
        params::MAX_TRANSMIT,
    },
};

/// Of one stream: where in which RPC it is.
pub(in crate::net::ingest) struct Frames {
    ahead: ReadAhead,
    aside: Aside,
    peer: PeerId,
    at: At,
    /// What is being read, and its number.
    reading: Option<(u64, Ending)>,
    /// What was read last.
    last: Option<u64>,
    /// Whether it has ended.
    ended: Arc<AtomicBool>,
}

enum At {
    /// It is not known yet what is spoken.
    Begins(NegotiationReader),
    /// No gossip, or an RPC that gossipsub will refuse.
    Passed,
    /// In the length of an RPC: digits that came, and the value so far.
    Length(u32, usize),
    /// So many bytes before the end of one that is not read.
    Skips(usize),
    /// So many bytes before the end of one that is.
    Takes(usize, Partial),
}

impl ReadAhead {
    /// The same transport; what peers gossip over it is read ahead.
    pub(in crate::net) fn over(
        &self,
        transport: Boxed<(PeerId, StreamMuxerBox)>,
        aside: Aside,
    ) -> Boxed<(PeerId, StreamMuxerBox)> {
        let ahead = self.clone();
        let read = transport.map(move |(peer, muxer), _| {
            let taps = move |opened| Frames::new(ahead.clone(), aside.clone(), peer, opened);
            (peer, StreamMuxerBox::new(TappedMuxer::new(muxer, taps)))
        });
        read.boxed()
    }
}

impl Frames {
    /// Bytes of an RPC that may be worth it: snappy's copy of 64 bytes has three.
    const BIG: usize = ReadAhead::WORTH / 22;

    pub(in crate::net::ingest) fn new(ahead: ReadAhead, aside: Aside, peer: PeerId, opened: Direction) -> Self {
        // Peers gossip on the streams that they open.
        let at = if opened == Direction::Inbound { At::Begins(NegotiationReader::default()) } else { At::Passed };
        Self { ahead, aside, peer, at, reading: None, last: None, ended: Arc::default() }
    }

    /// An RPC of this length begins.
    fn begin(&self, length: usize) -> At {
        match length {
            0 => At::Length(0, 0),
            // gossipsub ends the stream.
            _ if length > MAX_TRANSMIT => At::Passed,
            _ if length < Self::BIG => At::Skips(length),
            _ => At::Takes(length, self.ahead.pool.begin()),
        }
    }

    /// An RPC is whole.
    fn end(&mut self, partial: Partial) {
        // The second one of a single read is not held back by itself.
        let whole = partial.whole().filter(|_| self.reading.is_none());
        let Some(Whole { rpc, held }) = whole else { return };
        let worth = |messages: &Vec<_>| self.ahead.is_worth_it(&self.peer, messages);
        let Some(messages) = published(&rpc).filter(worth) else { return };
        let (ahead, number, ended) = (self.ahead.clone(), self.ahead.ready().number(), self.ended.clone());
        let job = Box::new(move || {
            ahead.read(number, messages, &ended);
            drop(held);
        });
        self.reading = Some((number, (self.aside)(job)));
    }

    /// Takes some of what came; what is left of it.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (at, rest) = match core::mem::replace(&mut self.at, At::Passed) {
            At::Length(digits, value) => {
                let Some((byte, rest)) = bytes.split_first() else { return bytes };
                let value = value | usize::from(byte & 0x7f) << (7 * digits);
                let at = match (byte & 0x80 == 0, digits) {
                    (true, _) => self.begin(value),
                    // Longer than any length that is allowed.
                    (false, 3..) => At::Passed,
                    (false, _) => At::Length(digits + 1, value),
                };
                (at, rest)
            }
            At::Skips(left) => {
                let (_, rest) = bytes.split_at(left.min(bytes.len()));
                let left = left.saturating_sub(bytes.len());
                (if left == 0 { At::Length(0, 0) } else { At::Skips(left) }, rest)
            }
            At::Takes(left, partial) => {
                let (taken, rest) = bytes.split_at(left.min(bytes.len()));
                partial.extend(taken);
                let left = left - taken.len();
                if left > 0 {
                    (At::Takes(left, partial), rest)
                } else {
                    self.end(partial);
                    (At::Length(0, 0), rest)
                }
            }
            at @ (At::Begins(_) | At::Passed) => (at, Default::default()),
        };
        self.at = at;
        rest
    }
}

impl Tap for Frames {
    fn came(&mut self, mut bytes: &[u8]) {
        if let Some(last) = self.last.take_if(|_| !bytes.is_empty()) {
            self.ahead.leave(last);
        }
        while !bytes.is_empty() {
            bytes = self.step(bytes);
        }
    }

    fn poll_passed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some((number, reading)) = &mut self.reading else { return Poll::Ready(()) };
        ready!(reading.as_mut().poll(context));
        self.last = Some(*number);
        self.reading = None;
        Poll::Ready(())
    }

    /// What we say names the protocol.
    fn tried(&mut self, bytes: &[u8], polled: &Poll<io::Result<usize>>) {
        let (At::Begins(reader), Poll::Ready(Ok(length))) = (&mut self.at, polled) else { return };
        let named = bytes.iter().take(*length).find_map(|byte| reader.take(*byte));
        if let Some(protocol) = named {
            self.at = if is_gossip(protocol) { At::Length(0, 0) } else { At::Passed };
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let reading = self.reading.take().map(|(number, _)| number);
        reading.into_iter().chain(self.last).for_each(|number| self.ahead.leave(number));
    }
}
