//! Making the file smaller: the oldest blocks are removed, and the rest is moved to the front of the file.

use std::collections::BTreeSet;

use redb::Database;

use super::{block_tables::BlockTables, budget::StoreBudget, usage::UsageCount};

/// Blocks that are removed in one transaction.
const STEP: usize = 4096;

/// Removes the oldest blocks until the rest is within the budget, and compacts the file.
pub(super) fn shrink(database: &mut Database, budget: StoreBudget, usage: &mut UsageCount) -> Result<(), redb::Error> {
    while !prune(database, budget, usage)?.is_empty() {}
    compact(database)
}

/// Compacts the file, for which nothing else may use the database. It may take minutes.
pub(super) fn compact(database: &mut Database) -> Result<(), redb::Error> {
    database.compact()?;
    Ok(())
}

fn prune(
    database: &Database,
    budget: StoreBudget,
    usage: &mut UsageCount,
) -> Result<BTreeSet<super::tables::BlockKey>, redb::Error> {
    let write = database.begin_write()?;
    let pruned = BlockTables::open(&write)?.prune(budget, usage, STEP)?;
    write.commit()?;
    Ok(pruned)
}
