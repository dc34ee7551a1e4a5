//! Who may connect: the connection gater (bans), and limits by IP prefix.

pub(super) mod gater;
pub(super) mod ip_limits;
