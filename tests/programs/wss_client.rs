//! Clients of secure WebSocket that trust one certificate, which the test has made.

use std::{
    fs,
    path::Path,
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant, SystemTime},
};

use data_encoding::BASE64;
use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        Endpoint,
        muxing::StreamMuxerBox,
        transport::{Boxed, DialOpts, PortUse},
        upgrade::Version,
    },
    gossipsub,
    identity::Keypair,
    noise,
    swarm::SwarmEvent,
    tcp,
    websocket::{self, tls},
    yamux,
};
use petrel_node::network::transport::{
    PERIOD,
    webtransport::{CertificateSchedule, certificate::PeriodCertificate},
};
use petrel_tests::{plain_gossipsub, process::DEADLINE};
use tokio::runtime::Runtime;

const DIAL: DialOpts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
/// Between two dials.
const POLL: Duration = Duration::from_millis(20);

/// Another certificate for `localhost` at each call.
pub(crate) fn certificate() -> PeriodCertificate {
    let schedule = CertificateSchedule::new(&Keypair::generate_secp256k1(), PERIOD).unwrap();
    schedule.certificate(schedule.number(SystemTime::now())).unwrap()
}

/// Writes `cert.pem` and `key.pem`.
pub(crate) fn write(folder: &Path, certificate: &PeriodCertificate) {
    fs::write(folder.join("cert.pem"), pem("CERTIFICATE", &certificate.der)).unwrap();
    fs::write(folder.join("key.pem"), pem("PRIVATE KEY", &certificate.key)).unwrap();
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(der))
}

fn transport(identity: &Keypair, trusted: &PeriodCertificate) -> Boxed<(PeerId, StreamMuxerBox)> {
    let mut trust = tls::Config::builder();
    trust.add_trust(&tls::Certificate::new(trusted.der.clone())).unwrap();
    let mut websocket = websocket::Config::new(tcp::tokio::Transport::new(tcp::Config::default()));
    websocket.set_tls_config(trust.finish());
    websocket
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(identity).unwrap())
        .multiplex(yamux::Config::default())
        .boxed()
}

/// Whether a new connection to this address is presented this certificate.
pub(crate) async fn is_presented(certificate: &PeriodCertificate, address: &Multiaddr) -> bool {
    let mut client = transport(&Keypair::generate_secp256k1(), certificate);
    client.dial(address.clone(), DIAL).unwrap().await.is_ok()
}

/// How long it takes until new connections are presented this certificate.
pub(crate) async fn until_presented(certificate: &PeriodCertificate, address: &Multiaddr) -> Duration {
    let begin = Instant::now();
    while !is_presented(certificate, address).await {
        assert!(begin.elapsed() < DEADLINE, "the certificate is never presented");
        tokio::time::sleep(POLL).await;
    }
    begin.elapsed()
}

/// A peer that stays connected over this certificate: `true` for each block, `false` when its connection ends.
pub(crate) fn follow(
    runtime: &Runtime,
    trusted: &PeriodCertificate,
    address: Multiaddr,
    topic: String,
) -> Receiver<bool> {
    let (sender, events) = channel();
    let identity = Keypair::generate_secp256k1();
    let transport = transport(&identity, trusted);
    runtime.spawn(async move {
        let mut swarm = plain_gossipsub::over(transport, &identity, &topic, plain_gossipsub::id);
        swarm.dial(address).unwrap();
        loop {
            let is_block = match swarm.select_next_some().await {
                SwarmEvent::Behaviour(gossipsub::Event::Message { .. }) => true,
                SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => false,
                _ => continue,
            };
            let _test_has_ended = sender.send(is_block);
        }
    });
    events
}
