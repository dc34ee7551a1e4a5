//! The tables of the database, and what their keys and values are.

use redb::TableDefinition;

/// The layout that this program writes. Layout 2 had no values, peers and bans, and layout 1 did not name the chain's genesis.
pub(super) const LAYOUT: u64 = 3;

/// Numbers about the store: `layout`, `chain`.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Hashes about the store: `genesis`, the hash of the chain's first block.
pub(super) const WORDS: TableDefinition<'_, &str, [u8; 32]> = TableDefinition::new("words");
/// Payloads by height and hash: one byte of version, then the signed bytes.
pub(super) const BLOCKS: TableDefinition<'_, BlockKey, &[u8]> = TableDefinition::new("blocks");
/// [`StoredLink`] by height and hash, of every payload.
pub(super) const LINKS: TableDefinition<'_, BlockKey, StoredLink> = TableDefinition::new("links");
/// The canonical unsafe chain: hash by height.
pub(super) const CHAIN: TableDefinition<'_, u64, [u8; 32]> = TableDefinition::new("chain");
/// Small values of the daemon by name: our node record, the signer.
pub(super) const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("notes");
/// Known peers, as JSON, by peer id.
pub(super) const PEERS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("peers");
/// Bans, as JSON, by the text of their subject.
pub(super) const BANS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("bans");

/// Height and hash.
pub(super) type BlockKey = (u64, [u8; 32]);
/// Parent hash, timestamp (Unix seconds) and bytes of a payload.
pub(super) type StoredLink = ([u8; 32], u64, u64);
