//! `petrel bans`: who may not connect, seen and changed. A running node is asked; where none runs, its store is opened.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use petrel_core::{
    ban::{Ban, BanTarget, NotABanTarget},
    config::ReputationConfig,
    peer::PeerId,
};
use serde_json::{Value, json};

use crate::{
    cli::flags::{BansAction, BansFlags},
    cli::parse,
    serve::control::{self, AskError, Request},
    store::{Bans, StoreError},
};

/// Characters of a reason at most.
const MAX_REASON: usize = 256;

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum BansError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The running node does not answer, or refuses.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// Nobody is named.
    #[error("{text:?} is {error}")]
    Who {
        /// What was given.
        text: String,
        /// What is wrong with it.
        error: NotABanTarget,
    },
    /// No such time.
    #[error("--for: {0}")]
    For(String),
    /// Words without end.
    #[error("--reason: {0} characters are too many: at most {MAX_REASON}")]
    Reason(usize),
    /// It is not there.
    #[error("{0} is not banned; `petrel bans list` shows who is")]
    NotBanned(BanTarget),
}

/// Runs the subcommand.
///
/// # Errors
/// See [`BansError`]; nothing is changed then.
pub fn run(flags: &BansFlags) -> Result<(), BansError> {
    // What is asked is judged before anybody is asked.
    let request = match &flags.action {
        BansAction::List => Request::Bans {},
        BansAction::Add { who, length, reason: why } => {
            let (who, length) = (subject(who)?, length.as_deref().map(length_of).transpose()?);
            reason(why)?;
            Request::Ban { who: who.to_string(), secs: length.map(|length| length.as_secs()), reason: why.clone() }
        }
        BansAction::Lift { who } => Request::Lift { who: subject(who)?.to_string() },
    };
    match control::ask(&flags.datadir, &request)? {
        Some(answer) => told(&request, &answer),
        None => stopped(flags, request),
    }
}

/// Shows what a running node answered.
fn told(request: &Request, answer: &Value) -> Result<(), BansError> {
    for ban in answer.get("bans").and_then(Value::as_array).into_iter().flatten().chain(answer.get("banned")) {
        println!("{ban}");
    }
    match request {
        Request::Lift { who } if answer.get("lifted") == Some(&Value::Bool(false)) => {
            Err(BansError::NotBanned(subject(who)?))
        }
        _ => Ok(()),
    }
}

/// Does the same in the store of a node that is stopped.
fn stopped(flags: &BansFlags, request: Request) -> Result<(), BansError> {
    let store = Bans::open(&flags.datadir)?;
    match request {
        Request::Ban { who, secs, reason } => {
            let until = secs.map(|secs| now().saturating_add(secs));
            let (who, ban) = (subject(&who)?, Ban { until, secs: secs.unwrap_or_default(), reason, ip: None });
            store.put(who, Some(&ban))?;
            show(who, &ban);
        }
        Request::Lift { who } => {
            let who = subject(&who)?;
            if !store.put(who, None)? {
                return Err(BansError::NotBanned(who));
            }
        }
        Request::Bans {} | Request::Peers {} => {
            for (who, ban) in store.all()? {
                if !ban.left(now()).is_zero() {
                    show(who, &ban);
                }
            }
        }
    }
    Ok(())
}

/// One JSON object, as in the event.
fn show(who: BanTarget, ban: &Ban) {
    println!("{}", json!({ "who": who, "until": ban.until, "reason": ban.reason }));
}

/// Who is meant.
///
/// # Errors
/// Nobody.
pub(crate) fn subject(text: &str) -> Result<BanTarget, BansError> {
    let found: Result<BanTarget, NotABanTarget> = text.trim().parse();
    // The core takes any bytes for a peer's; a word is none.
    let is_peer = |peer: PeerId| libp2p::PeerId::from_bytes(peer.as_bytes()).is_ok();
    let found = found.and_then(|found| match found {
        BanTarget::Peer(peer) if !is_peer(peer) => Err(NotABanTarget),
        found => Ok(found),
    });
    found.map_err(|error| BansError::Who { text: text.to_owned(), error })
}

fn length_of(text: &str) -> Result<Duration, BansError> {
    length(parse::duration(text).map_err(BansError::For)?)
}

/// A ban's length.
///
/// # Errors
/// It is not between a second and [`ReputationConfig::LONGEST_BAN`].
pub(crate) fn length(length: Duration) -> Result<Duration, BansError> {
    if (Duration::from_secs(1)..=ReputationConfig::LONGEST_BAN).contains(&length) {
        Ok(length)
    } else {
        let text = "not between a second and a year; without it the ban has no end";
        Err(BansError::For(format!("{length:?} is {text}")))
    }
}

/// A ban's reason.
///
/// # Errors
/// It has more than [`MAX_REASON`] characters.
pub(crate) fn reason(text: &str) -> Result<(), BansError> {
    match text.chars().count() {
        0..=MAX_REASON => Ok(()),
        many => Err(BansError::Reason(many)),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
