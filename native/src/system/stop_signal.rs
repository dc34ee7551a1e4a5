//! The signals that stop the process.

use tokio::signal::unix::{SignalKind, signal};

/// Completes at the first Ctrl-C or SIGTERM. A second one ends the process at once. The handlers are installed by this call, not by
/// the first poll.
pub(crate) fn stop_signal() -> impl Future<Output = ()> {
    let [term, int] = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    async move {
        let (Ok(mut term), Ok(mut int)) = (term, int) else {
            return std::future::pending().await;
        };
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            std::process::exit(130);
        });
    }
}
