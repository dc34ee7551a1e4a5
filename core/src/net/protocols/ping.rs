//! Pings are answered, whoever sends them. libp2p's own ping stops answering a peer that has refused one of ours: js-libp2p
//! without its ping service does that, pings us all the same, and closes the connection when nothing comes back.
//!
//! So this stands before libp2p's ping in the behaviour and takes every ping that comes in; what we send ourselves is left
//! to libp2p's. Bounded: [`STREAMS`] of a connection, of which each holds one ping (libp2p's specification, "Ping": an old
//! stream may still be there while a new one begins).

use core::{
    convert::Infallible,
    task::{Context, Poll},
};
use std::{collections::VecDeque, io};

use futures::{AsyncReadExt, AsyncWriteExt, FutureExt, future::BoxFuture};
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse, upgrade::ReadyUpgrade},
    ping,
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour, Stream,
        StreamProtocol, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
        handler::{ConnectionEvent, FullyNegotiatedInbound},
    },
};

/// Streams of one connection on which pings come; the oldest makes room.
const STREAMS: usize = 2;
/// Bytes of a ping, and of its answer, which is the same.
const PING: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::net) struct PingResponder;

type Answering = BoxFuture<'static, io::Result<Stream>>;

/// One connection's pings.
#[derive(Default)]
pub(in crate::net) struct Handler {
    /// At most [`STREAMS`].
    streams: VecDeque<Answering>,
}

/// Waits for a ping, and sends it back.
fn answer(mut stream: Stream) -> Answering {
    let one = async move {
        let mut ping = [0; PING];
        stream.read_exact(&mut ping).await?;
        stream.write_all(&ping).await?;
        stream.flush().await?;
        Ok(stream)
    };
    one.boxed()
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(ping::PROTOCOL_NAME), ())
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        self.streams.retain_mut(|answering| {
            // One ping of a stream at each look; the next has its turn when the others had theirs.
            match answering.poll_unpin(context) {
                Poll::Pending => true,
                Poll::Ready(Ok(stream)) => {
                    *answering = answer(stream);
                    context.waker().wake_by_ref();
                    true
                }
                Poll::Ready(Err(error)) => {
                    tracing::trace!(%error, "a stream of pings ended");
                    false
                }
            }
        });
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>) {
        let ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: mut stream, .. }) = event else {
            return;
        };
        stream.ignore_for_keep_alive();
        if self.streams.len() >= STREAMS {
            self.streams.pop_front();
        }
        self.streams.push_back(answer(stream));
    }
}

impl NetworkBehaviour for PingResponder {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::default())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::default())
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
