//! The arguments of a ban, checked before anything is changed: in the command and in the node.

use std::time::Duration;

use petrel_core::{
    ban::{BanTarget, NotABanTarget},
    config::ReputationConfig,
    peer::PeerId,
};

/// Characters of a reason at most.
const MAX_REASON: usize = 256;

/// What is wrong with them.
#[derive(Debug, thiserror::Error)]
pub enum BanArgumentError {
    /// Not a subject of a ban.
    #[error("{text:?} is {error}")]
    Who {
        /// The argument.
        text: String,
        /// What is wrong with it.
        error: NotABanTarget,
    },
    /// Not a valid length.
    #[error("--for: {0}")]
    Length(String),
    /// The reason is too long.
    #[error("--reason: {0} characters are too many: at most {MAX_REASON}")]
    Reason(usize),
}

/// Parses a peer id, an IP address, or a network.
///
/// # Errors
/// It is none of them.
pub(crate) fn parse_subject(text: &str) -> Result<BanTarget, BanArgumentError> {
    let parsed: Result<BanTarget, NotABanTarget> = text.trim().parse();
    // The core accepts any bytes as a peer id; a word is not one.
    let is_peer = |peer: PeerId| libp2p::PeerId::from_bytes(peer.as_bytes()).is_ok();
    let valid = parsed.and_then(|subject| match subject {
        BanTarget::Peer(peer) if !is_peer(peer) => Err(NotABanTarget),
        subject => Ok(subject),
    });
    valid.map_err(|error| BanArgumentError::Who { text: text.to_owned(), error })
}

/// Checks a ban's length.
///
/// # Errors
/// It is not between one second and [`ReputationConfig::LONGEST_BAN`].
pub(crate) fn check_length(length: Duration) -> Result<Duration, BanArgumentError> {
    if (Duration::from_secs(1)..=ReputationConfig::LONGEST_BAN).contains(&length) {
        Ok(length)
    } else {
        let text = "not between a second and a year; without it the ban has no end";
        Err(BanArgumentError::Length(format!("{length:?} is {text}")))
    }
}

/// Checks a ban's reason.
///
/// # Errors
/// It has more than [`MAX_REASON`] characters.
pub(crate) fn check_reason(text: &str) -> Result<(), BanArgumentError> {
    match text.chars().count() {
        0..=MAX_REASON => Ok(()),
        count => Err(BanArgumentError::Reason(count)),
    }
}
