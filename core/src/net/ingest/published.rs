//! The messages of a gossip RPC, found in its bytes before gossipsub takes it, by the same decoder.
//!
//! `RPC { subscriptions = 1, publish = 2, control = 3 }`, `Message { from = 1, data = 2, seqno = 3, topic = 4, signature = 5, key = 6 }`
//! (libp2p's `rpc.proto`), `partial = 10`. What gossipsub refuses whole has no messages here, but for faults within the fields
//! that are no messages, which are not looked into: who has those pays with its stream, after its messages were read.

use bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Messages of an RPC at most (libp2p-gossipsub `max_publish_messages`).
const MESSAGES: usize = 500;
/// Bytes of subscriptions and control at most (libp2p-gossipsub `max_control_message_size`).
const CONTROL: usize = 16 << 10;

/// One message; its bytes are the RPC's.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::net) struct Published {
    pub(in crate::net) topic: Bytes,
    /// As on the wire.
    pub(in crate::net) data: Bytes,
    /// Whether it has a signature or a key; an empty one is one. Author and sequence number are dropped by gossipsub.
    pub(in crate::net) authored: bool,
}

/// All of them, in their order; `None` if gossipsub refuses the RPC.
pub(in crate::net) fn published(rpc: &Bytes) -> Option<Vec<Published>> {
    let (mut rest, mut messages, mut control) = (rpc.clone(), Vec::new(), 0);
    while rest.has_remaining() {
        let before = rest.len();
        match key(&mut rest)? {
            (2, WireType::LengthDelimited) if messages.len() < MESSAGES => {
                messages.push(message(delimited(&mut rest)?)?)
            }
            (1 | 2 | 3 | 10, wire_type) if wire_type != WireType::LengthDelimited => return None,
            (2, _) => return None,
            (number, wire_type) => {
                skip(number, wire_type, &mut rest)?;
                control += if matches!(number, 1 | 3) { before - rest.len() } else { 0 };
            }
        }
        if control > CONTROL {
            return None;
        }
    }
    Some(messages)
}

fn message(mut rest: Bytes) -> Option<Published> {
    let mut found = Published::default();
    while rest.has_remaining() {
        // Of a field that comes twice the last counts.
        match key(&mut rest)? {
            (2, WireType::LengthDelimited) => found.data = delimited(&mut rest)?,
            (4, WireType::LengthDelimited) => found.topic = delimited(&mut rest)?,
            (number @ (1 | 3 | 5 | 6), WireType::LengthDelimited) => {
                delimited(&mut rest)?;
                found.authored |= matches!(number, 5 | 6);
            }
            (1..=6, _) => return None,
            (number, wire_type) => skip(number, wire_type, &mut rest)?,
        }
    }
    core::str::from_utf8(&found.topic).ok()?;
    Some(found)
}

fn key(rest: &mut Bytes) -> Option<(u32, WireType)> {
    decode_key(rest).ok()
}

fn delimited(rest: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(decode_varint(rest).ok()?).ok()?;
    (length <= rest.len()).then(|| rest.split_to(length))
}

fn skip(number: u32, wire_type: WireType, rest: &mut Bytes) -> Option<()> {
    skip_field(wire_type, number, rest, DecodeContext::default()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with its length; both of one byte.
    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, value.len() as u8], value].concat()
    }

    fn of(parts: &[Vec<u8>]) -> Option<Vec<Published>> {
        published(&parts.concat().into())
    }

    fn expected(topic: &'static [u8], data: &'static [u8], authored: bool) -> Published {
        Published { topic: Bytes::from_static(topic), data: Bytes::from_static(data), authored }
    }

    #[test]
    fn messages_are_found_among_everything_else() {
        let first = [field(2, b"data"), field(4, b"topic")].concat();
        let second = [field(4, b"other"), vec![9 << 3, 0x80, 1], field(6, b""), field(2, b"x")].concat();
        let others = [vec![9 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8], field(3, b"control"), vec![7 << 3 | 5, 1, 2, 3, 4]];
        let found = of(&[field(1, b"topics"), field(2, &first), others.concat(), field(2, &second)]);
        assert_eq!(found, Some(vec![expected(b"topic", b"data", false), expected(b"other", b"x", true)]));
    }

    #[test]
    fn what_a_decoder_takes_is_taken() {
        // A group that nobody knows, and a length with a digit too many.
        let group = vec![9 << 3 | 3, 7 << 3, 1, 9 << 3 | 4];
        let long = vec![2 << 3 | 2, 0x83, 0, 2 << 3 | 2, 1, b'x'];
        assert_eq!(of(&[group, long]), Some(vec![expected(b"", b"x", false)]));
    }

    #[test]
    fn a_signature_or_a_key_makes_a_message_authored() {
        let authored = |fields: &[Vec<u8>]| of(&[field(2, &fields.concat())]).map(|found| found[0].authored);
        assert_eq!(authored(&[field(1, b"x"), field(3, b"x")]), Some(false));
        for number in [5, 6] {
            assert_eq!(authored(&[field(number, b"")]), Some(true));
        }
    }

    #[test]
    fn what_gossipsub_refuses_has_no_messages() {
        let good = field(2, &field(2, b"data"));
        for nonsense in [
            vec![0xff; 11],
            vec![2 << 3 | 2, 100, 1],
            vec![2 << 3 | 2],
            vec![2 << 3 | 3],
            vec![2 << 3, 1],
            vec![9 << 3 | 1, 0],
            vec![3 << 3, 1],
        ] {
            assert_eq!(of(&[good.clone(), nonsense.clone()]), None, "{nonsense:?}");
            assert_eq!(of(&[good.clone(), field(2, &nonsense)]), None, "{nonsense:?} in a message");
        }
        assert_eq!(of(&[good.clone(), field(2, &field(4, &[0xff]))]), None, "a topic that is no text");
        assert_eq!(of(&[good, vec![10 << 3, 1]]), None);
        assert_eq!(of(&vec![field(2, b""); MESSAGES]).map(|found| found.len()), Some(MESSAGES));
        assert_eq!(of(&vec![field(2, b""); MESSAGES + 1]), None);
        assert_eq!(of(&vec![field(3, &[0; 100]); CONTROL / 100]), None);
    }
}
