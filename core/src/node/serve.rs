//! Answering peers: what [`Server`](crate::request::Server) wants done, as wishes.

use core::time::Duration;

use super::{Node, Output};
use crate::{
    gossip::FUTURE,
    request::{AskId, Reply, Served, Stored},
    time::Now,
};

impl Node {
    /// Whatever may be served now.
    pub(super) fn serve(&mut self, now: Now) {
        while let Some(served) = self.server.next(self.config.chain.genesis.number, now) {
            let output = match served {
                Served::Refuse(id, refusal) => Output::Answer { id, reply: Reply::Refused(refusal) },
                Served::Load(id, number) => Output::Load { id, number },
            };
            self.outputs.push_back(output);
        }
    }

    /// A block was looked for, to be served.
    pub(super) fn loaded(&mut self, now: Now, id: AskId, found: Option<Stored>) {
        let due = self.pace.due(now, Duration::from_secs(FUTURE));
        if let Some(reply) = self.server.loaded(id, found, due, now.mono) {
            self.counts.served(&reply);
            self.outputs.push_back(Output::Answer { id, reply });
        }
    }
}
