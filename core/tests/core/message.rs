//! Decompression and message ids.

use alloy_primitives::hex;
use petrel_core::message::{Form, MAX_MESSAGE, Message};

use crate::vectors;

fn compressed(data: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(data).unwrap()
}

/// An unsigned varint.
fn header(mut length: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out
}

fn form(wire: &[u8]) -> Form {
    Message::decompress(wire).form
}

#[test]
fn message_ids_equal_those_of_op_node() {
    for vector in vectors::list("message_id.json", "vectors") {
        let message = Message::decompress(&vectors::unhex(&vector, "data"));
        let id = format!("0x{}", message.id(vectors::text(&vector, "topic")));
        assert_eq!(id, vectors::text(&vector, "messageId"), "{}", vectors::text(&vector, "name"));
    }
}

#[test]
fn message_ids_of_broken_and_empty_data_equal_those_of_op_node() {
    let id = |data: &[u8]| Message::decompress(data).id("/optimism/10/3/blocks").to_string();
    assert_eq!(id(&hex!("ffffffffffff")), "659c039935923433970b22aafc0afe2a06790d91");
    assert_eq!(id(&hex!("00")), "babd4198f6c0079c3007b7d1e7b134a4f60e4c5b");
    assert_eq!(id(&[]), "7089bc102a34890a0ad0bc7dd53db5ec588a82d0");
}

#[test]
fn lengths_are_bounded_before_anything_is_decompressed() {
    assert_eq!(form(&[]), Form::BadHeader);
    assert_eq!(form(&[0]), Form::TooShort);
    assert_eq!(form(&compressed(&[7; 65])), Form::TooShort);
    assert_eq!(form(&compressed(&[7; 66])), Form::Snappy);
    assert_eq!(form(&compressed(&vec![7; MAX_MESSAGE])), Form::Snappy);
    assert_eq!(form(&compressed(&vec![7; MAX_MESSAGE + 1])), Form::TooLarge);
    assert_eq!(form(&hex!("ffffffff0f")), Form::TooLarge);
    assert_eq!(form(&header(1 << 33)), Form::BadHeader);
    assert_eq!(form(&[0x80; 11]), Form::BadHeader);
    assert_eq!(form(&hex!("ffff")), Form::BadHeader);
}

#[test]
fn a_header_that_is_longer_than_necessary_is_accepted() {
    let wire = compressed(&[7; 100]);
    let body = &wire[1..];
    let long = [&[100 | 0x80, 0x80, 0], body].concat();
    assert_eq!(Message::decompress(&long).data, Message::decompress(&wire).data);
}

#[test]
fn a_body_must_fill_its_length_exactly() {
    let literal = |declared: u64, literal: usize| {
        let mut wire = header(declared);
        wire.extend([60 << 2, (literal - 1) as u8]);
        wire.extend(vec![7; literal]);
        wire
    };
    assert_eq!(form(&literal(100, 100)), Form::Snappy);
    assert_eq!(form(&literal(100, 99)), Form::Corrupt);
    assert_eq!(form(&literal(100, 101)), Form::Corrupt);
    let trailing = [literal(100, 100), vec![0, 7]].concat();
    assert_eq!(form(&trailing), Form::Corrupt);
    // Copies of offset 0 and from before the start.
    assert_eq!(form(&[&header(100)[..], &[0, 7], &hex!("fe0000")].concat()), Form::Corrupt);
    assert_eq!(form(&[&header(100)[..], &[0, 7], &hex!("fe0900")].concat()), Form::Corrupt);
    // The framed format, as used between streams.
    assert_ne!(form(&hex!("ff060000734e61507059")), Form::Snappy);
}

#[test]
fn the_id_of_a_message_does_not_depend_on_its_compression() {
    let data = [9; 200];
    let mut literals = header(200);
    for chunk in data.chunks(60) {
        literals.push(((chunk.len() - 1) << 2) as u8);
        literals.extend(chunk);
    }
    assert_ne!(literals, compressed(&data));
    assert_eq!(Message::decompress(&literals).id("t"), Message::decompress(&compressed(&data)).id("t"));
}

#[test]
fn a_copy_with_a_key_has_another_id_than_the_honest_message() {
    let wire = compressed(&[7; 100]);
    assert_ne!(Message::unread(Form::Authored, &wire.clone().into()).id("t"), Message::decompress(&wire).id("t"));
    // This holds for bytes that do not decompress too.
    assert_ne!(Message::unread(Form::Authored, &vec![0xff; 9].into()).id("t"), Message::decompress(&[0xff; 9]).id("t"));
}

#[test]
fn arbitrary_bytes_never_panic() {
    let mut state = 1_u64;
    let mut wire = compressed(&[7; 1000]);
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = (state >> 33) as usize % wire.len();
        wire[at] = (state >> 20) as u8;
        let message = Message::decompress(&wire);
        assert!(message.data.len() <= MAX_MESSAGE);
    }
}
