//! A message after decompression, with its id.

use bytes::Bytes;

use crate::message::{Form, MAX_MESSAGE, Message, MessageId};

/// A message after decompression, with its id.
#[derive(Clone, Debug)]
pub(in crate::net) struct ReadMessage {
    pub(in crate::net) form: Form,
    /// The decompressed bytes; `None` if they are not available.
    pub(in crate::net) data: Option<Bytes>,
    pub(in crate::net) id: MessageId,
    /// Bytes of work: decompressed or on the wire, whichever is more. A corrupt message counts as a valid one of its
    /// length.
    pub(in crate::net) work: usize,
}

impl ReadMessage {
    /// Whether it was not decompressed, because the limit on work was reached.
    pub(in crate::net) fn is_surplus(&self) -> bool {
        self.form == Form::Surplus
    }
}

/// Reads a message on a topic of the chain. Read-ahead and the event loop both use this function.
pub(in crate::net) fn read_message(topic: &str, authored: bool, surplus: bool, wire: &Bytes) -> ReadMessage {
    let (message, inflated) = match (authored, surplus) {
        (true, _) => (Message::unread(Form::Authored, wire), 0),
        (false, true) => (Message::unread(Form::Surplus, wire), 0),
        (false, false) => (Message::take(wire), declared_len(wire)),
    };
    let id = message.id(topic);
    let is_complete = matches!(message.form, Form::Snappy | Form::TooShort);
    ReadMessage { form: message.form, data: is_complete.then_some(message.data), id, work: inflated.max(wire.len()) }
}

/// The decompressed length that a message declares, in bytes; 0 if it is unreadable or above [`MAX_MESSAGE`], because
/// such a message is not decompressed.
pub(in crate::net) fn declared_len(wire: &[u8]) -> usize {
    snap::raw::decompress_len(wire).ok().filter(|declared| *declared <= MAX_MESSAGE).unwrap_or_default()
}
