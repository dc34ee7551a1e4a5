//! The socket `petrel.sock` in the data directory, through which the other subcommands ask a running node: a line of JSON
//! in, a line of JSON out, and the connection ends.
//!
//! It is a Unix domain socket of mode 0600: whoever may read the node's own files may ask. It is made anew at each start
//! and removed at the end; a stale one is replaced. Bounds: [`REQUEST`] bytes a question, [`PATIENCE`] for question and
//! answer together, [`CONNECTIONS`] at once; the next ones wait.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use petrel_core::ban::BanTarget;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::{command::bans, serve::control::service::Door};

/// The socket's name in the data directory.
pub const FILE: &str = "petrel.sock";
/// Bytes of a question at most, its end of line included.
pub const REQUEST: u64 = 64 << 10;
/// How long a question and its answer may take together.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Connections served at once.
pub const CONNECTIONS: usize = 8;
/// After an error of the listener (no more descriptors), how long until the next try.
const REST: Duration = Duration::from_millis(100);

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Who is connected: `{"peers":[…]}`.
    Peers {},
    /// Who may not connect: `{"bans":[…]}`.
    Bans {},
    /// Ban somebody, in the place of a ban that it has: `{"banned":{…}}`.
    Ban {
        /// Peer id, IP address, or network.
        who: String,
        /// How long, seconds; without it until it is lifted.
        secs: Option<u64>,
        /// Why.
        reason: String,
    },
    /// Lift a ban: `{"lifted":bool}`, false when there was none.
    Lift {
        /// As it is banned.
        who: String,
    },
}

/// The socket's file, as long as it is served.
#[derive(Debug)]
pub struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.0);
    }
}

/// Makes the socket in `datadir`, which this process alone uses, and serves it in the background until the runtime ends.
///
/// # Errors
/// It cannot be made: a path is too long for a socket (some 100 bytes), or its place is taken by what is no socket.
pub fn open(datadir: &Path, door: Door) -> io::Result<Socket> {
    let file = datadir.join(FILE);
    match fs::symlink_metadata(&file) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this is no socket; move it away"));
        }
        _ => {}
    }
    // It gets its name when nobody else can use it any more.
    let unfinished = datadir.join("petrel.sock.new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&unfinished)?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600))?;
    fs::rename(&unfinished, &file)?;
    tokio::spawn(serve(listener, door));
    Ok(Socket(file))
}

async fn serve(listener: UnixListener, door: Door) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let door = door.clone();
                tokio::spawn(async move {
                    let served = timeout(PATIENCE, talk(stream, &door)).await;
                    if let Ok(Err(error)) = served {
                        tracing::debug!(%error, "the socket");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the socket takes nobody for a moment");
                sleep(REST).await;
            }
        }
    }
}

/// One question and its answer.
async fn talk(stream: UnixStream, door: &Door) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    BufReader::new(read.take(REQUEST)).read_until(b'\n', &mut line).await?;
    let answer = match serde_json::from_slice(&line) {
        _ if line.last() != Some(&b'\n') => refusal(format!("expected one line of at most {REQUEST} bytes")),
        Ok(request) => answer(request, door).await.unwrap_or_else(refusal),
        Err(error) => refusal(format!("not a question: {error}")),
    };
    write.write_all(format!("{answer}\n").as_bytes()).await?;
    write.shutdown().await
}

fn refusal(error: String) -> Value {
    json!({ "error": error })
}

async fn answer(request: Request, door: &Door) -> Result<Value, String> {
    let ends = || "the node ends".to_owned();
    match request {
        Request::Peers {} => Ok(json!({ "peers": door.snapshot().await.ok_or_else(ends)?.peers })),
        Request::Bans {} => Ok(json!({ "bans": door.snapshot().await.ok_or_else(ends)?.status.peering.bans })),
        Request::Ban { who, secs, reason } => {
            let length =
                secs.map(Duration::from_secs).map(bans::length).transpose().map_err(|error| error.to_string())?;
            bans::reason(&reason).map_err(|error| error.to_string())?;
            let banned = door.ban(subject(&who)?, length, reason).await.ok_or_else(ends)?;
            banned.map(|ban| json!({ "banned": ban })).map_err(|error| format!("{who}: {error}"))
        }
        Request::Lift { who } => {
            let lifted = door.lift(subject(&who)?).await.ok_or_else(ends)?;
            lifted.map(|lifted| json!({ "lifted": lifted })).map_err(|error| format!("{who}: {error}"))
        }
    }
}

fn subject(who: &str) -> Result<BanTarget, String> {
    bans::subject(who).map_err(|error| error.to_string())
}
