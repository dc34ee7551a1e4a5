//! A peer that does not answer our pings, but pings us: js-libp2p without its ping service. Its connection monitor sends pings and
//! closes the connection when no answer arrives.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{
    Swarm,
    identity::Keypair,
    ping,
    swarm::{self, SwarmEvent, dial_opts::DialOpts},
};
use petrel_core::{chain::Chain, config::Config, time::Now};
use petrel_tests::memory_driver::{self, MemoryHost};

const PORT: u64 = 7501;
/// Deadline of a condition: longer than any condition takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn now() -> Now {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    Now { mono: START.elapsed(), unix: SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970") }
}

#[tokio::test]
async fn a_peer_that_refuses_our_pings_has_its_own_answered() {
    let (us, them) = (Keypair::generate_secp256k1(), Keypair::generate_secp256k1());
    let config = Config::new(Chain::preset("op-mainnet").expect("a preset"));
    let mut driver = memory_driver::driver(config, &us, PORT, MemoryHost::new(now));
    tokio::spawn(async move { while driver.next().await.is_some() {} });

    let refusals = libp2p_stream::Behaviour::new();
    let mut control = refusals.new_control();
    let mut swarm = Swarm::new(
        memory_driver::transport(&them),
        refusals,
        them.public().to_peer_id(),
        swarm::Config::with_tokio_executor().with_idle_connection_timeout(DEADLINE),
    );
    let peer = us.public().to_peer_id();
    swarm.dial(DialOpts::peer_id(peer).addresses(vec![memory_driver::address(PORT)]).build()).unwrap();
    while !matches!(swarm.next().await, Some(SwarmEvent::ConnectionEstablished { .. })) {}
    tokio::spawn(async move { while swarm.next().await.is_some() {} });

    let pings = async {
        // Each ping on its own stream, as in js-libp2p. Our first ping is refused in the meantime.
        for round in 0..20_u8 {
            let mut stream = control.open_stream(peer, ping::PROTOCOL_NAME).await.unwrap();
            for again in 0..2 {
                let ping = [round * 2 + again; 32];
                stream.write_all(&ping).await.unwrap();
                stream.flush().await.unwrap();
                let mut pong = [0; 32];
                stream.read_exact(&mut pong).await.unwrap();
                assert_eq!(pong, ping);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, pings).await.expect("every ping is answered");
}
