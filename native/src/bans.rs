//! `petrel bans`: who may not connect, seen and changed while the node is stopped.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use petrel_core::{
    config::Reputation,
    peer::PeerId,
    peers::{Ban, NotASubject, Subject},
};

use crate::{
    flags::{BansAction, BansFlags},
    parse,
    store::{Bans, StoreError},
};

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum BansError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody is named.
    #[error("{text:?} is {error}")]
    Who {
        /// What was given.
        text: String,
        /// What is wrong with it.
        error: NotASubject,
    },
    /// No such time.
    #[error("--for: {0}")]
    For(String),
    /// It is not there.
    #[error("{0} is not banned; `petrel bans list` shows who is")]
    NotBanned(Subject),
}

/// Runs the subcommand.
///
/// # Errors
/// See [`BansError`]; nothing is changed then.
pub fn run(flags: &BansFlags) -> Result<(), BansError> {
    match &flags.action {
        BansAction::List => {
            for (who, ban) in Bans::open(&flags.datadir)?.all()? {
                if !ban.left(now()).is_zero() {
                    show(who, &ban);
                }
            }
        }
        BansAction::Add { who, length, reason } => {
            let (who, length) = (subject(who)?, length.as_deref().map(length_of).transpose()?);
            let secs = length.map_or(0, |length| length.as_secs());
            let until = length.map(|_| now().saturating_add(secs));
            let ban = Ban { until, secs, reason: reason.clone(), ip: None };
            Bans::open(&flags.datadir)?.put(who, Some(&ban))?;
            show(who, &ban);
        }
        BansAction::Lift { who } => {
            let who = subject(who)?;
            if !Bans::open(&flags.datadir)?.put(who, None)? {
                return Err(BansError::NotBanned(who));
            }
        }
    }
    Ok(())
}

/// One JSON object, as in the event.
fn show(who: Subject, ban: &Ban) {
    println!("{}", serde_json::json!({ "who": who, "until": ban.until, "reason": ban.reason }));
}

fn subject(text: &str) -> Result<Subject, BansError> {
    let found: Result<Subject, NotASubject> = text.trim().parse();
    // The core takes any bytes for a peer's; a word is none.
    let is_peer = |peer: PeerId| libp2p::PeerId::from_bytes(peer.as_bytes()).is_ok();
    let found = found.and_then(|found| match found {
        Subject::Peer(peer) if !is_peer(peer) => Err(NotASubject),
        found => Ok(found),
    });
    found.map_err(|error| BansError::Who { text: text.to_owned(), error })
}

fn length_of(text: &str) -> Result<Duration, BansError> {
    let length = parse::duration(text).map_err(BansError::For)?;
    let range = Duration::from_secs(1)..=Reputation::LONGEST_BAN;
    if range.contains(&length) {
        Ok(length)
    } else {
        Err(BansError::For(format!("{text} is not between a second and a year; without it the ban has no end")))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
