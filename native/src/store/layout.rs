//! Tables, and what is read of them. Layout 3; layout 2 had no notes, peers and bans, and layout 1 did not name the chain's
//! genesis.

use std::path::Path;

use alloy_primitives::B256;
use bytes::Bytes;
use petrel_core::{
    ban::{Ban, BanTarget},
    block::{BlockInfo, Payload},
    chain::{Cadence, Chain},
    fork::Version,
    payload_by_number::StoredBlock,
    peer::PeerId,
    peer_store::PeerEntry,
    unsafe_chain::Head,
};
use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError};

use super::{StoreError, block_tables::Held};

/// The layout that this program writes.
pub(super) const LAYOUT: u64 = 3;

/// Numbers about the store: `layout`, `chain`.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Words about the store: `genesis`, the hash of the chain's first block.
pub(super) const WORDS: TableDefinition<'_, &str, [u8; 32]> = TableDefinition::new("words");
/// Payloads by height and hash: one byte of version, then what the signature covered.
pub(super) const BLOCKS: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("blocks");
/// [`KeptLink`] by height and hash, of every payload.
pub(super) const LINKS: TableDefinition<'_, Key, KeptLink> = TableDefinition::new("links");
/// The leading chain: hash by height.
pub(super) const CHAIN: TableDefinition<'_, u64, [u8; 32]> = TableDefinition::new("chain");
/// Small things of the daemon's by name.
pub(super) const NOTES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("notes");
/// What is known of peers, as JSON, by their ids.
pub(super) const PEERS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("peers");
/// Bans, as JSON, by whom they keep out in words.
pub(super) const BANS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("bans");

/// Height and hash.
pub(super) type Key = (u64, [u8; 32]);
/// Parent hash, timestamp (Unix seconds) and bytes of a payload.
pub(super) type KeptLink = ([u8; 32], u64, u64);
type Links = ReadOnlyTable<Key, KeptLink>;

/// Makes the tables of a new store.
pub(super) fn make(database: &Database, chain: &Chain) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    {
        let mut meta = write.open_table(META)?;
        meta.insert("layout", LAYOUT)?;
        meta.insert("chain", chain.id)?;
        write.open_table(WORDS)?.insert("genesis", chain.genesis.hash.0)?;
        write.open_table(BLOCKS)?;
        write.open_table(LINKS)?;
        write.open_table(CHAIN)?;
        write.open_table(NOTES)?;
        write.open_table(PEERS)?;
        write.open_table(BANS)?;
    }
    write.commit()?;
    Ok(())
}

/// Takes a store of an earlier layout to this one. One of layout 1 is known to be this chain's by its id alone.
pub(super) fn migrate(database: &Database, chain: &Chain) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    {
        write.open_table(META)?.insert("layout", LAYOUT)?;
        write.open_table(WORDS)?.insert("genesis", chain.genesis.hash.0)?;
        write.open_table(NOTES)?;
        write.open_table(PEERS)?;
        write.open_table(BANS)?;
    }
    write.commit()?;
    Ok(())
}

