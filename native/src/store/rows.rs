//! Peers and bans as they are read at the start. A row that cannot be read costs a peer or a ban and nothing else: it is skipped, and
//! counted.

use petrel_core::{
    ban::{Ban, BanTarget},
    peer::PeerId,
    peer_store::PeerEntry,
};
use redb::{Database, ReadableDatabase, ReadableTable};

use super::tables::{BANS, PEERS};

/// The rows of a table.
#[derive(Debug)]
pub(super) struct Rows<T> {
    pub(super) found: Vec<T>,
    /// How many cannot be read.
    pub(super) unreadable: u64,
}

impl<T> Rows<T> {
    fn add(&mut self, what: &str, row: Result<T, String>) {
        match row {
            Ok(row) => self.found.push(row),
            Err(error) => {
                self.unreadable += 1;
                tracing::debug!(%error, "a {what} in the store cannot be read");
            }
        }
    }
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { found: Vec::new(), unreadable: 0 }
    }
}

/// The known peers.
pub(super) fn peers(database: &Database) -> Result<Rows<(PeerId, PeerEntry)>, redb::Error> {
    let read = database.begin_read()?;
    let mut rows = Rows::default();
    for entry in read.open_table(PEERS)?.iter()? {
        let (peer, record) = entry?;
        let peer = PeerId::from_bytes(peer.value()).map_err(|error| error.to_string());
        rows.add("peer", peer.and_then(|peer| Ok((peer, parse(record.value())?))));
    }
    Ok(rows)
}

/// The bans.
pub(super) fn bans(database: &Database) -> Result<Rows<(BanTarget, Ban)>, redb::Error> {
    let read = database.begin_read()?;
    let mut rows = Rows::default();
    for entry in read.open_table(BANS)?.iter()? {
        let (subject, ban) = entry?;
        let subject = subject.value().parse::<BanTarget>().map_err(|error| error.to_string());
        rows.add("ban", subject.and_then(|subject| Ok((subject, parse(ban.value())?))));
    }
    Ok(rows)
}

fn parse<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}
