//! How the environment variables of others begin, and when one is set.

use std::ffi::OsString;

/// op-node's.
pub(super) const OP_NODE: &str = "OP_NODE_";
/// Those of kona-node's P2P. Its other settings have other names than op-node's, and Petrel takes none of them.
pub(super) const KONA: &str = "KONA_NODE_P2P_";

/// The value of a variable, unless it is empty.
pub(crate) fn is_set(value: Option<OsString>) -> Option<String> {
    value.map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}
