//! OpenRequests: between the node's names for them and libp2p's.

use core::time::Duration;
use std::collections::BTreeMap;

use libp2p::request_response::{self, InboundRequestId, Message, OutboundFailure, OutboundRequestId, ResponseChannel};

use crate::{
    fault::AnswerFault,
    node::Input,
    payload_by_number::Reply,
    range_sync::{BlockRequest, FetchId},
    serving::RequestId,
};
use crate::{
    net::driver::Driver,
    net::driver::ended::{EndedRequest, LatestRequests, RequestSide, UNANSWERED},
    net::protocols::range::{Request, Response},
    net::{Host, convert},
};

/// OpenRequests under way, ours and theirs. Bounded by libp2p's streams of each connection.
#[derive(Debug, Default)]
pub(super) struct OpenRequests {
    ours: BTreeMap<OutboundRequestId, OutboundRequest>,
    theirs: BTreeMap<InboundRequestId, InboundRequest>,
    /// What those were answered that are not ended yet.
    codes: BTreeMap<RequestId, u8>,
    /// Those that have ended.
    pub(super) latest: LatestRequests,
    channels: BTreeMap<RequestId, ResponseChannel<Response>>,
    next: u64,
}

/// A request of ours: the node's name for it, for which block, and when it was made (monotonic).
#[derive(Debug)]
struct OutboundRequest {
    fetch: FetchId,
    number: u64,
    at: Duration,
}

/// A request of a peer's: the node's name for it, for which block, and when it came (monotonic).
#[derive(Debug)]
struct InboundRequest {
    ask: RequestId,
    number: Option<u64>,
    at: Duration,
}

impl OpenRequests {
    /// A request of ours was made at `now` (monotonic).
    pub(super) fn made(&mut self, now: Duration, id: OutboundRequestId, fetch: FetchId, number: u64) {
        self.ours.insert(id, OutboundRequest { fetch, number, at: now });
    }

    /// It ended at `now` (monotonic), with this result byte.
    pub(super) fn ended(&mut self, now: Duration, id: OutboundRequestId, code: u8) -> Option<FetchId> {
        let OutboundRequest { fetch, number, at } = self.ours.remove(&id)?;
        self.latest.add(EndedRequest {
            role: RequestSide::Client,
            number: Some(number),
            code,
            took: now.saturating_sub(at),
        });
        Some(fetch)
    }

    /// A peer asks for this block, at `now` (monotonic).
    pub(super) fn came(
        &mut self,
        now: Duration,
        id: InboundRequestId,
        number: Option<u64>,
        channel: ResponseChannel<Response>,
    ) -> RequestId {
        let ask = RequestId(self.next);
        self.next += 1;
        self.theirs.insert(id, InboundRequest { ask, number, at: now });
        self.channels.insert(ask, channel);
        ask
    }

    /// Where it is answered, with this result byte; `None` when it is gone.
    pub(super) fn channel(&mut self, ask: RequestId, code: u8) -> Option<ResponseChannel<Response>> {
        let channel = self.channels.remove(&ask)?;
        self.codes.insert(ask, code);
        Some(channel)
    }

    /// It was answered (`sent`) at `now` (monotonic), or is gone.
    pub(super) fn answered(&mut self, now: Duration, id: InboundRequestId, sent: bool) -> Option<RequestId> {
        let InboundRequest { ask, number, at } = self.theirs.remove(&id)?;
        self.channels.remove(&ask);
        let code = self.codes.remove(&ask).filter(|_| sent).unwrap_or(UNANSWERED);
        self.latest.add(EndedRequest { role: RequestSide::Server, number, code, took: now.saturating_sub(at) });
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
    pub(super) fn fetch(&mut self, wish: BlockRequest) {
        let now = self.host.now().mono;
        let peer = convert::libp2p_peer(wish.peer).filter(|peer| self.swarm.is_connected(peer));
        match (peer, self.swarm.behaviour_mut().ask.as_mut()) {
            (Some(peer), Some(ask)) => {
                let id = ask.send_request(&peer, Some(wish.number));
                self.requests.made(now, id, wish.id, wish.number);
            }
            _ => self.unasked.push((wish.id, AnswerFault::Closed)),
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
