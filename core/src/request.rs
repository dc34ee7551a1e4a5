//! `payload_by_number`: one block asked for by its number, and the answer (specs, rollup-node-p2p "Req-Resp"; op-node
//! v1.19's `sync.go`).
//!
//! A request is the number, 8 bytes little endian, on a stream of its own. The answer begins with a [`result byte`](Refusal):
//! 0 and then a version (4 bytes little endian) and the payload as a framed snappy stream, or a reason and nothing more.
//! Nothing is signed: what an answer is worth follows from who names its hash (see [`crate::sync`]).
//!
//! [`Reading`] judges an answer, [`Server`] decides what is answered and how fast.

mod reading;
mod serve;
mod wire;

pub use reading::{AnswerFault, Blame, Reading};
pub use serve::{AskId, Limits, Rate, Served, Server};
pub use wire::{MAX_ANSWER, REQUEST, Refusal, Reply, Stored, protocols};
