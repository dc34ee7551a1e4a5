//! The subcommands of `petrel`, one file each.

pub mod bans;
pub mod chains;
pub mod check;
pub mod devnet;
pub mod key;
pub mod peers;
