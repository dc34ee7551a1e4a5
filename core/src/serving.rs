//! Serving: answers peers that request blocks by number, within rate limits ([`Server`]).
//!
//! A request's path: `Asked` → waits for rate limit tokens → `Load` → `Loaded` → `Answer` → `Answered`.

use std::collections::VecDeque;

mod server;

pub use server::{RequestId, ServeAction, Server};

use crate::{
    config::RequestLimits,
    context::{Context, Machine, Timer, earliest},
    payload_by_number::{Lookup, Refusal, Reply},
    peer::PeerId,
    time::{Deadline, Now},
};

/// An input of [`Serving`].
#[derive(Debug)]
pub enum ServingInput {
    /// A peer's first connection was established.
    Connected {
        /// The peer.
        peer: PeerId,
        /// Whether it is a leaf (a browser).
        leaf: bool,
    },
    /// A peer's last connection ended.
    Disconnected(PeerId),
    /// A peer requested a block by number; `None` when the request is malformed.
    Asked(RequestId, PeerId, Option<u64>),
    /// The host looked up a block.
    Loaded {
        /// The request.
        id: RequestId,
        /// The block, if the host has it.
        found: Lookup,
        /// The highest block number that can exist now; `None` before the chain begins.
        due: Option<u64>,
    },
    /// An answer was sent, or sending failed.
    Answered(RequestId),
    /// Sets the request limits from now on.
    Limits(RequestLimits),
}

/// An output of [`Serving`].
#[derive(Debug)]
pub enum ServingOutput {
    /// Answer this request.
    Answer(RequestId, Reply),
    /// Look up this block for this request.
    Load(RequestId, u64),
}

/// The serving machine. See the module.
#[derive(Debug)]
pub struct Serving {
    server: Server,
    /// The chain's first block.
    first: u64,
    /// Blocks served to peers since the start.
    served: u64,
    timer: Timer,
    outputs: VecDeque<ServingOutput>,
}

impl Serving {
    /// With full rate limit buckets at `now`; `first` is the number of the chain's first block.
    pub fn new(limits: RequestLimits, first: u64, now: Now) -> Self {
        Self {
            server: Server::new(limits, now.mono),
            first,
            served: 0,
            timer: Timer::new(None),
            outputs: VecDeque::new(),
        }
    }

    /// Blocks served to peers since the start.
    pub const fn served(&self) -> u64 {
        self.served
    }

    /// Serves every request that may be served now.
    fn serve(&mut self, now: Now) {
        while let Some(action) = self.server.next(self.first, now) {
            self.outputs.push_back(match action {
                ServeAction::Refuse(id, refusal) => refuse(id, refusal),
                ServeAction::Load(id, number) => ServingOutput::Load(id, number),
            });
        }
    }
}

impl Machine for Serving {
    type Input = ServingInput;
    type Output = ServingOutput;

    fn handle(&mut self, context: &mut Context, input: ServingInput) {
        let now = context.now.mono;
        self.timer.input();
        match input {
            ServingInput::Connected { peer, leaf } => self.server.connected(peer, leaf, now),
            ServingInput::Disconnected(peer) => self.server.disconnected(peer, now),
            ServingInput::Asked(id, peer, number) => {
                let refusal = self.server.ask(id, peer, number, now);
                self.outputs.extend(refusal.map(|refusal| refuse(id, refusal)));
            }
            ServingInput::Loaded { id, found, due } => {
                if let Some(reply) = self.server.loaded(id, found, due, now) {
                    self.served += u64::from(matches!(reply, Reply::Block(_)));
                    self.outputs.push_back(ServingOutput::Answer(id, reply));
                }
            }
            ServingInput::Answered(id) => self.server.sent(id),
            ServingInput::Limits(limits) => self.server.set_limits(limits, now),
        }
    }

    fn handle_timeout(&mut self, context: &mut Context) {
        let now = context.now;
        if self.timer.is_due(now.mono) {
            self.serve(now);
            self.timer.ran(now.mono, earliest([(self.server.due(now.mono), "serve")]));
        }
    }

    fn poll_output(&mut self) -> Option<ServingOutput> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self, _: &Context, _: Now) -> Option<Deadline> {
        self.timer.deadline()
    }
}

const fn refuse(id: RequestId, refusal: Refusal) -> ServingOutput {
    ServingOutput::Answer(id, Reply::Refused(refusal))
}
