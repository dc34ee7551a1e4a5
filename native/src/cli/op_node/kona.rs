//! kona-node's names for what Petrel has too (`KONA_NODE_P2P_…`, kona-node 1.12 `flags/p2p.rs`).

use super::names::KONA;

/// The suffixes of kona's variables that differ from op-node's, and op-node's.
const RENAMED: [(&str, &str); 6] = [
    ("ADVERTISE_TCP_PORT", "P2P_ADVERTISE_TCP"),
    ("ADVERTISE_UDP_PORT", "P2P_ADVERTISE_UDP"),
    ("SCORING", "P2P_PEER_SCORING"),
    ("BAN_PEERS", "P2P_PEER_BANNING"),
    ("BAN_THRESHOLD", "P2P_PEER_BANNING_THRESHOLD"),
    ("BAN_DURATION", "P2P_PEER_BANNING_DURATION"),
];

/// kona writes these durations as numbers; the unit of each.
const UNITS: [(&str, &str); 2] = [("BAN_DURATION", "m"), ("PEERS_GRACE", "s")];

/// What kona's variable has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KonaValue {
    /// The variable of this name has it as op-node would.
    In(String),
    /// This is it as op-node would write it.
    Converted(String),
}

/// kona's variable for the setting whose variable in Petrel and op-node ends so (`P2P_STATIC`), if it is set.
pub fn fallback(suffix: &str, value: impl Fn(&str) -> Option<String>) -> Option<KonaValue> {
    let renamed = RENAMED.iter().find(|(_, ours)| *ours == suffix).map(|(kona, _)| *kona);
    let theirs = renamed.or_else(|| suffix.strip_prefix("P2P_"))?;
    let name = format!("{KONA}{theirs}");
    let value = value(&name)?;
    let unit = UNITS.iter().find(|(kona, _)| *kona == theirs).map(|(_, unit)| *unit);
    Some(match unit.filter(|_| value.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(unit) => KonaValue::Converted(value + unit),
        None => KonaValue::In(name),
    })
}

/// Whether Petrel uses the variable with this suffix; `ours` are the suffixes of its own.
pub(super) fn is_used(suffix: &str, ours: &[&str]) -> bool {
    let renamed = RENAMED.iter().find(|(kona, _)| *kona == suffix).map(|(_, ours)| *ours);
    renamed.is_some() || ours.iter().any(|own| own.strip_prefix("P2P_") == Some(suffix))
}
