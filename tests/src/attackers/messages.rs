//! The RPCs of an attacker; all are different except the replays.

use petrel_core::fork::Fork;

use super::{
    rpc,
    target::{Latest, honest},
};
use crate::forge::{Forge, compress, noise};

/// The kinds, in the order in which each attacker sends them.
pub(super) const KINDS: [&str; 8] = [
    "10 MiB that do not compress, with an invalid signature",
    "500 kB that decompress to 10 MiB",
    "a valid header, a corrupt body",
    "tiny messages",
    "replays of honest messages",
    "IHAVE storms",
    "IWANT storms",
    "copies of honest messages with a key",
];

/// The `turn`-th RPC of this kind.
pub(super) fn rpc(kind: usize, chain_id: u64, turn: u64, latest: &Latest) -> Vec<u8> {
    let topic = format!("/optimism/{chain_id}/3/blocks");
    let one = |data: &[u8]| rpc::publish(&[rpc::message(&topic, data, None)]);
    let honest = || honest(latest);
    match kind {
        0 => one(&compress(&noise(turn, (10 << 20) - 20_000))),
        1 => {
            let mut zeros = vec![0; 10 << 20];
            zeros[..64].copy_from_slice(&noise(turn, 64));
            let bomb = compress(&zeros);
            // At most as many as fit into an RPC.
            let count = ((10 << 20) - 1000) / (bomb.len() + 100);
            rpc::publish(&vec![rpc::message(&topic, &bomb, None); count.min(1 + turn as usize % 20)])
        }
        2 => {
            let mut corrupt = compress(&Forge::new(chain_id, Fork::Jovian, turn, 0, 1_000_000).sealed().0);
            let last = corrupt.len() - 1;
            corrupt.truncate(last);
            one(&corrupt)
        }
        3 => {
            let tiny = |at: u64| rpc::message(&topic, &compress(&noise(turn << 16 | at, 66)), None);
            rpc::publish(&(0..1000).map(tiny).collect::<Vec<_>>())
        }
        4 => rpc::publish(&vec![rpc::message(&topic, &honest(), None); 20]),
        5 => rpc::control(Some(&topic), &ids(turn)),
        6 => rpc::control(None, &ids(turn)),
        _ => rpc::publish(&[rpc::message(&topic, &honest(), Some(&noise(turn, 32)))]),
    }
}

/// Message ids of no message.
fn ids(turn: u64) -> Vec<[u8; 20]> {
    noise(turn, 20 * 700).chunks_exact(20).map(|id| id.try_into().expect("20 bytes")).collect()
}