/// A number about the store.
fn meta(database: &Database, name: &str) -> Result<Option<u64>, redb::Error> {
    match database.begin_read()?.open_table(META) {
        Ok(meta) => Ok(meta.get(name)?.map(|found| found.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the store is ours and of a layout that is known; its layout.
pub(super) fn layout(database: &Database, file: &Path) -> Result<u64, StoreError> {
    let damaged = |error: String| StoreError::Damaged { file: file.to_owned(), error };
    match meta(database, "layout").map_err(|error| damaged(error.to_string()))? {
        Some(layout @ 1..=LAYOUT) => Ok(layout),
        Some(layout) if layout > LAYOUT => Err(StoreError::Later { file: file.to_owned(), layout }),
        Some(layout) => Err(damaged(format!("layout {layout} never was"))),
        None => Err(damaged("it has no layout".to_owned())),
    }
}

/// The same, and whether it is of this chain.
pub(super) fn check(database: &Database, chain: &Chain, file: &Path) -> Result<u64, StoreError> {
    let layout = layout(database, file)?;
    let file = || file.to_owned();
    let damaged = |error: String| StoreError::Damaged { file: file(), error };
    match meta(database, "chain").map_err(|error| damaged(error.to_string()))? {
        Some(found) if found == chain.id => {}
        Some(found) => return Err(StoreError::OtherChain { file: file(), found, wanted: chain.id }),
        None => return Err(damaged("it names no chain".to_owned())),
    }
    match genesis(database).map_err(|error| damaged(error.to_string()))? {
        Some(found) if found != chain.genesis.hash => {
            Err(StoreError::OtherGenesis { file: file(), found, wanted: chain.genesis.hash })
        }
        _ => Ok(layout),
    }
}

/// The chain's first block, as far as the layout names it.
fn genesis(database: &Database) -> Result<Option<B256>, redb::Error> {
    match database.begin_read()?.open_table(WORDS) {
        Ok(words) => Ok(words.get("genesis")?.map(|found| B256::from(found.value()))),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The latest links of the leading chain, rising; before them, where what is right below the chain is another branch, that
/// branch's.
pub(super) fn links(database: &Database, cadence: &Cadence) -> Result<Vec<BlockInfo>, redb::Error> {
    let read = database.begin_read()?;
    let (chain, links) = (read.open_table(CHAIN)?, read.open_table(LINKS)?);
    let mut found = Vec::new();
    for entry in chain.iter()?.rev().take(*Head::RECENT.end()) {
        let (number, hash) = entry?;
        let key = (number.value(), hash.value());
        let Some(link) = links.get(key)? else {
            // A head whose block could not be kept is none; a hole below one ends what is known.
            if found.is_empty() {
                continue;
            }
            break;
        };
        found.push(as_link(cadence, key, link.value()));
    }
    left_branch(&links, cadence, &mut found)?;
    found.reverse();
    Ok(found)
}

/// Goes on with the branch that stands right below the leading chain and is not its own: the head left it, and what is
/// missing between the two did not come before the program ended.
fn left_branch(links: &Links, cadence: &Cadence, found: &mut Vec<BlockInfo>) -> Result<(), redb::Error> {
    descend(links, cadence, found)?;
    let Some(below) = found.last().and_then(|lowest| lowest.number.checked_sub(1)) else { return Ok(()) };
    let Some(top) = links.range((below, [0; 32])..=(below, [0xff; 32]))?.next() else { return Ok(()) };
    let (key, link) = top?;
    found.push(as_link(cadence, key.value(), link.value()));
    descend(links, cadence, found)
}

/// Adds the parents that are kept.
fn descend(links: &Links, cadence: &Cadence, found: &mut Vec<BlockInfo>) -> Result<(), redb::Error> {
    while found.len() < *Head::RECENT.end()
        && let Some(lowest) = found.last()
        && let Some(below) = lowest.number.checked_sub(1)
        && let key = (below, lowest.parent.0)
        && let Some(link) = links.get(key)?
    {
        found.push(as_link(cadence, key, link.value()));
    }
    Ok(())
}

fn as_link(cadence: &Cadence, (number, hash): Key, (parent, timestamp, _): KeptLink) -> BlockInfo {
    // The milliseconds are the schedule's, where it has the block in this second.
    let due = cadence.time_ms(number).filter(|due| due / 1000 == timestamp);
    let timestamp_ms = due.unwrap_or_else(|| timestamp.saturating_mul(1000));
    BlockInfo { number, hash: B256::from(hash), parent: B256::from(parent), timestamp, timestamp_ms }
}

/// Blocks and bytes that are there.
pub(super) fn held(database: &Database) -> Result<Held, redb::Error> {
    let read = database.begin_read()?;
    let links = read.open_table(LINKS)?;
    let mut held = Held::default();
    for entry in links.iter()? {
        let (_, _, bytes) = entry?.1.value();
        held = Held { blocks: held.blocks + 1, bytes: held.bytes + bytes };
    }
    Ok(held)
}

/// The peers that were kept.
pub(super) fn peers(database: &Database) -> Result<Vec<(PeerId, PeerEntry)>, redb::Error> {
    let read = database.begin_read()?;
    let mut found = Vec::new();
    for entry in read.open_table(PEERS)?.iter()? {
        let (peer, record) = entry?;
        let peer = PeerId::from_bytes(peer.value()).map_err(|error| unlike("peer", error))?;
        found.push((peer, parse("peer", record.value())?));
    }
    Ok(found)
}

/// The bans that were kept.
pub(super) fn bans(database: &Database) -> Result<Vec<(BanTarget, Ban)>, redb::Error> {
    let read = database.begin_read()?;
    let mut found = Vec::new();
    for entry in read.open_table(BANS)?.iter()? {
        let (subject, ban) = entry?;
        let subject = subject.value().parse().map_err(|error| unlike("ban", error))?;
        found.push((subject, parse("ban", ban.value())?));
    }
    Ok(found)
}

/// Puts a ban, or takes it away; whether there was one.
pub(super) fn put_ban(database: &Database, subject: BanTarget, ban: Option<&Ban>) -> Result<bool, redb::Error> {
    let write = database.begin_write()?;
    let was = {
        let mut bans = write.open_table(BANS)?;
        let name = subject.to_string();
        let was = bans.get(name.as_str())?.is_some();
        put(&mut bans, name.as_str(), ban)?;
        was
    };
    write.commit()?;
    Ok(was)
}

/// Puts a value under its key as JSON, or takes it away.
pub(super) fn put<K: redb::Key + 'static, V: serde::Serialize>(
    table: &mut Table<'_, K, &'static [u8]>,
    key: K::SelfType<'_>,
    value: Option<&V>,
) -> Result<(), redb::Error> {
    match value {
        Some(value) => {
            let json = serde_json::to_vec(value).map_err(|error| redb::Error::Corrupted(error.to_string()))?;
            table.insert(&key, json.as_slice())?;
        }
        None => _ = table.remove(&key)?,
    }
    Ok(())
}

fn parse<T: serde::de::DeserializeOwned>(what: &str, json: &[u8]) -> Result<T, redb::Error> {
    serde_json::from_slice(json).map_err(|error| unlike(what, error))
}

/// What is in a table is not what this layout has there.
fn unlike(what: &str, error: impl std::fmt::Display) -> redb::Error {
    redb::Error::Corrupted(format!("a {what} cannot be read: {error}"))
}

/// What was kept by this name.
pub(super) fn note(database: &Database, name: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    let read = database.begin_read()?;
    Ok(read.open_table(NOTES)?.get(name)?.map(|found| found.value().to_vec()))
}

/// The block of this number.
pub(super) fn load(database: &Database, number: u64) -> Result<Option<StoredBlock>, redb::Error> {
    let read = database.begin_read()?;
    let (chain, blocks) = (read.open_table(CHAIN)?, read.open_table(BLOCKS)?);
    let leading = chain.get(number)?.map(|hash| hash.value());
    let hash = match leading {
        Some(hash) => Some(hash),
        None => {
            blocks.range((number, [0; 32])..=(number, [0xff; 32]))?.next().transpose()?.map(|(key, _)| key.value().1)
        }
    };
    let Some(hash) = hash else { return Ok(None) };
    let found = blocks.get((number, hash))?;
    Ok(found.and_then(|value| decode(hash, value.value())))
}

/// A payload as it is in [`BLOCKS`].
pub(super) fn encode(payload: &Payload) -> Vec<u8> {
    let mut value = Vec::with_capacity(payload.body().len() + 1);
    value.push(payload.version().topic());
    value.extend_from_slice(payload.body());
    value
}

fn decode(hash: [u8; 32], value: &[u8]) -> Option<StoredBlock> {
    let (version, body) = value.split_first()?;
    let version = Version::from_topic(*version)?;
    Some(StoredBlock { version, hash: B256::from(hash), body: Bytes::copy_from_slice(body) })
}
