//! Ping responder: answers the pings of every peer.
//!
//! libp2p's own ping stops answering a peer that does not support ping. js-libp2p without its ping service is such a
//! peer: it refuses pings, sends pings itself, and closes the connection when they are not answered. So this behaviour
//! is placed before libp2p's ping and takes all inbound ping streams; libp2p's ping sends the outbound pings. Bounded:
//! [`STREAMS`] per connection, each with one ping (libp2p's specification, "Ping": an old stream may still be open when
//! a new one begins).

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

/// Maximum inbound ping streams of one connection; the oldest is closed for a new one.
const STREAMS: usize = 2;
/// Bytes of a ping. The answer repeats them.
const PING: usize = 32;

/// See the file comment.
#[derive(Debug, Default)]
pub(in crate::net) struct PingResponder;

type PingExchange = BoxFuture<'static, io::Result<Stream>>;

/// The inbound pings of one connection.
#[derive(Default)]
pub(in crate::net) struct Handler {
    /// At most [`STREAMS`].
    streams: VecDeque<PingExchange>,
}

/// Waits for a ping, and sends it back.
fn echo(mut stream: Stream) -> PingExchange {
    let exchange = async move {
        let mut ping = [0; PING];
        stream.read_exact(&mut ping).await?;
        stream.write_all(&ping).await?;
        stream.flush().await?;
        Ok(stream)
    };
    exchange.boxed()
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
        self.streams.retain_mut(|exchange| {
            // One ping per stream and poll, so that a stream with many pings does not delay the others.
            match exchange.poll_unpin(context) {
                Poll::Pending => true,
                Poll::Ready(Ok(stream)) => {
                    *exchange = echo(stream);
                    context.waker().wake_by_ref();
                    true
                }
                Poll::Ready(Err(error)) => {
                    tracing::trace!(%error, "an inbound ping stream ended");
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
        self.streams.push_back(echo(stream));
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
