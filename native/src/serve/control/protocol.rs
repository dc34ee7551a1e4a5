//! The control socket's protocol: one line of JSON as request, one line of JSON as response, then the connection ends. A new method
//! is a variant here, and an arm in `socket` and `service`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

/// The socket's name in the data directory.
pub const FILE: &str = "petrel.sock";
/// Bytes of a request at most, including its end of line.
pub const MAX_REQUEST: u64 = 64 << 10;
/// How long a request and its response may take, each; a copy of the store may take longer.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A method with its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum SocketRequest {
    /// Connected peers: `{"peers":[…]}`.
    Peers {},
    /// Bans in force: `{"bans":[…]}`.
    Bans {},
    /// Adds or replaces a ban: `{"banned":{…}}`.
    Ban {
        /// Peer id, IP address, or network.
        who: String,
        /// Length in seconds; without it the ban lasts until it is lifted.
        secs: Option<u64>,
        /// The reason.
        reason: String,
    },
    /// Lifts a ban: `{"lifted":bool}`, false if there was none.
    Lift {
        /// The subject of the ban.
        who: String,
    },
    /// Copies the store to a new file: `{"exported":{…}}`. It has no limit of time.
    Export {
        /// The file, as an absolute path.
        file: PathBuf,
    },
}
