//! A TCP connection of an authenticated peer without any protocol: its owner opens streams and writes bytes by hand.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::AsyncWrite;
use libp2p::{
    Multiaddr, Transport,
    core::{
        Endpoint,
        muxing::{StreamMuxer, StreamMuxerBox, SubstreamBox},
        transport::{DialOpts, PortUse},
        upgrade::Version,
    },
    identity::Keypair,
    multiaddr::Protocol,
    noise, tcp, yamux,
};

/// How long a stream may take none of the bytes that are written to it, until the rest is given up.
const STUCK: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Debug)]
pub struct MuxedConnection(StreamMuxerBox);

impl MuxedConnection {
    /// Connects with a new identity, over noise and yamux; `None` when that fails.
    ///
    /// # Panics
    /// The address is not one of TCP.
    pub async fn connect(address: &Multiaddr) -> Option<Self> {
        let identity = Keypair::generate_secp256k1();
        let mut transport = tcp::tokio::Transport::new(tcp::Config::default())
            .upgrade(Version::V1)
            .authenticate(noise::Config::new(&identity).expect("a keypair signs its noise key"))
            .multiplex(yamux::Config::default())
            .boxed();
        let address = address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect();
        let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
        let dialed = transport.dial(address, options).expect("an address of TCP").await;
        dialed.ok().map(|(_, muxer)| Self(muxer))
    }

    /// Opens a stream and writes as many of these bytes as the other side's window takes; `None` when the connection has ended.
    pub async fn open(&mut self, bytes: &[u8]) -> Option<SubstreamBox> {
        let mut stream = poll_fn(|context| {
            self.drive(context, |muxer, context| Pin::new(muxer).poll_outbound(context).map(Result::ok))
        })
        .await?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let write = poll_fn(|context| {
                self.drive(context, |_, context| Pin::new(&mut stream).poll_write(context, rest).map(Result::ok))
            });
            match tokio::time::timeout(STUCK, write).await {
                Ok(written) => rest = &rest[written?..],
                Err(_) => break,
            }
        }
        let flush = poll_fn(|context| {
            self.drive(context, |_, context| Pin::new(&mut stream).poll_flush(context).map(Result::ok))
        });
        // A full window is no end of the connection.
        tokio::time::timeout(STUCK, flush).await.unwrap_or(Some(()))?;
        Some(stream)
    }

    /// Drives the connection for this time; `false` when it has ended.
    pub async fn keep(&mut self, time: Duration) -> bool {
        let forever = poll_fn(|context| self.drive::<()>(context, |_, _| Poll::Pending));
        tokio::time::timeout(time, forever).await.is_err()
    }

    /// Drives the connection until `step` is ready; `None` when the connection has ended.
    fn drive<T>(
        &mut self,
        context: &mut Context<'_>,
        step: impl FnOnce(&mut StreamMuxerBox, &mut Context<'_>) -> Poll<Option<T>>,
    ) -> Poll<Option<T>> {
        let muxer = &mut self.0;
        while let Poll::Ready(inbound) = Pin::new(&mut *muxer).poll_inbound(context) {
            if inbound.is_err() {
                return Poll::Ready(None);
            }
        }
        match Pin::new(&mut *muxer).poll(context) {
            Poll::Ready(Err(_)) => Poll::Ready(None),
            _ => step(muxer, context),
        }
    }
}
