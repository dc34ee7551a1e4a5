//! Whether every stored block is what its row says: it decodes, hashes to its key, and has the parent, time and size of its link; and
//! whether the canonical chain hangs together.

use petrel_core::{block::Payload, fork::Version};
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata};
use serde::Serialize;

use super::{
    rows,
    tables::{BLOCKS, BlockKey, CHAIN, LINKS, StoredLink},
};
use crate::primitives::FASTEST;

/// Faults that are described; further ones are counted.
const DESCRIBED: usize = 16;

/// What was found in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Blocks that were looked at.
    pub blocks: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Peers and bans that cannot be read. The node skips them.
    pub unreadable_rows: u64,
    /// The number of faults.
    pub faults: u64,
    /// The first of them.
    pub described: Vec<String>,
}

impl VerifyReport {
    pub(super) fn add_fault(&mut self, fault: String) {
        self.faults += 1;
        if self.described.len() < DESCRIBED {
            self.described.push(fault);
        }
    }
}

/// Looks at everything.
pub(super) fn verify(database: &Database) -> Result<VerifyReport, redb::Error> {
    let mut report = VerifyReport::default();
    verify_blocks(database, &mut report)?;
    verify_chain(database, &mut report)?;
    report.unreadable_rows = rows::peers(database)?.unreadable + rows::bans(database)?.unreadable;
    Ok(report)
}

fn verify_blocks(database: &Database, report: &mut VerifyReport) -> Result<(), redb::Error> {
    let read = database.begin_read()?;
    let (links, blocks) = (read.open_table(LINKS)?, read.open_table(BLOCKS)?);
    for entry in links.iter()? {
        let (key, link) = entry?;
        let ((number, hash), link) = (key.value(), link.value());
        let checked = match blocks.get((number, hash))? {
            Some(value) => check_block((number, hash), link, value.value()),
            None => Err("its payload is missing".to_owned()),
        };
        report.blocks += 1;
        report.payload_bytes = report.payload_bytes.saturating_add(link.2);
        if let Err(fault) = checked {
            report.add_fault(format!("block {number}: {fault}"));
        }
    }
    let payloads = blocks.len()?;
    if payloads > report.blocks {
        report.add_fault(format!("{} payloads have no link and are never served or removed", payloads - report.blocks));
    }
    Ok(())
}

fn check_block((number, hash): BlockKey, (parent, timestamp, bytes): StoredLink, value: &[u8]) -> Result<(), String> {
    let (version, body) = value.split_first().ok_or("it is empty")?;
    let version = Version::from_topic(*version).ok_or("its version is unknown")?;
    if body.len() as u64 != bytes {
        return Err(format!("it has {} bytes, and its link says {bytes}", body.len()));
    }
    let payload = Payload::decode(version, body.to_vec().into()).map_err(|error| error.to_string())?;
    let computed = payload.compute_hash(FASTEST.keccak_many);
    if computed.0 != hash {
        return Err(format!("its contents hash to {computed}"));
    }
    let is_same = (payload.number(), payload.parent_hash().0, payload.timestamp()) == (number, parent, timestamp);
    is_same.then_some(()).ok_or_else(|| "its number, parent or time are not those of its link".to_owned())
}

/// Each canonical block whose parent is canonical too names it.
fn verify_chain(database: &Database, report: &mut VerifyReport) -> Result<(), redb::Error> {
    let read = database.begin_read()?;
    let (chain, links) = (read.open_table(CHAIN)?, read.open_table(LINKS)?);
    let mut below: Option<BlockKey> = None;
    for entry in chain.iter()? {
        let (number, hash) = entry?;
        let key = (number.value(), hash.value());
        if let Some((parent_number, parent)) = below
            && parent_number + 1 == key.0
            && links.get(key)?.is_some_and(|link| link.value().0 != parent)
        {
            report.add_fault(format!("block {}: the canonical block below it is not its parent", key.0));
        }
        below = Some(key);
    }
    Ok(())
}
