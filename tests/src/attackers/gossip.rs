//! Messages of all kinds, as fast as the daemon reads them, with another identity after each disconnection.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use futures::AsyncWriteExt;

use super::{
    addresses::{Role, source},
    attacker::Attacker,
    counts::Counts,
    messages::{self, KINDS},
    reconnect::reconnect,
    target::{Latest, Target},
};
use crate::raw_peer::StreamOpener;

/// The name of these attackers.
pub const MESSAGES: &str = "messages";
/// Time for which one kind is sent.
const ROUND: Duration = Duration::from_millis(700);
/// Time for which one identity is used at most: the daemon may not read what it sends.
const LIFE: Duration = Duration::from_secs(12);

/// `seed` is its number: each has a network of its own, and begins with another kind.
pub(super) fn start(seed: u8, target: &Target, latest: &Latest) -> Attacker {
    let address = target.tcp_from(source(Role::Gossip, seed));
    let (chain, latest) = (target.chain.id, latest.clone());
    Attacker::start(MESSAGES, async move |counts| {
        let lives = Cell::new(0_u64);
        reconnect(&address, &counts, async |peer| {
            let life = lives.replace(lives.get() + 1);
            let turn = u64::from(seed) << 48 | life << 24;
            let sender = Sender { opener: peer.opener(), chain, latest: &latest, counts: &counts };
            let sending = peer.run(sender.send(usize::from(seed) + life as usize, turn));
            if tokio::time::timeout(LIFE, sending).await.is_err() {
                counts.add("identities given up after 12 s", 1);
            }
        })
        .await;
    })
}

struct Sender<'a> {
    opener: StreamOpener,
    chain: u64,
    latest: &'a Latest,
    counts: &'a Counts,
}

impl Sender<'_> {
    /// Sends one kind after the other until the stream ends.
    async fn send(mut self, first: usize, mut turn: u64) {
        let mut stream = self.opener.gossip().await;
        for kind in first.. {
            let kind = kind % KINDS.len();
            let end = Instant::now() + ROUND;
            while Instant::now() < end {
                turn += 1;
                let rpc = messages::rpc(kind, self.chain, turn, self.latest);
                if stream.write_all(&rpc).await.is_err() {
                    return;
                }
                self.counts.add(KINDS[kind], 1);
            }
        }
    }
}
