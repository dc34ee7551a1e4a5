//! WebSocket, for browsers. The TLS certificate of secure WebSocket is read again when its files change, so a renewal needs no
//! restart: new connections get the new certificate, and existing ones stay open. If the files become invalid after the start,
//! that is logged, and the last valid certificate stays in use.

use std::{
    fs, io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, DialOpts, ListenerId, TransportError, TransportEvent},
        upgrade::Version,
    },
    websocket::{self, tls},
    yamux,
};
use petrel_core::net::Bandwidth;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::sync::{Notify, mpsc};

use super::{proxied::ProxiedTransport, security::SecurityUpgrade, tcp};
use crate::network::config::{NetworkConfig, PemFiles};

/// Bytes of one WebSocket frame at most: libp2p's default allows 256 MiB before a peer is authenticated.
const MAX_FRAME: usize = 1 << 20;
/// Streams of one connection at most, for both sides: a browser needs about ten.
const STREAMS: usize = 32;
/// How often the certificate's files are read.
const READ_INTERVAL: Duration = Duration::from_secs(5);
/// Bytes of a file at most.
const MAX_FILE: u64 = 1 << 20;

pub(super) fn build(
    config: &NetworkConfig,
    upgrade: &SecurityUpgrade,
    flow: Bandwidth,
) -> io::Result<Boxed<(PeerId, StreamMuxerBox)>> {
    let streams = ProxiedTransport::new(tcp::streams(config.timeout, flow), &config.trusted_proxies);
    let mut websocket = websocket::Config::new(streams);
    websocket.set_max_data_size(MAX_FRAME);
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(STREAMS);
    let reloading = ReloadingWebSocket::new(websocket, config.certificate.as_ref(), config.reread.clone())?;
    let secured = reloading.upgrade(Version::V1).authenticate(upgrade.clone());
    Ok(secured.multiplex(yamux).timeout(config.timeout).boxed())
}

/// See the module.
struct ReloadingWebSocket<T>
where
    T: Transport,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    websocket: websocket::Config<T>,
    changed: Option<mpsc::Receiver<tls::Config>>,
}

impl<T> ReloadingWebSocket<T>
where
    T: Transport + Send + Unpin + 'static,
    T::Error: Send + 'static,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    /// Without `files` it does not listen on secure addresses. With files it needs a tokio runtime.
    ///
    /// # Errors
    /// The files cannot be read, or are no certificate and its key.
    fn new(mut websocket: websocket::Config<T>, files: Option<&PemFiles>, reread: Arc<Notify>) -> io::Result<Self> {
        let Some(files) = files.cloned() else { return Ok(Self { websocket, changed: None }) };
        let first = PemContents::read(&files)?;
        websocket.set_tls_config(first.config().map_err(|error| with_file(&files.chain, error))?);
        let (sender, changed) = mpsc::channel(1);
        tokio::spawn(watch(files, first, reread, sender));
        Ok(Self { websocket, changed: Some(changed) })
    }
}

/// Sends each new configuration, until the receiver is dropped. The files are read every [`READ_INTERVAL`], and at each `reread`.
async fn watch(files: PemFiles, mut last: PemContents, reread: Arc<Notify>, sender: mpsc::Sender<tls::Config>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(READ_INTERVAL) => {}
            () = reread.notified() => {}
            () = sender.closed() => return,
        }
        let to_read = files.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || PemContents::read(&to_read)).await else { continue };
        let now = match read {
            Ok(now) if now != last => now,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(%error, "the certificate's files cannot be read; the last certificate stays in use");
                continue;
            }
        };
        match now.config() {
            Ok(config) => {
                tracing::info!(file = %files.chain.display(), "a new certificate is served");
                if sender.send(config).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // While only one of both files is written they do not match; they are read again soon.
                let file = files.chain.display();
                tracing::warn!(%file, %error, "the new certificate is invalid; the last certificate stays in use");
            }
        }
        last = now;
    }
}

/// The contents of both files.
#[derive(PartialEq, Eq)]
struct PemContents {
    chain: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
}

impl PemContents {
    fn read(files: &PemFiles) -> io::Result<Self> {
        Ok(Self { chain: read_bounded(&files.chain)?, key: read_bounded(&files.key)?.into() })
    }

    fn config(&self) -> io::Result<tls::Config> {
        let invalid = |error: rustls::pki_types::pem::Error| io::Error::other(format!("not PEM: {error}"));
        let chain = CertificateDer::pem_slice_iter(&self.chain).collect::<Result<Vec<_>, _>>().map_err(invalid)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(invalid)?;
        if chain.is_empty() {
            return Err(io::Error::other("it holds no certificate"));
        }
        let key = tls::PrivateKey::new(key.secret_der().to_vec());
        let chain = chain.into_iter().map(|certificate| tls::Certificate::new(certificate.to_vec()));
        tls::Config::new(key, chain).map_err(io::Error::other)
    }
}

fn read_bounded(file: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(file).map_err(|error| with_file(file, error))?.len() > MAX_FILE {
        return Err(with_file(file, io::Error::other("too large for a certificate or a key")));
    }
    fs::read(file).map_err(|error| with_file(file, error))
}

fn with_file(file: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", file.display()))
}

impl<T> Transport for ReloadingWebSocket<T>
where
    T: Transport + Send + Unpin + 'static,
    T::Error: Send + 'static,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = <websocket::Config<T> as Transport>::Output;
    type Error = <websocket::Config<T> as Transport>::Error;
    type ListenerUpgrade = <websocket::Config<T> as Transport>::ListenerUpgrade;
    type Dial = <websocket::Config<T> as Transport>::Dial;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<Self::Error>> {
        self.websocket.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.websocket.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<Self::Dial, TransportError<Self::Error>> {
        self.websocket.dial(address, options)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        if let Some(Poll::Ready(Some(config))) = self.changed.as_mut().map(|changed| changed.poll_recv(context)) {
            self.websocket.set_tls_config(config);
            context.waker().wake_by_ref();
        }
        Pin::new(&mut self.websocket).poll(context)
    }
}
