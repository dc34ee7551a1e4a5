//! Gossip: what arrives on a topic, how it is named, and by which rules it is judged.
//!
//! A message is decompressed once and named from that buffer ([`Message`], [`MessageId`]). The heavy, stateless part of
//! its judgement is a value, [`Check`], that runs wherever the host likes; what depends on other messages (the blocks
//! already seen at a height) is [`Seen`]'s, one quick look behind it. [`Fault`] names everything that can be wrong.
//! [`Waiting`] keeps messages until they can be checked, fairly by peer.

mod doubt;
mod fault;
mod message;
mod rules;
mod schedule;
mod seen;
mod signers;
mod waiting;

pub use doubt::{Doubt, Doubts};
pub use fault::{Acceptance, BlockFault, EnvelopeFault, Fault, MessageFault, NodeFault, Verdict};
pub use message::{Form, INFLATION, MAX_MESSAGE, MIN_MESSAGE, Message, MessageId, message_id};
pub use rules::{Check, Checked, FUTURE, Verified, peek_timestamp};
pub use schedule::{ChainSchedule, OffSchedule};
pub use seen::Seen;
pub use signers::{GRACE, Role, Signers};
pub use waiting::{Pending, Waiting};
