//! The followers of a devnet: their tasks, their events, and the end of the run.

use futures::StreamExt;
use petrel_core::{Event, config::Settled, net::Driver};
use serde::Serialize;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{follower_heads::FollowerHeads, settings::DevnetSettings, view::DevnetView};
use crate::{
    cli::flags::EventFormat,
    daemon::DaemonError,
    host::{MessageLoss, TokioHost},
    identity::Identity,
    network::OurAddresses,
    serve::{
        event_log::log_event,
        events::EventPrinter,
        page,
        relay_info::{RelayInfo, SharedRelayInfo},
    },
};

/// Events that wait to be shown; a follower waits while the queue is full.
const QUEUE: usize = 1024;

/// See the module.
pub(super) struct Followers {
    heads: FollowerHeads,
    /// Number of followers.
    count: usize,
    /// The first follower's addresses, for the page.
    addresses: OurAddresses,
    relay_info: SharedRelayInfo,
    view: DevnetView,
    printer: EventPrinter,
    event_sender: mpsc::Sender<(usize, Event)>,
    events: mpsc::Receiver<(usize, Event)>,
    /// Starts to stop the followers.
    ending: watch::Sender<()>,
    tasks: JoinSet<()>,
}

impl Followers {
    /// Serves the page, with a relay record that `identity` signs.
    ///
    /// # Errors
    /// The address of the page is taken.
    pub(super) async fn new(
        settings: &DevnetSettings,
        config: &Settled,
        identity: &Identity,
    ) -> Result<Self, DaemonError> {
        let relay_info = SharedRelayInfo::new(RelayInfo::new(config, true));
        let (ip, port) = settings.http;
        let url = page::serve((ip, port).into(), relay_info.clone(), identity.keypair.clone(), &[], None)
            .await
            .map_err(DaemonError::io(format!("cannot serve the page on {ip}:{port}")))?;
        let json = settings.events == EventFormat::Json;
        let (event_sender, events) = mpsc::channel(QUEUE);
        Ok(Self {
            heads: FollowerHeads::new(settings.followers, settings.blocks),
            count: settings.followers,
            addresses: OurAddresses::new(None),
            relay_info,
            view: DevnetView::start(json, &config.chain, &url),
            printer: EventPrinter::stdout(json),
            event_sender,
            events,
            ending: watch::channel(()).0,
            tasks: JoinSet::new(),
        })
    }

    /// Runs a follower in a task of its own.
    pub(super) fn spawn(&mut self, driver: Driver<TokioHost>, loss: MessageLoss) {
        let which = self.tasks.len();
        self.tasks.spawn(forward_events(which, driver, self.event_sender.clone(), self.ending.subscribe(), loss));
    }

    /// Shows events until the heads of all are equal after `--blocks`, or `stop` completes.
    ///
    /// # Errors
    /// The heads differ at the end.
    pub(super) async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), DaemonError> {
        let mut stop = std::pin::pin!(stop);
        while !self.heads.are_done() {
            let next = tokio::select! {
                next = self.events.recv() => next,
                () = &mut stop => None,
                () = self.heads.timeout() => return Err(DaemonError::HeadsDiffer(self.heads.to_text())),
            };
            let Some((which, event)) = next else { break };
            self.on_event(which, event);
        }
        self.finish()
    }

    fn on_event(&mut self, which: usize, event: Event) {
        if self.heads.on_event(which, &event) {
            // From now on no message is dropped, so that all followers can reach one block.
            self.ending.send_replace(());
        }
        if which == 0 {
            log_event(&event);
            self.update_page(&event);
        }
        if self.count == 1 {
            self.printer.print(&event);
            self.view.show(&event);
        } else {
            self.view.show_of(which + 1, &event);
            self.printer.print(&FollowerEvent { follower: which + 1, event });
        }
    }

    fn update_page(&mut self, event: &Event) {
        self.relay_info.on_event(event);
        match event {
            Event::Listening(at) => self.addresses.listening(&at.address),
            Event::ListenEnded(at) => self.addresses.listen_ended(&at.address),
            _ => return,
        }
        self.relay_info.set_own_addresses(self.addresses.for_browsers());
    }

    fn finish(mut self) -> Result<(), DaemonError> {
        let (is_done, result) = (self.heads.are_done(), self.heads.result());
        if is_done && self.count > 1 {
            self.view.say(&self.heads.to_text());
            self.printer.print(&result);
        }
        self.printer.finish();
        if is_done && !result.equal { Err(DaemonError::HeadsDiffer(self.heads.to_text())) } else { Ok(()) }
    }
}

/// Forwards the events of one follower until the receiver is dropped. When the end begins, no message is dropped any more.
async fn forward_events(
    which: usize,
    mut driver: Driver<TokioHost>,
    events: mpsc::Sender<(usize, Event)>,
    mut ending: watch::Receiver<()>,
    loss: MessageLoss,
) {
    loop {
        tokio::select! {
            event = driver.next() => {
                let Some(event) = event else { return };
                if events.send((which, event)).await.is_err() {
                    return;
                }
            }
            Ok(()) = ending.changed() => loss.end(),
        }
    }
}

/// An event of one of several followers.
#[derive(Serialize)]
struct FollowerEvent {
    follower: usize,
    #[serde(flatten)]
    event: Event,
}
