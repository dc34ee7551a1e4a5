//! Bytes by protocol: of each stream of a connection, what was spoken on it.
//!
//! A muxer around the transport's sees all streams of both bodies, but not their protocols: those are negotiated on the stream
//! itself (multistream-select 1.0). So the beginning of what the listening side says is read along: after its header it
//! says `na` to what it does not speak and repeats the name of what it does, and that is the protocol. From then on a read
//! or a write costs one atomic addition. What came before is counted with it; a stream that ends before is `other`, as is
//! every name that we do not speak, so that a peer's words never become a label.
//!
//! Counted is all that a stream carries, its negotiation included; the muxer's frames, encryption, and what yamux says for
//! itself are not. Bound: [`LINE`] bytes a stream, until its protocol is known.

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
        metering::wrapper::{Tap, TappedMuxer},
    },
    node::ByteCount,
};

/// How the names begin of what is counted together; and what is none of them.
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
/// Bytes of a line that are looked at.
const LINE: usize = 40;
const HEADER: &[u8] = b"/multistream/1.0.0\n";
const NOT_AVAILABLE: &[u8] = b"na\n";

/// See the module. Clones count the same.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct ProtocolBytes(Arc<[Bandwidth; NAMES.len()]>);

impl ProtocolBytes {
    /// The same transport, with its streams counted here.
    pub(in crate::net) fn count(&self, transport: Boxed<(PeerId, StreamMuxerBox)>) -> Boxed<(PeerId, StreamMuxerBox)> {
        let all = self.clone();
        let counted = transport.map(move |(peer, muxer), _| {
            let taps = move |opened| NamedStream::new(all.clone(), opened);
            (peer, StreamMuxerBox::new(TappedMuxer::new(muxer, taps)))
        });
        counted.boxed()
    }

    /// What each protocol has carried.
    pub(in crate::net) fn carried(&self) -> BTreeMap<&'static str, ByteCount> {
        NAMES.iter().zip(&*self.0).map(|((name, _), flow)| (*name, flow.carried())).collect()
    }

    fn add(&self, protocol: usize, more: ByteCount) {
        if let Some(flow) = self.0.get(protocol) {
            flow.add(more);
        }
    }
}

/// Of one stream.
struct NamedStream {
    all: ProtocolBytes,
    /// Whether the peer opened it: then it is we who say what is spoken.
    listens: bool,
    naming: Negotiation,
}

enum Negotiation {
    /// The protocol is not known yet; what was carried meanwhile.
    Begins { reader: NegotiationReader, before: ByteCount },
    /// An entry of [`NAMES`].
    Is(usize),
}

impl NamedStream {
    fn new(all: ProtocolBytes, opened: Direction) -> Self {
        let naming = Negotiation::Begins { reader: NegotiationReader::default(), before: ByteCount::default() };
        Self { all, listens: opened == Direction::Inbound, naming }
    }

    /// These bytes came in (`read`) or went out.
    fn carried(&mut self, read: bool, bytes: &[u8]) {
        let length = bytes.len() as u64;
        let more = if read { ByteCount { read: length, written: 0 } } else { ByteCount { read: 0, written: length } };
        let (reader, before) = match &mut self.naming {
            Negotiation::Is(protocol) => return self.all.add(*protocol, more),
            Negotiation::Begins { reader, before } => (reader, before),
        };
        before.read = before.read.saturating_add(more.read);
        before.written = before.written.saturating_add(more.written);
        if read == self.listens {
            return;
        }
        if let Some(protocol) = bytes.iter().find_map(|byte| reader.take(*byte)) {
            self.all.add(protocol, *before);
            self.naming = Negotiation::Is(protocol);
        }
    }
}

impl Drop for NamedStream {
    fn drop(&mut self) {
        if let Negotiation::Begins { before, .. } = &self.naming {
            self.all.add(OTHER, *before);
        }
    }
}

/// What the listening side says, byte by byte: lines with their length before them, as unsigned LEB128 of two bytes at most.
#[derive(Default)]
pub(in crate::net) struct NegotiationReader {
    /// Bytes of the length that came, and its value so far.
    length: (u8, usize),
    /// Bytes of the line that came, of which the first are kept.
    taken: usize,
    line: ArrayVec<u8, LINE>,
}

