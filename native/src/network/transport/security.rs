//! Noise, TLS or both, in the configured order of preference, as one upgrade.

use std::{io, pin::Pin};

use futures::{
    AsyncRead, AsyncWrite, FutureExt, TryFutureExt,
    future::{Either, Future},
};
use libp2p::{
    PeerId,
    core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo},
    identity::Keypair,
    noise, tls,
};

use crate::network::config::SecurityProtocol;

const NOISE: &str = "/noise";
const TLS: &str = "/tls/1.0.0";

/// See the module.
#[derive(Clone)]
pub(super) struct SecurityUpgrade {
    noise: noise::Config,
    tls: tls::Config,
    offered: Vec<&'static str>,
}

type Secured<C> = Either<noise::Output<C>, tls::TlsStream<C>>;
type Handshake<C> = Pin<Box<dyn Future<Output = io::Result<(PeerId, Secured<C>)>> + Send>>;

impl SecurityUpgrade {
    pub(super) fn new(identity: &Keypair, security: &[SecurityProtocol]) -> io::Result<Self> {
        let name = |security: &SecurityProtocol| match security {
            SecurityProtocol::Noise => NOISE,
            SecurityProtocol::Tls => TLS,
        };
        Ok(Self {
            noise: noise::Config::new(identity).map_err(io::Error::other)?,
            tls: tls::Config::new(identity).map_err(io::Error::other)?,
            offered: security.iter().map(name).collect(),
        })
    }
}

impl UpgradeInfo for SecurityUpgrade {
    type Info = &'static str;
    type InfoIter = std::vec::IntoIter<&'static str>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.offered.clone().into_iter()
    }
}

impl<C> InboundConnectionUpgrade<C> for SecurityUpgrade
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Output = (PeerId, Secured<C>);
    type Error = io::Error;
    type Future = Handshake<C>;

    fn upgrade_inbound(self, socket: C, info: &'static str) -> Handshake<C> {
        if info == TLS {
            let handshake = self.tls.upgrade_inbound(socket, info).map_err(io::Error::other);
            handshake.map_ok(|(peer, stream)| (peer, Either::Right(stream))).boxed()
        } else {
            let handshake = self.noise.upgrade_inbound(socket, info).map_err(io::Error::other);
            handshake.map_ok(|(peer, stream)| (peer, Either::Left(stream))).boxed()
        }
    }
}

impl<C> OutboundConnectionUpgrade<C> for SecurityUpgrade
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Output = (PeerId, Secured<C>);
    type Error = io::Error;
    type Future = Handshake<C>;

    fn upgrade_outbound(self, socket: C, info: &'static str) -> Handshake<C> {
        if info == TLS {
            let handshake = self.tls.upgrade_outbound(socket, info).map_err(io::Error::other);
            handshake.map_ok(|(peer, stream)| (peer, Either::Right(stream))).boxed()
        } else {
            let handshake = self.noise.upgrade_outbound(socket, info).map_err(io::Error::other);
            handshake.map_ok(|(peer, stream)| (peer, Either::Left(stream))).boxed()
        }
    }
}
