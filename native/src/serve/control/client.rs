//! The side that asks.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::socket::{FILE, PATIENCE, Request};

/// Bytes of an answer at most: some 4,096 peers of one kilobyte, with room to spare.
const ANSWER: u64 = 16 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The system refuses.
    #[error("{}: {error}", .file.display())]
    Io {
        /// The socket.
        file: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// What came is no answer: another version's node.
    #[error("{}: what the node answers is not understood: {error}", .file.display())]
    Unclear {
        /// The socket.
        file: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// The node refuses.
    #[error("{0}")]
    Refused(String),
}

/// Asks the node that runs with this data directory; `None` when none does.
///
/// # Errors
/// See [`AskError`].
pub fn ask(datadir: &Path, request: &Request) -> Result<Option<Value>, AskError> {
    let file = datadir.join(FILE);
    let stream = match UnixStream::connect(&file) {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => return Err(AskError::Io { file, error }),
    };
    let answer = talk(stream, request).map_err(|error| AskError::Io { file: file.clone(), error })?;
    let mut answer: Value =
        serde_json::from_slice(&answer).map_err(|error| AskError::Unclear { file, error: error.to_string() })?;
    match answer.get_mut("error").map(Value::take) {
        Some(Value::String(error)) => Err(AskError::Refused(error)),
        Some(error) => Err(AskError::Refused(error.to_string())),
        None => Ok(Some(answer)),
    }
}

/// No socket, or one that nobody listens on; a path that is too long for one is the node's without a socket too.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidInput)
}

fn talk(mut stream: UnixStream, request: &Request) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(2 * PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    stream.take(ANSWER).read_to_end(&mut answer)?;
    Ok(answer)
}
