//! The devnet's sequencer: builds a block when one is due and a follower is subscribed, and gossips it.

use std::time::Duration;

use futures::StreamExt;
use petrel_core::{Event, net::Driver};
use tokio::sync::oneshot;

use super::block_builder::BlockBuilder;
use crate::{
    host::TokioHost,
    serve::event_log::log_event,
    system::clock::{since_epoch, unix_now},
};

/// Runs until it is aborted; sends the listening address to `address`.
pub(super) async fn run(mut driver: Driver<TokioHost>, mut builder: BlockBuilder, address: oneshot::Sender<String>) {
    let mut address = Some(address);
    let mut joined = 0;
    // A peer that is ready for blocks has joined all active topics.
    let topics = builder.chain().open_topics(unix_now()).count();
    loop {
        let due = async {
            tokio::time::sleep(until(builder.due_ms())).await;
            if joined < topics {
                // A block without a subscriber would be lost: the first block waits for a follower.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            event = driver.next() => {
                let Some(event) = event else { return };
                joined += usize::from(matches!(event, Event::TopicJoined(_)));
                match event {
                    Event::Listening(at) => {
                        // Nobody receives it if the devnet has ended meanwhile.
                        let _ended = address.take().map(|waiting| waiting.send(at.address));
                    }
                    Event::Block(_) => {}
                    event => log_event(&event),
                }
            }
            () = due => match builder.build() {
                Ok(block) => driver.publish(block.version, block.message.into()),
                Err(error) => {
                    tracing::error!(%error, "the block cannot be built");
                    return;
                }
            },
        }
    }
}

/// The duration until a time in Unix milliseconds.
fn until(unix_ms: u64) -> Duration {
    Duration::from_millis(unix_ms).saturating_sub(since_epoch())
}
