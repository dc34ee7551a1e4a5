//! Lengths on the wire of the messages that are being validated.

use std::collections::BTreeMap;

use crate::message::MessageId;

/// Length on the wire of each message that is being validated, in bytes. Bounded by [`MessageSizes::MAX`]; an unknown
/// message counts 0.
#[derive(Debug, Default)]
pub(super) struct MessageSizes(BTreeMap<MessageId, usize>);

impl MessageSizes {
    /// More messages than the node validates or queues: at most two per peer.
    const MAX: usize = 16_384;

    pub(super) fn add(&mut self, id: MessageId, bytes: usize) {
        if self.0.len() < Self::MAX {
            self.0.insert(id, bytes);
        }
    }

    pub(super) fn take(&mut self, id: &MessageId) -> usize {
        self.0.remove(id).unwrap_or_default()
    }
}
