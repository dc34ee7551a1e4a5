//! Serving: what is answered to peers that ask for blocks by number, and how fast ([`Server`]).
//!
//! A request goes: `Asked` → waits for its tokens → `Load` → `Loaded` → `Answer` → `Answered`.

use std::collections::VecDeque;

mod server;

pub use server::{RequestId, ServeAction, Server};

use crate::{
    config::RequestLimits,
    context::{Context, Machine, earliest},
    payload_by_number::{Refusal, Reply, StoredBlock},
    peer::PeerId,
    time::{Deadline, Now},
};

/// A fact for [`Serving`].
#[derive(Debug)]
pub enum ServingInput {
    /// A peer's first connection was established.
    Connected {
        /// Who.
        peer: PeerId,
        /// Whether it is a browser.
        leaf: bool,
    },
    /// A peer's last connection ended.
    Disconnected(PeerId),
    /// A peer asks for a block; `None` when the request is malformed.
    Asked(RequestId, PeerId, Option<u64>),
    /// A block was looked for.
    Loaded {
        /// For this request.
        id: RequestId,
        /// What there is.
        found: Option<StoredBlock>,
        /// The highest number that a block may have now; `None` before the chain begins.
        due: Option<u64>,
    },
    /// An answer was sent, or could not be.
    Answered(RequestId),
    /// From now on requests are answered by these limits.
    Limits(RequestLimits),
}

/// What [`Serving`] wants.
#[derive(Debug)]
pub enum ServingOutput {
    /// Answer this request.
    Answer(RequestId, Reply),
    /// Look for this block, for this request.
    Load(RequestId, u64),
}

/// See the module.
#[derive(Debug)]
pub struct Serving {
    server: Server,
    /// The chain's first block.
    first: u64,
    /// Blocks that peers were given since the start.
    served: u64,
    outputs: VecDeque<ServingOutput>,
}

impl Serving {
    /// Full buckets at `now`; the chain's blocks begin with number `first`.
    pub fn new(limits: RequestLimits, first: u64, now: Now) -> Self {
        Self { server: Server::new(limits, now.mono), first, served: 0, outputs: VecDeque::new() }
    }

    /// Blocks that peers were given since the start.
    pub const fn served(&self) -> u64 {
        self.served
    }

    /// Whatever may be served now.
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
        self.serve(context.now);
    }

    fn poll_output(&mut self) -> Option<ServingOutput> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self, _: &Context, now: Now) -> Option<Deadline> {
        earliest([(self.server.due(now.mono), "serve")])
    }
}

const fn refuse(id: RequestId, refusal: Refusal) -> ServingOutput {
    ServingOutput::Answer(id, Reply::Refused(refusal))
}
