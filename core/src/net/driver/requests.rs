//! OpenRequests: between the node's names for them and libp2p's.

use libp2p::request_response::{self, InboundRequestId, Message, OutboundFailure};

use crate::{
    fault::AnswerFault,
    net::{
        Host, convert,
        driver::{
            Driver,
            ended::{EndedRequest, UNANSWERED},
        },
        protocols::range::{Request, Response},
    },
    node::Input,
    payload_by_number::Reply,
    range_sync::BlockRequest,
    serving::RequestId,
};

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
    /// The requests that have ended since this was called last; of more than 1,024 the latest.
    pub fn take_ended(&mut self) -> impl Iterator<Item = EndedRequest> + use<H> {
        self.requests.latest.take().into_iter()
    }

    /// Asks a connected peer; nobody is dialled for it.
    pub(super) fn fetch(&mut self, request: BlockRequest) {
        let now = self.host.now().mono;
        let peer = convert::libp2p_peer(request.peer).filter(|peer| self.swarm.is_connected(peer));
        match (peer, self.swarm.behaviour_mut().ask.as_mut()) {
            (Some(peer), Some(ask)) => {
                let id = ask.send_request(&peer, Some(request.number));
                self.requests.made(now, id, request.id, request.number);
            }
            _ => {
                let (id, answer) = (request.id, Err(AnswerFault::Closed));
                self.pending_inputs.push_back(Input::Fetched { id, answer });
            }
        }
    }

    /// Answers a request that is still open.
    pub(super) fn answer(&mut self, id: RequestId, reply: Reply) {
        let behaviour = self.swarm.behaviour_mut().answer.as_mut();
        let code = match &reply {
            Reply::Block(_) => 0,
            Reply::Refused(refusal) => refusal.byte(),
        };
        let sent = match (self.requests.channel(id, code), behaviour) {
            (Some(channel), Some(behaviour)) => behaviour.send_response(channel, Response::Goes(reply)).is_ok(),
            _ => false,
        };
        if !sent {
            // Its stream is gone, and no event will say so again.
            self.requests.codes.remove(&id);
            self.pending_inputs.push_back(Input::Answered { id });
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
        let code = answer.as_ref().ok().and_then(|bytes| bytes.first().copied()).unwrap_or(UNANSWERED);
        if let Some(id) = self.requests.ended(self.host.now().mono, request_id, code) {
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
                let id = self.requests.came(self.host.now().mono, request_id, number, channel);
                self.feed(Input::Asked { id, peer, number });
            }
            request_response::Event::InboundFailure { request_id, error, .. } => {
                tracing::debug!(%error, "a peer's request came to nothing");
                self.answered(request_id, false);
            }
            request_response::Event::ResponseSent { request_id, .. } => self.answered(request_id, true),
            _ => {}
        }
    }

    fn answered(&mut self, request: InboundRequestId, sent: bool) {
        if let Some(id) = self.requests.answered(self.host.now().mono, request, sent) {
            self.feed(Input::Answered { id });
        }
    }
}
