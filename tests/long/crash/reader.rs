//! A peer that requests one block by number.

use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::StreamProtocol;
use petrel_core::{chain::Chain, payload_by_number::protocols, primitives::Primitives, range_sync::ResponseTask};
use petrel_tests::{forge::schedule, raw_peer::RawPeer};

/// Timeout of a request: longer than a response takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// The hash of the served block, or why there is none.
pub(crate) fn read(chain: &Chain, address: &str, number: u64) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async { tokio::time::timeout(DEADLINE, request(chain, address, number)).await });
    let bytes = answer.ok().flatten().ok_or("no answer")?;
    let fetched = ResponseTask { number, bytes: bytes.into(), schedule: schedule() }.run(Primitives::PORTABLE);
    fetched.map(|block| block.hash().to_string()).map_err(|fault| format!("{fault:?}"))
}

/// The bytes of the response; `None` when the connection fails.
async fn request(chain: &Chain, address: &str, number: u64) -> Option<Vec<u8>> {
    let mut peer = RawPeer::connect(&address.parse().unwrap()).await?;
    let [name, _] = protocols(chain);
    let mut opener = peer.opener();
    let mut bytes = Vec::new();
    let requesting = async {
        let mut stream = opener.open(StreamProtocol::try_from_owned(name).unwrap()).await;
        stream.write_all(&number.to_le_bytes()).await.unwrap();
        stream.close().await.unwrap();
        let _ended = stream.read_to_end(&mut bytes).await;
    };
    let has_ended = peer.run(requesting).await;
    (!has_ended).then_some(bytes)
}
