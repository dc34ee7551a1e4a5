//! The client of the control socket.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    protocol::{FILE, SocketRequest, TIMEOUT},
    socket_path::SocketPath,
};

/// Bytes of a response at most: about 4,096 peers of one kilobyte, with a reserve.
const MAX_RESPONSE: u64 = 16 << 20;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlClientError {
    /// The connection failed.
    #[error("{}: {error}", .file.display())]
    Io {
        /// The socket.
        file: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The response is malformed: the node has another version.
    #[error("{}: the node's response is malformed: {error}", .file.display())]
    Malformed {
        /// The socket.
        file: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// The node refuses the request.
    #[error("{0}")]
    Refused(String),
}

/// Sends a request to the node that runs with this data directory; `None` if no node does.
///
/// # Errors
/// See [`ControlClientError`].
pub fn request(datadir: &Path, request: &SocketRequest) -> Result<Option<Value>, ControlClientError> {
    let file = datadir.join(FILE);
    let connected = SocketPath::new(datadir, FILE).and_then(|path| UnixStream::connect(path.as_path()));
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) if is_no_node(&error) => return Ok(None),
        Err(error) => return Err(ControlClientError::Io { file, error }),
    };
    let response = exchange(stream, request).map_err(|error| ControlClientError::Io { file: file.clone(), error })?;
    let mut response: Value = serde_json::from_slice(&response)
        .map_err(|error| ControlClientError::Malformed { file, error: error.to_string() })?;
    match response.get_mut("error").map(Value::take) {
        Some(Value::String(error)) => Err(ControlClientError::Refused(error)),
        Some(error) => Err(ControlClientError::Refused(error.to_string())),
        None => Ok(Some(response)),
    }
}

/// There is no socket, or no process listens on it.
fn is_no_node(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn exchange(mut stream: UnixStream, request: &SocketRequest) -> io::Result<Vec<u8>> {
    let takes_long = matches!(request, SocketRequest::Export { .. });
    stream.set_read_timeout((!takes_long).then_some(2 * TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut response = Vec::new();
    stream.take(MAX_RESPONSE).read_to_end(&mut response)?;
    Ok(response)
}
