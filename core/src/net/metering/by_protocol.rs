//! Byte counters by protocol.
//!
//! A wrapper around the muxer sees every stream, but not its protocol: the protocol is negotiated on the stream itself
//! (multistream-select 1.0). So the first bytes of the listening side are parsed: after its header it answers `na` to
//! each protocol that it does not support, and repeats the name of the one that it accepts. After that a read or a
//! write costs one atomic addition. Bytes before it are added to the same protocol. A stream that ends earlier counts
//! as `other`. So does a protocol that this node does not support, so a peer cannot create labels.
//!
//! All bytes of a stream are counted, negotiation included. Muxer frames, encryption and yamux control frames are not
//! counted. Bound: [`LINE`] bytes per stream, until its protocol is known.

use std::{collections::BTreeMap, io, sync::Arc, task::Poll};

use arrayvec::ArrayVec;
use libp2p::{
    PeerId, Transport as _,
    core::{muxing::StreamMuxerBox, transport::Boxed},
};

use crate::{
    event::Direction,
    net::{
        Bandwidth,
        metering::wrapper::{ObservedMuxer, StreamObserver},
    },
    node::ByteCount,
};

/// A label, and the prefixes of the protocol names that are counted under it. The last label is for all other names.
const NAMES: [(&str, &[&[u8]]); 6] = [
    ("meshsub", &[b"/meshsub/", b"/floodsub/"]),
    ("payload_by_number", &[b"/opstack/req/payload_by_number/"]),
    ("identify", &[b"/ipfs/id/"]),
    ("ping", &[b"/ipfs/ping/"]),
    ("autonat", &[b"/libp2p/autonat/"]),
    ("other", &[]),
];
const GOSSIP: usize = 0;
const OTHER: usize = NAMES.len() - 1;
/// Bytes of a line that are kept and compared.
const LINE: usize = 40;
const HEADER: &[u8] = b"/multistream/1.0.0\n";
const NOT_AVAILABLE: &[u8] = b"na\n";

/// The counters of all protocols. Clones share them.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct ProtocolBytes(Arc<[Bandwidth; NAMES.len()]>);

impl ProtocolBytes {
    /// Wraps `transport`: the bytes of its streams are counted here.
    pub(in crate::net) fn wrap_transport(
        &self,
        transport: Boxed<(PeerId, StreamMuxerBox)>,
    ) -> Boxed<(PeerId, StreamMuxerBox)> {
        let all = self.clone();
        let counted = transport.map(move |(peer, muxer), _| {
            let make_observer = move |opened| ProtocolObserver::new(all.clone(), opened);
            (peer, StreamMuxerBox::new(ObservedMuxer::new(muxer, make_observer)))
        });
        counted.boxed()
    }

    /// Bytes of each protocol, by label.
    pub(in crate::net) fn totals(&self) -> BTreeMap<&'static str, ByteCount> {
        NAMES.iter().zip(&*self.0).map(|((name, _), bandwidth)| (*name, bandwidth.totals())).collect()
    }

    fn add(&self, protocol: usize, more: ByteCount) {
        if let Some(bandwidth) = self.0.get(protocol) {
            bandwidth.add(more);
        }
    }
}

/// Counts the bytes of one stream.
struct ProtocolObserver {
    all: ProtocolBytes,
    /// Whether the peer opened the stream: then this node is the listening side, and its written bytes name the
    /// protocol.
    is_listener: bool,
    negotiation: Negotiation,
}

enum Negotiation {
    /// The protocol is not known yet; `before` are the bytes so far.
    Pending { reader: NegotiationReader, before: ByteCount },
    /// An entry of [`NAMES`].
    Done(usize),
}

impl ProtocolObserver {
    fn new(all: ProtocolBytes, opened: Direction) -> Self {
        let negotiation = Negotiation::Pending { reader: NegotiationReader::default(), before: ByteCount::default() };
        Self { all, is_listener: opened == Direction::Inbound, negotiation }
    }

