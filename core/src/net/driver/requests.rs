//! Requests: between the node's names for them and libp2p's.

use std::collections::BTreeMap;

use libp2p::request_response::{self, InboundRequestId, Message, OutboundFailure, OutboundRequestId, ResponseChannel};

use super::{
    super::{
        Host,
        codec::{Request, Response},
        convert,
    },
    Driver,
};
use crate::{
    node::Input,
    request::{AnswerFault, AskId, Reply},
    sync::{FetchId, Wish},
};

/// Requests under way, ours and theirs. Bounded by libp2p's streams of each connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    ours: BTreeMap<OutboundRequestId, FetchId>,
    theirs: BTreeMap<InboundRequestId, AskId>,
    channels: BTreeMap<AskId, ResponseChannel<Response>>,
    next: u64,
}

impl Requests {
    /// A request of ours was made.
    pub(super) fn made(&mut self, id: OutboundRequestId, fetch: FetchId) {
        self.ours.insert(id, fetch);
    }

    /// It ended.
    pub(super) fn ended(&mut self, id: OutboundRequestId) -> Option<FetchId> {
        self.ours.remove(&id)
    }

    /// A peer asks.
    pub(super) fn came(&mut self, id: InboundRequestId, channel: ResponseChannel<Response>) -> AskId {
        let ask = AskId(self.next);
        self.next += 1;
        self.theirs.insert(id, ask);
        self.channels.insert(ask, channel);
        ask
    }

    /// Where it is answered; `None` when it is gone.
    pub(super) fn channel(&mut self, ask: AskId) -> Option<ResponseChannel<Response>> {
        self.channels.remove(&ask)
    }

    /// It was answered, or is gone.
    pub(super) fn answered(&mut self, id: InboundRequestId) -> Option<AskId> {
        let ask = self.theirs.remove(&id)?;
        self.channels.remove(&ask);
        Some(ask)
    }
}

/// What a failure says of the peer.
pub(super) fn fault(error: &OutboundFailure) -> AnswerFault {
    match error {
        OutboundFailure::Timeout => AnswerFault::Timeout,
        OutboundFailure::UnsupportedProtocols => AnswerFault::Unsupported,
        OutboundFailure::DialFailure | OutboundFailure::ConnectionClosed | OutboundFailure::Io(_) => {
            AnswerFault::Closed
        }
    }
}

impl<H: Host> Driver<H> {
    /// Asks a connected peer; nobody is dialled for it.
    pub(super) fn fetch(&mut self, wish: Wish) {
        let peer = convert::libp2p_peer(wish.peer).filter(|peer| self.swarm.is_connected(peer));
        match (peer, self.swarm.behaviour_mut().ask.as_mut()) {
            (Some(peer), Some(ask)) => self.requests.made(ask.send_request(&peer, Some(wish.number)), wish.id),
            _ => self.unasked.push((wish.id, AnswerFault::Closed)),
        }
    }

    /// Answers a request that is still open.
    pub(super) fn answer(&mut self, id: AskId, reply: Reply) {
        let behaviour = self.swarm.behaviour_mut().answer.as_mut();
        let sent = match (self.requests.channel(id), behaviour) {
            (Some(channel), Some(behaviour)) => behaviour.send_response(channel, Response::Goes(reply)).is_ok(),
            _ => false,
        };
        if !sent {
            // Its stream is gone, and no event will say so again.
            self.unheard.push(id);
        }
    }

    /// What became of a request of ours.
    pub(super) fn take_answer(&mut self, event: request_response::Event<Request, Response>) {
        let (request_id, answer) = match event {
            request_response::Event::Message { message: Message::Response { request_id, response }, .. } => {
                let Response::Came(bytes) = response else { return };
                (request_id, Ok(bytes))
            }
            request_response::Event::OutboundFailure { request_id, error, .. } => {
                tracing::debug!(%error, "a request was not answered");
                (request_id, Err(fault(&error)))
            }
            _ => return,
        };
        if let Some(id) = self.requests.ended(request_id) {
            self.feed(Input::Fetched { id, answer });
        }
    }

    /// What became of a request of a peer's.
    pub(super) fn take_request(&mut self, event: request_response::Event<Request, Response>) {
        match event {
            request_response::Event::Message {
                peer,
                message: Message::Request { request_id, request: number, channel },
                ..
            } => {
                let Some(peer) = convert::peer(&peer) else { return };
                let id = self.requests.came(request_id, channel);
                self.feed(Input::Asked { id, peer, number });
            }
            request_response::Event::InboundFailure { request_id, error, .. } => {
                tracing::debug!(%error, "a peer's request came to nothing");
                self.answered(request_id);
            }
            request_response::Event::ResponseSent { request_id, .. } => self.answered(request_id),
            _ => {}
        }
    }

    fn answered(&mut self, request: request_response::InboundRequestId) {
        if let Some(id) = self.requests.answered(request) {
            self.feed(Input::Answered { id });
        }
    }
}
