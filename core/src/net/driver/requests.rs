//! Requests for blocks by number: passes them between the node and libp2p.

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

/// The fault that libp2p's failure means.
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
    /// The requests that have ended since the last call; at most the latest 1,024.
    pub fn take_ended_requests(&mut self) -> impl Iterator<Item = EndedRequest> + use<H> {
        self.requests.latest.take().into_iter()
    }

    /// Sends a request to a connected peer. Does not dial: if the peer is not connected, the request has failed.
    pub(super) fn fetch(&mut self, request: BlockRequest) {
        let now = self.host.now().mono;
        let peer = convert::libp2p_peer(request.peer).filter(|peer| self.swarm.is_connected(peer));
        match (peer, self.swarm.behaviour_mut().range_client.as_mut()) {
            (Some(peer), Some(client)) => {
                let id = client.send_request(&peer, Some(request.number));
                self.requests.add_outbound(now, id, request.id, request.number);
            }
            _ => {
                let (id, answer) = (request.id, Err(AnswerFault::Closed));
                self.pending_inputs.push_back(Input::Fetched { id, answer });
            }
        }
    }

    /// Sends the response to an open request.
    pub(super) fn answer(&mut self, id: RequestId, reply: Reply) {
        let behaviour = self.swarm.behaviour_mut().range_server.as_mut();
        let code = match &reply {
            Reply::Block(_) => 0,
            Reply::Refused(refusal) => refusal.byte(),
        };
        let sent = match (self.requests.take_channel(id, code), behaviour) {
            (Some(channel), Some(behaviour)) => behaviour.send_response(channel, Response::Sent(reply)).is_ok(),
            _ => false,
        };
        if !sent {
            // The stream has ended, and libp2p reports no other event for it.
            self.requests.codes.remove(&id);
            self.pending_inputs.push_back(Input::Answered { id });
        }
    }

    /// Handles the result of a request of this node.
    pub(super) fn handle_range_client(&mut self, event: request_response::Event<Request, Response>) {
        let (request_id, answer) = match event {
            request_response::Event::Message { message: Message::Response { request_id, response }, .. } => {
                let Response::Received(bytes) = response else { return };
                (request_id, Ok(bytes))
            }
            request_response::Event::OutboundFailure { request_id, error, .. } => {
                tracing::debug!(%error, "a request was not answered");
                (request_id, Err(fault(&error)))
            }
            _ => return,
        };
        let code = answer.as_ref().ok().and_then(|bytes| bytes.first().copied()).unwrap_or(UNANSWERED);
        if let Some(id) = self.requests.end_outbound(self.host.now().mono, request_id, code) {
            self.feed(Input::Fetched { id, answer });
        }
    }

    /// Handles a peer's request, or the end of one.
    pub(super) fn handle_range_server(&mut self, event: request_response::Event<Request, Response>) {
        match event {
            request_response::Event::Message {
                peer,
                message: Message::Request { request_id, request: number, channel },
                ..
            } => {
                let Some(peer) = convert::peer(&peer) else { return };
                let id = self.requests.add_inbound(self.host.now().mono, request_id, number, channel);
                self.feed(Input::Asked { id, peer, number });
            }
            request_response::Event::InboundFailure { request_id, error, .. } => {
                tracing::debug!(%error, "a peer's request failed");
                self.end_inbound(request_id, false);
            }
            request_response::Event::ResponseSent { request_id, .. } => self.end_inbound(request_id, true),
            _ => {}
        }
    }

    fn end_inbound(&mut self, request: InboundRequestId, sent: bool) {
        if let Some(id) = self.requests.end_inbound(self.host.now().mono, request, sent) {
            self.feed(Input::Answered { id });
        }
    }
}
