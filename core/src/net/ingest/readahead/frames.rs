//! Finds the RPCs on a gossip stream and holds back the end of those that are read ahead.

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
                offload::{JobEnd, Offload},
                pool::{CompleteRpc, PartialRpc},
            },
        },
        metering::{
            by_protocol::{NegotiationReader, is_gossip},
            wrapper::{ObservedMuxer, StreamObserver},
        },
        params::MAX_TRANSMIT,
    },
};

/// Observes one stream. gossipsub writes each RPC with its length before it (unsigned LEB128).
pub(in crate::net::ingest) struct FrameReader {
    readahead: ReadAhead,
    offload: Offload,
    peer: PeerId,
    position: Position,
    /// The batch that is being read, and the end of its job.
    running: Option<(u64, JobEnd)>,
    /// The batch that was read last and is not released yet.
    last: Option<u64>,
    /// Whether the stream has ended.
    ended: Arc<AtomicBool>,
}

/// The position in the stream.
enum Position {
    /// The protocol is not negotiated yet.
    Negotiating(NegotiationReader),
    /// The stream is not parsed (any more): it is not gossip, or it has an RPC that gossipsub will refuse.
    Unparsed,
    /// In the length of an RPC: digits received, and the value so far.
    Length(u32, usize),
    /// In an RPC that is not read ahead: bytes left.
    Skipping(usize),
    /// In an RPC that is collected: bytes left, and the bytes so far.
    Collecting(usize, PartialRpc),
}

impl ReadAhead {
    /// Wraps `transport`: what peers gossip over it is read ahead.
    pub(in crate::net) fn wrap_transport(
        &self,
        transport: Boxed<(PeerId, StreamMuxerBox)>,
        offload: Offload,
    ) -> Boxed<(PeerId, StreamMuxerBox)> {
        let readahead = self.clone();
        let wrapped = transport.map(move |(peer, muxer), _| {
            let make_observer = move |opened| FrameReader::new(readahead.clone(), offload.clone(), peer, opened);
            (peer, StreamMuxerBox::new(ObservedMuxer::new(muxer, make_observer)))
        });
        wrapped.boxed()
    }
}

impl FrameReader {
    /// An RPC shorter than this many bytes cannot need [`ReadAhead::MIN_RPC_WORK`]: snappy decompresses three bytes to
    /// at most 64.
    const MIN_COLLECTED: usize = ReadAhead::MIN_RPC_WORK / 22;

    pub(in crate::net::ingest) fn new(readahead: ReadAhead, offload: Offload, peer: PeerId, opened: Direction) -> Self {
        // A peer gossips on the streams that it opens.
        let position = match opened {
            Direction::Inbound => Position::Negotiating(NegotiationReader::default()),
            Direction::Outbound => Position::Unparsed,
        };
        Self { readahead, offload, peer, position, running: None, last: None, ended: Arc::default() }
    }

    /// An RPC of this length begins.
    fn begin(&self, length: usize) -> Position {
        match length {
            0 => Position::Length(0, 0),
            // gossipsub ends the stream.
            _ if length > MAX_TRANSMIT => Position::Unparsed,
            _ if length < Self::MIN_COLLECTED => Position::Skipping(length),
            _ => Position::Collecting(length, self.readahead.pool.begin()),
        }
    }

    /// All bytes of an RPC are received.
    fn end(&mut self, partial: PartialRpc) {
        // A stream runs one job at a time: the second RPC of one read is not read ahead.
        let complete = partial.complete().filter(|_| self.running.is_none());
        let Some(CompleteRpc { rpc, reserved }) = complete else { return };
        let is_eligible = |messages: &Vec<_>| self.readahead.is_eligible(&self.peer, messages);
        let Some(messages) = published(&rpc).filter(is_eligible) else { return };
        let (readahead, ended) = (self.readahead.clone(), self.ended.clone());
        let number = readahead.ready().next_number();
        let job = Box::new(move || {
            readahead.read(number, messages, &ended);
            drop(reserved);
        });
        self.running = Some((number, (self.offload)(job)));
    }

    /// Parses the beginning of `bytes`; returns the rest.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (position, rest) = match core::mem::replace(&mut self.position, Position::Unparsed) {
            Position::Length(digits, value) => {
                let Some((byte, rest)) = bytes.split_first() else { return bytes };
                let value = value | usize::from(byte & 0x7f) << (7 * digits);
                let position = match (byte & 0x80 == 0, digits) {
                    (true, _) => self.begin(value),
                    // Longer than any length that is allowed.
                    (false, 3..) => Position::Unparsed,
                    (false, _) => Position::Length(digits + 1, value),
                };
                (position, rest)
            }
            Position::Skipping(left) => {
                let (_, rest) = bytes.split_at(left.min(bytes.len()));
                let left = left.saturating_sub(bytes.len());
                (if left == 0 { Position::Length(0, 0) } else { Position::Skipping(left) }, rest)
            }
            Position::Collecting(left, partial) => {
                let (collected, rest) = bytes.split_at(left.min(bytes.len()));
                partial.extend(collected);
                let left = left - collected.len();
                if left > 0 {
                    (Position::Collecting(left, partial), rest)
                } else {
                    self.end(partial);
                    (Position::Length(0, 0), rest)
                }
            }
            position @ (Position::Negotiating(_) | Position::Unparsed) => (position, Default::default()),
        };
        self.position = position;
        rest
    }
}

impl StreamObserver for FrameReader {
    fn on_read(&mut self, mut bytes: &[u8]) {
        if let Some(last) = self.last.take_if(|_| !bytes.is_empty()) {
            self.readahead.release(last);
        }
        while !bytes.is_empty() {
            bytes = self.step(bytes);
        }
    }

    fn poll_release(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some((number, job)) = &mut self.running else { return Poll::Ready(()) };
        ready!(job.as_mut().poll(context));
        self.last = Some(*number);
        self.running = None;
        Poll::Ready(())
    }

    /// The response of this node names the protocol.
    fn on_write(&mut self, bytes: &[u8], polled: &Poll<io::Result<usize>>) {
        let (Position::Negotiating(reader), Poll::Ready(Ok(length))) = (&mut self.position, polled) else { return };
        let negotiated = bytes.iter().take(*length).find_map(|byte| reader.push(*byte));
        if let Some(protocol) = negotiated {
            self.position = if is_gossip(protocol) { Position::Length(0, 0) } else { Position::Unparsed };
        }
    }
}

impl Drop for FrameReader {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let running = self.running.take().map(|(number, _)| number);
        running.into_iter().chain(self.last).for_each(|number| self.readahead.release(number));
    }
}
