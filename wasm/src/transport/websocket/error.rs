//! Why there is no WebSocket connection.

/// Why a WebSocket did not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebSocketError {
    /// There is no global `WebSocket`.
    #[error("this environment has no WebSocket (Node has it from version 22 on)")]
    Missing,
    /// Mixed content, or a forbidden port.
    #[error("the browser does not allow {url} here: {why} (a page from https:// can open wss:// alone)")]
    Forbidden {
        /// The URL.
        url: String,
        /// The browser's message.
        why: String,
    },
    /// Closed before it opened. Browsers do not give scripts the reason.
    #[error(
        "{url} did not open (code {code}): nothing listens there, it is no WebSocket, or the browser blocks it{hint}"
    )]
    Refused {
        /// The URL.
        url: String,
        /// The close code.
        code: u16,
        /// Another possible reason, or empty.
        hint: &'static str,
    },
}
