//! WebSocket whose TLS certificate is read again when its files change, so that a renewal needs no restart: whoever connects
//! from then on gets the new one, and connections stay. Files that are wrong after the start are said and passed over.

use std::{
    fs, io,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    Multiaddr, Transport,
    core::transport::{DialOpts, ListenerId, TransportError, TransportEvent},
    websocket::{self, tls},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::sync::mpsc;

use crate::cli::settings::PemFiles;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Bytes of a file at most.
const MAX_FILE: u64 = 1 << 20;

/// See the module.
pub(super) struct Secure<T>
where
    T: Transport,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    websocket: websocket::Config<T>,
    changed: Option<mpsc::Receiver<tls::Config>>,
}

impl<T> Secure<T>
where
    T: Transport + Send + Unpin + 'static,
    T::Error: Send + 'static,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    /// Listens on secure addresses only where there are files. Needs a tokio runtime then.
    ///
    /// # Errors
    /// The files cannot be read, or are no certificate and its key.
    pub(super) fn new(mut websocket: websocket::Config<T>, files: Option<&PemFiles>) -> io::Result<Self> {
        let Some(files) = files.cloned() else { return Ok(Self { websocket, changed: None }) };
        let first = Contents::read(&files)?;
        websocket.set_tls_config(first.config().map_err(|error| of(&files.chain, error))?);
        let (sender, changed) = mpsc::channel(1);
        tokio::spawn(watch(files, first, sender));
        Ok(Self { websocket, changed: Some(changed) })
    }
}

/// Sends each new configuration, until nobody listens.
async fn watch(files: PemFiles, mut last: Contents, sender: mpsc::Sender<tls::Config>) {
    loop {
        tokio::select! { () = tokio::time::sleep(LOOK) => {}, () = sender.closed() => return }
        let look = files.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || Contents::read(&look)).await else { continue };
        let now = match read {
            Ok(now) if now != last => now,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(%error, "the certificate's files cannot be read; the last one is served on");
                continue;
            }
        };
        match now.config() {
            Ok(config) => {
                tracing::info!(file = %files.chain.display(), "another certificate is served");
                if sender.send(config).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // Between the writing of both files they do not fit; the next look is soon.
                let file = files.chain.display();
                tracing::warn!(%file, %error, "the new certificate is not used; the last one is served on");
            }
        }
        last = now;
    }
}

/// What both files hold.
#[derive(PartialEq, Eq)]
struct Contents {
    chain: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
}

impl Contents {
    fn read(files: &PemFiles) -> io::Result<Self> {
        Ok(Self { chain: small(&files.chain)?, key: small(&files.key)?.into() })
    }

    fn config(&self) -> io::Result<tls::Config> {
        let wrong = |error: rustls::pki_types::pem::Error| io::Error::other(format!("not PEM: {error}"));
        let chain = CertificateDer::pem_slice_iter(&self.chain).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(wrong)?;
        if chain.is_empty() {
            return Err(io::Error::other("no certificate is in it"));
        }
        let key = tls::PrivateKey::new(key.secret_der().to_vec());
        let chain = chain.into_iter().map(|certificate| tls::Certificate::new(certificate.to_vec()));
        tls::Config::new(key, chain).map_err(io::Error::other)
    }
}

fn small(file: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(file).map_err(|error| of(file, error))?.len() > MAX_FILE {
        return Err(of(file, io::Error::other("too large for a certificate or a key")));
    }
    fs::read(file).map_err(|error| of(file, error))
}

fn of(file: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", file.display()))
}

impl<T> Transport for Secure<T>
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
