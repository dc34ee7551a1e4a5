//! Creating, migrating and reading the tables.

use std::path::Path;

use alloy_primitives::B256;
use bytes::Bytes;
use petrel_core::{
    ban::{Ban, BanTarget},
    block::{BlockInfo, Payload},
    chain::{Cadence, Chain},
    fork::Version,
    payload_by_number::StoredBlock,
    unsafe_chain::Head,
};
use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableError};

use super::{
    error::StoreError,
    tables::{BANS, BLOCKS, BlockKey, CHAIN, LAYOUT, LINKS, META, PEERS, StoredLink, VALUES, WORDS},
    usage::UsageCount,
};

type Links = ReadOnlyTable<BlockKey, StoredLink>;

/// Creates the tables of a new store.
pub(super) fn create_tables(database: &Database, chain: &Chain) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    {
        let mut meta = write.open_table(META)?;
        meta.insert("layout", LAYOUT)?;
        meta.insert("chain", chain.id)?;
        write.open_table(WORDS)?.insert("genesis", chain.genesis.hash.0)?;
        write.open_table(BLOCKS)?;
        write.open_table(LINKS)?;
        write.open_table(CHAIN)?;
        write.open_table(VALUES)?;
        write.open_table(PEERS)?;
        write.open_table(BANS)?;
    }
    write.commit()?;
    Ok(())
}

/// Whether the database has no table: its creation was cut off.
pub(super) fn has_no_tables(database: &Database) -> Result<bool, redb::Error> {
    Ok(database.begin_read()?.list_tables()?.next().is_none())
}

/// Migrates a store of an earlier layout to this one. A store of layout 1 is matched to the chain by its id only.
pub(super) fn migrate(database: &Database, chain: &Chain) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    {
        write.open_table(META)?.insert("layout", LAYOUT)?;
        write.open_table(WORDS)?.insert("genesis", chain.genesis.hash.0)?;
        write.open_table(VALUES)?;
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

/// The layout of the store.
///
/// # Errors
/// It is not a store, or its layout is unknown.
pub(super) fn read_layout(database: &Database, file: &Path) -> Result<u64, StoreError> {
    let damaged = |error: String| StoreError::Damaged { file: file.to_owned(), error };
    match meta(database, "layout").map_err(|error| damaged(error.to_string()))? {
        Some(layout @ 1..=LAYOUT) => Ok(layout),
        Some(layout) if layout > LAYOUT => Err(StoreError::Later { file: file.to_owned(), layout }),
        Some(layout) => Err(damaged(format!("layout {layout} does not exist"))),
        None => Err(damaged("it has no layout".to_owned())),
    }
}

/// The layout of the store.
///
/// # Errors
/// As of [`read_layout`], or it belongs to another chain.
pub(super) fn check_chain(database: &Database, chain: &Chain, file: &Path) -> Result<u64, StoreError> {
    let layout = read_layout(database, file)?;
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

/// The hash of the chain's first block, if the layout has it.
fn genesis(database: &Database) -> Result<Option<B256>, redb::Error> {
    match database.begin_read()?.open_table(WORDS) {
        Ok(words) => Ok(words.get("genesis")?.map(|found| B256::from(found.value()))),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The latest links of the canonical chain, in rising order. If the blocks right below them belong to another branch, that branch's
/// links come first.
pub(super) fn links(database: &Database, cadence: &Cadence) -> Result<Vec<BlockInfo>, redb::Error> {
    let read = database.begin_read()?;
    let (chain, links) = (read.open_table(CHAIN)?, read.open_table(LINKS)?);
    let mut found = Vec::new();
    for entry in chain.iter()?.rev().take(*Head::RECENT.end()) {
        let (number, hash) = entry?;
        let key = (number.value(), hash.value());
        let Some(link) = links.get(key)? else {
            // A head whose block was not stored is skipped; a gap below a head ends the known chain.
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

/// Continues with another branch that ends right below the canonical chain: the head has left it, and the blocks between the two
/// did not arrive before the program ended.
fn left_branch(links: &Links, cadence: &Cadence, found: &mut Vec<BlockInfo>) -> Result<(), redb::Error> {
    add_ancestors(links, cadence, found)?;
    let Some(below) = found.last().and_then(|lowest| lowest.number.checked_sub(1)) else { return Ok(()) };
    let Some(top) = links.range((below, [0; 32])..=(below, [0xff; 32]))?.next() else { return Ok(()) };
    let (key, link) = top?;
    found.push(as_link(cadence, key.value(), link.value()));
    add_ancestors(links, cadence, found)
}

/// Adds the stored ancestors.
fn add_ancestors(links: &Links, cadence: &Cadence, found: &mut Vec<BlockInfo>) -> Result<(), redb::Error> {
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

fn as_link(cadence: &Cadence, (number, hash): BlockKey, (parent, timestamp, _): StoredLink) -> BlockInfo {
    // The milliseconds come from the cadence, if it has the block in this second.
    let due = cadence.time_ms(number).filter(|due| due / 1000 == timestamp);
    let timestamp_ms = due.unwrap_or_else(|| timestamp.saturating_mul(1000));
    BlockInfo { number, hash: B256::from(hash), parent: B256::from(parent), timestamp, timestamp_ms }
}

/// Counts the stored blocks and bytes.
pub(super) fn count_usage(database: &Database) -> Result<UsageCount, redb::Error> {
    let read = database.begin_read()?;
    let links = read.open_table(LINKS)?;
    let mut usage = UsageCount::default();
    for entry in links.iter()? {
        let (_, _, bytes) = entry?.1.value();
        usage.add(bytes);
    }
    Ok(usage)
}

/// Writes a ban, or removes it with `None`; whether there was one.
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

/// Writes a value under its key as JSON, or removes it with `None`.
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

/// The value of this name.
pub(super) fn value(read: &ReadTransaction, name: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    Ok(read.open_table(VALUES)?.get(name)?.map(|found| found.value().to_vec()))
}

/// The block of this number.
pub(super) fn load(read: &ReadTransaction, number: u64) -> Result<Option<StoredBlock>, redb::Error> {
    let (chain, blocks) = (read.open_table(CHAIN)?, read.open_table(BLOCKS)?);
    let canonical = chain.get(number)?.map(|hash| hash.value());
    let hash = match canonical {
        Some(hash) => Some(hash),
        None => {
            blocks.range((number, [0; 32])..=(number, [0xff; 32]))?.next().transpose()?.map(|(key, _)| key.value().1)
        }
    };
    let Some(hash) = hash else { return Ok(None) };
    let found = blocks.get((number, hash))?;
    Ok(found.and_then(|value| decode(hash, value.value())))
}

/// A payload in the form of [`BLOCKS`].
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
