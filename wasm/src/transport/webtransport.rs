//! libp2p over the browser's `WebTransport`; dials only. Session, streams and Noise are libp2p's own; this module decides which
//! addresses are dialled and for how long, and explains errors.
//!
//! Accepted: `/ip4|ip6|dns|dns4|dns6/HOST/udp/PORT/quic-v1/webtransport`, one to [`HASHES`] `/certhash/…`, and an optional
//! `/p2p/PEER` at the end.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{Either, select};
use libp2p::{
    Multiaddr, PeerId,
    core::transport::{DialOpts, ListenerId, Transport, TransportError, TransportEvent},
    identity::Keypair,
    multiaddr::Protocol,
};
use libp2p_webtransport_websys as websys;
use send_wrapper::SendWrapper;

use super::environment;
use crate::host::Sleep;

/// Certificates that an address may name; a relay names two.
const HASHES: usize = 8;
/// How long a handshake may take: where UDP is dropped no error arrives, and there may be other addresses to try.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Why there is no WebTransport connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebTransportError {
    /// There is no global `WebTransport`.
    #[error("this browser has no WebTransport")]
    Missing,
    /// The page is no secure context, so the browser gives it none.
    #[error("this page was not loaded over https:// or from localhost, so the browser gives it no WebTransport")]
    Insecure,
    /// Refused, or another certificate. Browsers do not say which.
    #[error("it did not open ({why}): UDP is blocked, or the relay has other certificates now{hint}")]
    Failed {
        /// The browser's message.
        why: String,
        /// Another possible reason, or empty.
        hint: &'static str,
    },
    /// The handshake timed out.
    #[error("no answer in {} s: UDP is blocked, or the relay is down{hint}", TIMEOUT.as_secs())]
    Slow {
        /// Another possible reason, or empty.
        hint: &'static str,
    },
    /// The remote did not prove the relay's peer id, or did not confirm its certificate.
    #[error("the remote did not authenticate as the relay: {0}")]
    WrongPeer(String),
}

/// Whether a browser can dial the address by WebTransport.
pub(crate) fn can_dial(address: &Multiaddr) -> bool {
    let mut parts = address.iter().peekable();
    let host = matches!(
        parts.next(),
        Some(Protocol::Ip4(_) | Protocol::Ip6(_) | Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_))
    );
    let protocols = matches!(parts.next(), Some(Protocol::Udp(1..)))
        && parts.next() == Some(Protocol::QuicV1)
        && parts.next() == Some(Protocol::WebTransport);
    let mut hashes = 0;
    while parts.next_if(|part| matches!(part, Protocol::Certhash(_))).is_some() {
        hashes += 1;
    }
    let end = matches!((parts.next(), parts.next()), (None | Some(Protocol::P2p(_)), None));
    host && protocols && (1..=HASHES).contains(&hashes) && end
}

/// The transport: each dial is its own session.
pub(crate) struct WebTransports {
    identity: Keypair,
}

impl WebTransports {
    pub(crate) fn new(identity: &Keypair) -> Self {
        Self { identity: identity.clone() }
    }
}

type Dialled = Result<(PeerId, websys::Connection), WebTransportError>;

impl Transport for WebTransports {
    type Output = (PeerId, websys::Connection);
    type Error = WebTransportError;
    type ListenerUpgrade = core::future::Pending<Dialled>;
    type Dial = Pin<Box<dyn Future<Output = Dialled> + Send>>;

    fn listen_on(&mut self, _: ListenerId, address: Multiaddr) -> Result<(), TransportError<WebTransportError>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    /// The session is made when the dial is first polled: of several addresses only those that are tried open one.
    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<Self::Dial, TransportError<WebTransportError>> {
        if !can_dial(&address) {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        let identity = self.identity.clone();
        Ok(Box::pin(SendWrapper::new(async move { open(&identity, address, options).await })))
    }

    fn poll(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, WebTransportError>> {
        Poll::Pending
    }
}

async fn open(identity: &Keypair, address: Multiaddr, options: DialOpts) -> Dialled {
    if !environment::has("WebTransport") {
        return Err(if environment::is_insecure() { WebTransportError::Insecure } else { WebTransportError::Missing });
    }
    let hint = environment::hint(&address);
    let failed = |error| refused(error, hint);
    let dial = websys::Transport::new(websys::Config::new(identity)).dial(address.clone(), options);
    let dial = dial.map_err(|error| match error {
        TransportError::Other(error) => failed(error),
        TransportError::MultiaddrNotSupported(_) => {
            WebTransportError::Failed { why: "the address is not supported".to_owned(), hint }
        }
    })?;
    match select(dial, Sleep::new(TIMEOUT)).await {
        Either::Left((dialled, _)) => dialled.map_err(failed),
        Either::Right(_) => Err(WebTransportError::Slow { hint }),
    }
}

fn refused(error: websys::Error, hint: &'static str) -> WebTransportError {
    match error {
        websys::Error::Noise(error) => WebTransportError::WrongPeer(error.to_string()),
        websys::Error::UnknownRemotePeerId => WebTransportError::WrongPeer("it has another peer id".to_owned()),
        websys::Error::JsError(why) => WebTransportError::Failed { why, hint },
        other => WebTransportError::Failed { why: other.to_string(), hint },
    }
}

#[cfg(test)]
mod tests {
    use super::{HASHES, can_dial};

    const PEER: &str = "/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";
    const HASH: &str = "/certhash/uEiCaDd1Ca1A8IVJ3hsIxIyi11cwxaDKqzVrBkGJbKZU5ng";

    fn is(address: &str) -> bool {
        can_dial(&address.parse().unwrap())
    }

    #[test]
    fn what_a_browser_can_dial() {
        for host in ["/ip4/127.0.0.1", "/ip6/::1", "/dns/relay.example", "/dns4/relay.example", "/dns6/relay.example"] {
            let address = format!("{host}/udp/9224/quic-v1/webtransport{HASH}");
            assert!(is(&address) && is(&format!("{address}{HASH}{PEER}")), "{address}");
        }
    }

    #[test]
    fn what_a_browser_cannot_dial() {
        let base = "/ip4/127.0.0.1/udp/9224/quic-v1/webtransport";
        let unknown = [
            base.to_owned(),
            format!("{base}{PEER}"),
            format!("{base}{}", HASH.repeat(HASHES + 1)),
            format!("{base}{HASH}{PEER}/p2p-circuit"),
            format!("/ip4/127.0.0.1/udp/0/quic-v1/webtransport{HASH}"),
            format!("/ip4/127.0.0.1/udp/9224/quic/webtransport{HASH}"),
            format!("/ip4/127.0.0.1/tcp/9224/quic-v1/webtransport{HASH}"),
            format!("/dnsaddr/relay.example/udp/9224/quic-v1/webtransport{HASH}"),
            "/ip4/127.0.0.1/udp/9224/quic-v1".to_owned(),
        ];
        for address in unknown {
            assert!(!is(&address), "{address}");
        }
    }
}
