//! The socket `petrel.sock` in the data directory, by which the other subcommands reach a running node; see `protocol`.
//!
//! It is a Unix domain socket of mode 0600: a user who can read the node's own files can use it. It is created at each start and
//! removed at the end; a stale one is replaced. Bounds: [`MAX_REQUEST`] bytes for a request, [`TIMEOUT`] for the request and for the
//! response, except a copy of the store; [`CONNECTIONS`] at once; further connections wait.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use petrel_core::ban::BanTarget;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{
    ban_arguments::{check_length, check_reason, parse_subject},
    protocol::{FILE, MAX_REQUEST, SocketRequest, TIMEOUT},
    service::ControlHandle,
    socket_path::SocketPath,
};

/// The socket's name until it is finished.
const UNFINISHED: &str = "petrel.sock.new";
/// Connections served at once.
pub const CONNECTIONS: usize = 8;
/// Time until the next attempt after an error of the listener (no free descriptors).
const RETRY: Duration = Duration::from_millis(100);

/// The served socket; dropping it removes the file.
#[derive(Debug)]
pub struct ControlSocket(PathBuf);

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.0);
    }
}

impl ControlSocket {
    /// Creates the socket in `datadir`, which only this process uses, and serves it in the background until the runtime ends.
    ///
    /// # Errors
    /// It cannot be created: another kind of file has its name, or, except on Linux, the path is too long for a socket.
    pub fn open(datadir: &Path, handle: ControlHandle) -> io::Result<Self> {
        let file = datadir.join(FILE);
        match fs::symlink_metadata(&file) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this is not a socket; move it away"));
            }
            _ => {}
        }
        // It gets its name after its mode is set, so that no other user can connect in between.
        let unfinished = datadir.join(UNFINISHED);
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(SocketPath::new(datadir, UNFINISHED)?.as_path())?;
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600))?;
        fs::rename(&unfinished, &file)?;
        tokio::spawn(serve(listener, handle));
        Ok(Self(file))
    }
}

async fn serve(listener: UnixListener, handle: ControlHandle) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let handle = handle.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve_connection(stream, &handle).await {
                        tracing::debug!(%error, "control socket");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket cannot accept a connection; trying again");
                sleep(RETRY).await;
            }
        }
    }
}

/// Serves one request.
async fn serve_connection(stream: UnixStream, handle: &ControlHandle) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    timeout(TIMEOUT, BufReader::new(read.take(MAX_REQUEST)).read_until(b'\n', &mut line)).await??;
    let response = match serde_json::from_slice(&line) {
        _ if line.last() != Some(&b'\n') => error_response(format!("expected one line of at most {MAX_REQUEST} bytes")),
        Ok(SocketRequest::Export { file }) => export(file, handle).await.unwrap_or_else(error_response),
        Ok(request) => timeout(TIMEOUT, handle_request(request, handle)).await?.unwrap_or_else(error_response),
        Err(error) => error_response(format!("not a request: {error}")),
    };
    timeout(TIMEOUT, write.write_all(format!("{response}\n").as_bytes())).await??;
    write.shutdown().await
}

/// Copies the store, for as long as it takes.
async fn export(file: PathBuf, handle: &ControlHandle) -> Result<Value, String> {
    let exported = handle.export(file).await.ok_or_else(|| "the node is stopping".to_owned())??;
    Ok(json!({ "exported": exported }))
}

fn error_response(error: String) -> Value {
    json!({ "error": error })
}

async fn handle_request(request: SocketRequest, handle: &ControlHandle) -> Result<Value, String> {
    let stopping = || "the node is stopping".to_owned();
    match request {
        SocketRequest::Peers {} => Ok(json!({ "peers": handle.snapshot().await.ok_or_else(stopping)?.peers })),
        SocketRequest::Bans {} => {
            Ok(json!({ "bans": handle.snapshot().await.ok_or_else(stopping)?.status.peering.bans }))
        }
        SocketRequest::Ban { who, secs, reason } => {
            let length =
                secs.map(Duration::from_secs).map(check_length).transpose().map_err(|error| error.to_string())?;
            check_reason(&reason).map_err(|error| error.to_string())?;
            let banned = handle.ban(subject(&who)?, length, reason).await.ok_or_else(stopping)?;
            banned.map(|ban| json!({ "banned": ban })).map_err(|error| format!("{who}: {error}"))
        }
        SocketRequest::Lift { who } => {
            let lifted = handle.lift(subject(&who)?).await.ok_or_else(stopping)?;
            lifted.map(|lifted| json!({ "lifted": lifted })).map_err(|error| format!("{who}: {error}"))
        }
        SocketRequest::Export { file } => export(file, handle).await,
    }
}

fn subject(who: &str) -> Result<BanTarget, String> {
    parse_subject(who).map_err(|error| error.to_string())
}
