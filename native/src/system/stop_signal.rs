//! The signals that stop the process.

use tokio::signal::unix::{SignalKind, signal};

/// Completes at the first Ctrl-C, SIGTERM, or SIGHUP of a closed terminal. A second one ends the process at once. The handlers are
/// installed by this call, not by the first poll.
pub(crate) fn stop_signal() -> impl Future<Output = ()> {
    let [term, int, hup] = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    async move {
        let (Ok(mut term), Ok(mut int), Ok(mut hup)) = (term, int, hup) else {
            return std::future::pending().await;
        };
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {}, _ = hup.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            std::process::exit(130);
        });
    }
}
