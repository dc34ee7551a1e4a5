//! Finds the messages of a gossip RPC in its bytes, before gossipsub decodes it and with the same protobuf decoder.
//!
//! `RPC { subscriptions = 1, publish = 2, control = 3 }`, `Message { from = 1, data = 2, seqno = 3, topic = 4,
//! signature = 5, key = 6 }` (libp2p's `rpc.proto`), `partial = 10`. An RPC that gossipsub refuses has no messages
//! here, with one exception: fields other than messages are not decoded. For a fault in them gossipsub closes the
//! stream after the messages were read here.

use bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Maximum messages of an RPC (libp2p-gossipsub `max_publish_messages`).
const MAX_MESSAGES: usize = 500;
/// Maximum bytes of subscriptions and control messages of an RPC (libp2p-gossipsub `max_control_message_size`).
const MAX_CONTROL: usize = 16 << 10;

/// One message. Its fields are slices of the RPC.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::net) struct Published {
    pub(in crate::net) topic: Bytes,
    /// The message as sent: compressed.
    pub(in crate::net) data: Bytes,
    /// Whether the signature or key field is present, even if empty. gossipsub ignores author and sequence number.
    pub(in crate::net) authored: bool,
}

/// The messages of an RPC, in order; `None` if gossipsub refuses the RPC.
pub(in crate::net) fn published(rpc: &Bytes) -> Option<Vec<Published>> {
    let (mut rest, mut messages, mut control) = (rpc.clone(), Vec::new(), 0);
    while rest.has_remaining() {
        let before = rest.len();
        match key(&mut rest)? {
            (2, WireType::LengthDelimited) if messages.len() < MAX_MESSAGES => {
                messages.push(message(delimited(&mut rest)?)?)
            }
            (1 | 2 | 3 | 10, wire_type) if wire_type != WireType::LengthDelimited => return None,
            (2, _) => return None,
            (number, wire_type) => {
                skip(number, wire_type, &mut rest)?;
                control += if matches!(number, 1 | 3) { before - rest.len() } else { 0 };
            }
        }
        if control > MAX_CONTROL {
            return None;
        }
    }
    Some(messages)
}

fn message(mut rest: Bytes) -> Option<Published> {
    let mut found = Published::default();
    while rest.has_remaining() {
        // If a field occurs twice, the last value counts.
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

    /// A length-delimited field; key and length have one byte each.
    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, value.len() as u8], value].concat()
    }

    fn parse(parts: &[Vec<u8>]) -> Option<Vec<Published>> {
        published(&parts.concat().into())
    }

    fn expected(topic: &'static [u8], data: &'static [u8], authored: bool) -> Published {
        Published { topic: Bytes::from_static(topic), data: Bytes::from_static(data), authored }
    }

    #[test]
    fn messages_are_found_between_other_fields() {
        let first = [field(2, b"data"), field(4, b"topic")].concat();
        let second = [field(4, b"other"), vec![9 << 3, 0x80, 1], field(6, b""), field(2, b"x")].concat();
        let others = [vec![9 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8], field(3, b"control"), vec![7 << 3 | 5, 1, 2, 3, 4]];
        let found = parse(&[field(1, b"topics"), field(2, &first), others.concat(), field(2, &second)]);
        assert_eq!(found, Some(vec![expected(b"topic", b"data", false), expected(b"other", b"x", true)]));
    }

    #[test]
    fn an_rpc_that_the_protobuf_decoder_accepts_is_accepted() {
        // An unknown group, and a length with one byte more than necessary.
        let group = vec![9 << 3 | 3, 7 << 3, 1, 9 << 3 | 4];
        let long_length = vec![2 << 3 | 2, 0x83, 0, 2 << 3 | 2, 1, b'x'];
        assert_eq!(parse(&[group, long_length]), Some(vec![expected(b"", b"x", false)]));
    }

    #[test]
    fn a_signature_or_a_key_makes_a_message_authored() {
        let authored = |fields: &[Vec<u8>]| parse(&[field(2, &fields.concat())]).map(|found| found[0].authored);
        assert_eq!(authored(&[field(1, b"x"), field(3, b"x")]), Some(false));
        for number in [5, 6] {
            assert_eq!(authored(&[field(number, b"")]), Some(true));
        }
    }

    #[test]
    fn an_rpc_that_gossipsub_refuses_has_no_messages() {
        let valid = field(2, &field(2, b"data"));
        for malformed in [
            vec![0xff; 11],
            vec![2 << 3 | 2, 100, 1],
            vec![2 << 3 | 2],
            vec![2 << 3 | 3],
            vec![2 << 3, 1],
            vec![9 << 3 | 1, 0],
            vec![3 << 3, 1],
        ] {
            assert_eq!(parse(&[valid.clone(), malformed.clone()]), None, "{malformed:?}");
            assert_eq!(parse(&[valid.clone(), field(2, &malformed)]), None, "{malformed:?} in a message");
        }
        assert_eq!(parse(&[valid.clone(), field(2, &field(4, &[0xff]))]), None, "a topic that is not UTF-8");
        assert_eq!(parse(&[valid, vec![10 << 3, 1]]), None);
        assert_eq!(parse(&vec![field(2, b""); MAX_MESSAGES]).map(|found| found.len()), Some(MAX_MESSAGES));
        assert_eq!(parse(&vec![field(2, b""); MAX_MESSAGES + 1]), None);
        assert_eq!(parse(&vec![field(3, &[0; 100]); MAX_CONTROL / 100]), None);
    }
}
