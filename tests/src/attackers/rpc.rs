//! gossipsub's RPC as bytes, written by hand: an attacker is bound to no library.

/// A field of bytes.
pub(super) fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, value.len());
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// `Message { data, topic, key }`.
pub(super) fn message(topic: &str, data: &[u8], key: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 64);
    bytes(&mut out, 2, data);
    bytes(&mut out, 4, topic.as_bytes());
    if let Some(key) = key {
        bytes(&mut out, 6, key);
    }
    out
}

/// `RPC { publish }`, behind its length.
pub(super) fn publish(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut rpc = Vec::new();
    for message in messages {
        bytes(&mut rpc, 2, message);
    }
    framed(&rpc)
}

/// `RPC { control { ihave { topic, ids } } }`, or `iwant { ids }` without a topic.
pub(super) fn control(topic: Option<&str>, ids: &[[u8; 20]]) -> Vec<u8> {
    let mut inner = Vec::new();
    if let Some(topic) = topic {
        bytes(&mut inner, 1, topic.as_bytes());
    }
    for id in ids {
        bytes(&mut inner, if topic.is_some() { 2 } else { 1 }, id);
    }
    let mut control = Vec::new();
    bytes(&mut control, if topic.is_some() { 1 } else { 2 }, &inner);
    let mut rpc = Vec::new();
    bytes(&mut rpc, 3, &control);
    framed(&rpc)
}

/// `RPC { subscriptions { subscribe, topic } }`.
pub(super) fn subscription(topic: &str, subscribes: bool) -> Vec<u8> {
    let mut inner = vec![1 << 3, u8::from(subscribes)];
    bytes(&mut inner, 2, topic.as_bytes());
    let mut rpc = Vec::new();
    bytes(&mut rpc, 1, &inner);
    framed(&rpc)
}

/// Behind its length.
pub(super) fn framed(rpc: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rpc.len() + 5);
    varint(&mut out, rpc.len());
    out.extend_from_slice(rpc);
    out
}