impl NegotiationReader {
    /// The protocol (see [`is_gossip`]), with the byte that ends its name, or with the one that makes no sense.
    pub(in crate::net) fn take(&mut self, byte: u8) -> Option<usize> {
        let (digits, value) = &mut self.length;
        if *digits < Self::WHOLE {
            *value |= usize::from(byte & 0x7f) << (7 * *digits);
            *digits += 1;
            let is_more = byte & 0x80 != 0;
            if !is_more {
                *digits = Self::WHOLE;
            }
            let is_wrong = is_more && *digits == Self::WHOLE || !is_more && *value == 0;
            return is_wrong.then_some(OTHER);
        }
        // What does not fit is not looked at.
        let _full = self.line.try_push(byte);
        self.taken += 1;
        if self.taken < *value {
            return None;
        }
        let ended = core::mem::take(self);
        match ended.line.as_slice() {
            HEADER | NOT_AVAILABLE => None,
            // A peer may ask for a list first.
            line if line.first() != Some(&b'/') => None,
            name => Some(named(name)),
        }
    }

    /// Digits of a length that is whole.
    const WHOLE: u8 = 2;
}

/// Whether this protocol is gossip.
pub(in crate::net) const fn is_gossip(protocol: usize) -> bool {
    protocol == GOSSIP
}

fn named(line: &[u8]) -> usize {
    NAMES.iter().position(|(_, begins)| begins.iter().any(|begin| line.starts_with(begin))).unwrap_or(OTHER)
}

impl Tap for NamedStream {
    fn came(&mut self, bytes: &[u8]) {
        self.carried(true, bytes);
    }

    fn tried(&mut self, bytes: &[u8], polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(length)) = polled {
            self.carried(false, bytes.get(..*length).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{AsyncReadExt, AsyncWriteExt, executor::block_on, io::Cursor};

    use super::{ByteCount, Direction, LINE, NamedStream, ProtocolBytes};
    use crate::net::metering::wrapper::Tapped;

    fn line(text: &str) -> Vec<u8> {
        let length = text.len() + 1;
        let length =
            if length < 128 { vec![length as u8] } else { vec![length as u8 & 0x7f | 0x80, (length >> 7) as u8] };
        [length, text.as_bytes().to_vec(), b"\n".to_vec()].concat()
    }

    fn says(lines: &[&str]) -> Vec<u8> {
        lines.iter().flat_map(|text| line(text)).collect()
    }

    fn stream(opened: Direction, content: Vec<u8>) -> (Tapped<Cursor<Vec<u8>>, NamedStream>, ProtocolBytes) {
        let all = ProtocolBytes::default();
        (Tapped::new(Cursor::new(content), NamedStream::new(all.clone(), opened)), all)
    }

    /// What an opener's stream is named for these bytes of the listener's, read in pieces, and how many are counted there.
    fn read(said: Vec<u8>, piece: usize) -> (&'static str, u64) {
        let (mut stream, all) = stream(Direction::Outbound, said);
        let mut buf = vec![0; piece];
        while block_on(stream.read(&mut buf)).unwrap() > 0 {}
        drop(stream);
        let counted: Vec<_> = all.carried().into_iter().filter(|(_, carried)| carried.read > 0).collect();
        assert_eq!(counted.len(), 1, "{counted:?}");
        (counted[0].0, counted[0].1.read)
    }

    #[test]
    fn a_stream_is_named_by_what_the_listener_agrees_to_however_it_is_cut() {
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
            let said = [says(&["/multistream/1.0.0", "na", "na", name]), vec![7; 1000]].concat();
            for piece in [1, 2, 3, 17, 5000] {
                assert_eq!(read(said.clone(), piece), (label, said.len() as u64), "{name} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_other_and_ends_nothing() {
        for said in [
            vec![0],
            vec![0xff, 0xff, 0xff],
            says(&["/multistream/1.0.0"]),
            says(&["/multistream/1.0.0", "na"]),
            [vec![0xff, 0x7f], vec![b'/'; 40_000]].concat(),
            says(&["/multistream/1.0.0", &"x".repeat(LINE)]),
            vec![b'G'; 300],
        ] {
            assert_eq!(read(said.clone(), 64), ("other", said.len() as u64));
        }
    }

    #[test]
    fn the_listeners_own_words_name_a_stream_that_a_peer_opened() {
        // What the peer asks for first is not what it gets.
        let (mut stream, all) =
            stream(Direction::Inbound, says(&["/multistream/1.0.0", "/ipfs/bitswap/1.2.0", "/ipfs/ping/1.0.0"]));
        let mut asked = Vec::new();
        block_on(stream.read_to_end(&mut asked)).unwrap();
        assert!(all.carried().values().all(|carried| *carried == ByteCount::default()), "not known yet");
        let said = says(&["/multistream/1.0.0", "na", "/ipfs/ping/1.0.0"]);
        block_on(stream.write_all(&said)).unwrap();
        let expected = ByteCount { read: asked.len() as u64, written: said.len() as u64 };
        assert_eq!(all.carried()["ping"], expected);
        drop(stream);
        assert_eq!(all.carried()["other"], ByteCount::default());
    }
}
