//! Who may connect: the connection gater (bans, allowed networks), and limits on the number of connections: of all, of one peer, and by
//! IP prefix.

pub(super) mod gater;
pub(super) mod ip_limits;
mod keyed_counts;
pub(super) mod swarm_limits;
