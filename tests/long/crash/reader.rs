//! A peer that requests one block by number.

use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, StreamProtocol, Swarm, Transport, core::upgrade::Version, identity::Keypair, multiaddr::Protocol, noise,
    swarm::dial_opts::DialOpts, tcp, yamux,
};
use petrel_core::{chain::Chain, payload_by_number::protocols, primitives::Primitives, range_sync::ResponseTask};
use petrel_tests::forge::schedule;

/// Timeout of a request: longer than a response takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// The hash of the served block, or why there is none.
pub(crate) fn read(chain: &Chain, address: &str, number: u64) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async { tokio::time::timeout(DEADLINE, request(chain, address, number)).await });
    let bytes = answer.map_err(|_| "no answer".to_owned())?;
    let fetched = ResponseTask { number, bytes: bytes.into(), schedule: schedule() }.run(Primitives::PORTABLE);
    fetched.map(|block| block.hash().to_string()).map_err(|fault| format!("{fault:?}"))
}

async fn request(chain: &Chain, address: &str, number: u64) -> Vec<u8> {
    let address: Multiaddr = address.parse().unwrap();
    let Some(Protocol::P2p(peer)) = address.iter().last() else { panic!("{address} names no peer") };
    let mut swarm = swarm();
    let mut control = swarm.behaviour().new_control();
    swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()).unwrap();
    let [name, _] = protocols(chain);
    let name = StreamProtocol::try_from_owned(name).unwrap();
    let requesting = async {
        let mut stream = loop {
            match control.open_stream(peer, name.clone()).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        stream.write_all(&number.to_le_bytes()).await.unwrap();
        stream.close().await.unwrap();
        let mut bytes = Vec::new();
        let _ended = stream.read_to_end(&mut bytes).await;
        bytes
    };
    tokio::select! {
        bytes = requesting => bytes,
        () = async { loop { swarm.select_next_some().await; } } => unreachable!("it never ends"),
    }
}

fn swarm() -> Swarm<libp2p_stream::Behaviour> {
    let identity = Keypair::generate_secp256k1();
    let transport = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(&identity).unwrap())
        .multiplex(yamux::Config::default())
        .boxed();
    let config = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(60));
    Swarm::new(transport, libp2p_stream::Behaviour::new(), identity.public().to_peer_id(), config)
}