    /// Counts bytes that were received (`read`) or sent.
    fn count(&mut self, read: bool, bytes: &[u8]) {
        let length = bytes.len() as u64;
        let more = if read { ByteCount { read: length, written: 0 } } else { ByteCount { read: 0, written: length } };
        let (reader, before) = match &mut self.negotiation {
            Negotiation::Done(protocol) => return self.all.add(*protocol, more),
            Negotiation::Pending { reader, before } => (reader, before),
        };
        before.read = before.read.saturating_add(more.read);
        before.written = before.written.saturating_add(more.written);
        if read == self.is_listener {
            return;
        }
        if let Some(protocol) = bytes.iter().find_map(|byte| reader.push(*byte)) {
            self.all.add(protocol, *before);
            self.negotiation = Negotiation::Done(protocol);
        }
    }
}

impl Drop for ProtocolObserver {
    fn drop(&mut self) {
        if let Negotiation::Pending { before, .. } = &self.negotiation {
            self.all.add(OTHER, *before);
        }
    }
}

/// Parses the listening side of a negotiation byte by byte: lines, each with its length before it (unsigned LEB128, at
/// most two bytes).
#[derive(Default)]
pub(in crate::net) struct NegotiationReader {
    /// Length bytes received, and the value so far.
    length: (u8, usize),
    /// Bytes of the line received.
    received: usize,
    /// The first of them.
    line: ArrayVec<u8, LINE>,
}

impl NegotiationReader {
    /// Takes the next byte. Returns the protocol (see [`is_gossip`]) at the last byte of its name; [`OTHER`] at the
    /// first byte that breaks the format.
    pub(in crate::net) fn push(&mut self, byte: u8) -> Option<usize> {
        let (digits, value) = &mut self.length;
        if *digits < Self::COMPLETE {
            *value |= usize::from(byte & 0x7f) << (7 * *digits);
            *digits += 1;
            let is_more = byte & 0x80 != 0;
            if !is_more {
                *digits = Self::COMPLETE;
            }
            let is_wrong = is_more && *digits == Self::COMPLETE || !is_more && *value == 0;
            return is_wrong.then_some(OTHER);
        }
        // Bytes that do not fit are not compared.
        let _full = self.line.try_push(byte);
        self.received += 1;
        if self.received < *value {
            return None;
        }
        let ended = core::mem::take(self);
        match ended.line.as_slice() {
            HEADER | NOT_AVAILABLE => None,
            // The peer may request a list of protocols (`ls`) first.
            line if line.first() != Some(&b'/') => None,
            name => Some(protocol_of(name)),
        }
    }

    /// Value of `length.0` when the length is complete.
    const COMPLETE: u8 = 2;
}

/// Whether `protocol` is gossipsub (or floodsub).
pub(in crate::net) const fn is_gossip(protocol: usize) -> bool {
    protocol == GOSSIP
}

fn protocol_of(line: &[u8]) -> usize {
    NAMES.iter().position(|(_, prefixes)| prefixes.iter().any(|prefix| line.starts_with(prefix))).unwrap_or(OTHER)
}

impl StreamObserver for ProtocolObserver {
    fn on_read(&mut self, bytes: &[u8]) {
        self.count(true, bytes);
    }

