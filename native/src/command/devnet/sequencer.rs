//! The devnet's sequencer: makes a block whenever one is due and somebody listens, and gossips it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use petrel_core::{Event, net::Driver};
use tokio::sync::oneshot;

use super::Maker;
use crate::{daemon::unix_now, host::TokioHost, serve::events};

/// Runs for ever; `listening` gets our address as soon as there is one.
pub(super) async fn run(mut driver: Driver<TokioHost>, mut maker: Maker, listening: oneshot::Sender<String>) {
    let mut listening = Some(listening);
    let mut joined = 0;
    // A peer that is ready for blocks has joined all that are open.
    let topics = maker.chain().open_topics(unix_now()).count();
    loop {
        let due = async {
            tokio::time::sleep(until(maker.due_ms())).await;
            if joined < topics {
                // A block that nobody hears would be lost: the first waits for the follower.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            event = driver.next() => {
                let Some(event) = event else { return };
                joined += usize::from(matches!(event, Event::TopicJoined(_)));
                match event {
                    Event::Listening(at) => {
                        // Nobody waits any more when the devnet ended meanwhile.
                        let _ended = listening.take().map(|waiting| waiting.send(at.address));
                    }
                    Event::Block(_) => {}
                    event => events::log(&event),
                }
            }
            () = due => match maker.make() {
                Ok(made) => driver.publish(made.version, made.message.into()),
                Err(error) => {
                    tracing::error!(%error, "no block can be made");
                    return;
                }
            },
        }
    }
}

/// Until a time in Unix milliseconds, by the system's clock.
fn until(unix_ms: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(unix_ms).saturating_sub(now)
}
