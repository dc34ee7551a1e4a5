//! Who may connect: the connection gater (bans, allowed networks), and connection limits by IP prefix.

pub(super) mod gater;
pub(super) mod ip_limits;