    fn on_write(&mut self, bytes: &[u8], polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(length)) = polled {
            self.count(false, bytes.get(..*length).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{AsyncReadExt, AsyncWriteExt, executor::block_on, io::Cursor};

    use super::{ByteCount, Direction, LINE, ProtocolBytes, ProtocolObserver};
    use crate::net::metering::wrapper::ObservedStream;

    fn line(text: &str) -> Vec<u8> {
        let length = text.len() + 1;
        let length =
            if length < 128 { vec![length as u8] } else { vec![length as u8 & 0x7f | 0x80, (length >> 7) as u8] };
        [length, text.as_bytes().to_vec(), b"\n".to_vec()].concat()
    }

    fn lines(lines: &[&str]) -> Vec<u8> {
        lines.iter().flat_map(|text| line(text)).collect()
    }

    fn stream(
        opened: Direction,
        content: Vec<u8>,
    ) -> (ObservedStream<Cursor<Vec<u8>>, ProtocolObserver>, ProtocolBytes) {
        let all = ProtocolBytes::default();
        (ObservedStream::new(Cursor::new(content), ProtocolObserver::new(all.clone(), opened)), all)
    }

    /// Reads `received` from the listening side in pieces; returns the label that counts the bytes, and their number.
    fn count_received(received: Vec<u8>, piece: usize) -> (&'static str, u64) {
        let (mut stream, all) = stream(Direction::Outbound, received);
        let mut buf = vec![0; piece];
        while block_on(stream.read(&mut buf)).unwrap() > 0 {}
        drop(stream);
        let counted: Vec<_> = all.totals().into_iter().filter(|(_, total)| total.read > 0).collect();
        assert_eq!(counted.len(), 1, "{counted:?}");
        (counted[0].0, counted[0].1.read)
    }

    #[test]
    fn the_protocol_is_the_one_that_the_listener_accepts_for_any_piece_size() {
        let long = format!("/opstack/req/payload_by_number/{}/0/", "9".repeat(120));
        for (name, label) in [
            ("/meshsub/1.2.0", "meshsub"),
            ("/floodsub/1.0.0", "meshsub"),
            ("/opstack/req/payload_by_number/10/0", "payload_by_number"),
            (&long, "payload_by_number"),
            ("/ipfs/id/1.0.0", "identify"),
            ("/ipfs/id/push/1.0.0", "identify"),
            ("/ipfs/ping/1.0.0", "ping"),
            ("/libp2p/autonat/1.0.0", "autonat"),
            ("/ipfs/bitswap/1.2.0", "other"),
        ] {
            let received = [lines(&["/multistream/1.0.0", "na", "na", name]), vec![7; 1000]].concat();
            for piece in [1, 2, 3, 17, 5000] {
                assert_eq!(
                    count_received(received.clone(), piece),
                    (label, received.len() as u64),
                    "{name} in pieces of {piece}"
                );
            }
        }
    }

    #[test]
    fn a_malformed_negotiation_counts_as_other_and_does_not_end_the_stream() {
        for received in [
            vec![0],
            vec![0xff, 0xff, 0xff],
            lines(&["/multistream/1.0.0"]),
            lines(&["/multistream/1.0.0", "na"]),
            [vec![0xff, 0x7f], vec![b'/'; 40_000]].concat(),
            lines(&["/multistream/1.0.0", &"x".repeat(LINE)]),
            vec![b'G'; 300],
        ] {
            assert_eq!(count_received(received.clone(), 64), ("other", received.len() as u64));
        }
    }

    #[test]
    fn the_response_of_this_node_names_the_protocol_of_an_inbound_stream() {
        // The first protocol that the peer requests is refused.
        let (mut stream, all) =
            stream(Direction::Inbound, lines(&["/multistream/1.0.0", "/ipfs/bitswap/1.2.0", "/ipfs/ping/1.0.0"]));
        let mut read = Vec::new();
        block_on(stream.read_to_end(&mut read)).unwrap();
        assert!(all.totals().values().all(|total| *total == ByteCount::default()), "the protocol is not known yet");
        let written = lines(&["/multistream/1.0.0", "na", "/ipfs/ping/1.0.0"]);
        block_on(stream.write_all(&written)).unwrap();
        let expected = ByteCount { read: read.len() as u64, written: written.len() as u64 };
        assert_eq!(all.totals()["ping"], expected);
        drop(stream);
        assert_eq!(all.totals()["other"], ByteCount::default());
    }
}
