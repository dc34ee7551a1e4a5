//! `petrel bans`: lists and changes bans. A request goes to the running node; if none runs, its store is opened.

use std::time::Duration;

use petrel_core::ban::{Ban, BanTarget};
use serde_json::{Value, json};

use crate::{
    cli::{
        flags::{BansAction, BansFlags},
        logging, parse,
    },
    serve::control::{
        self, BanArgumentError, ControlClientError, SocketRequest, check_length, check_reason, parse_subject,
    },
    store::{StoppedStore, StoreError},
    system::clock::unix_now,
};

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum BansError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The running node does not answer, or refuses.
    #[error(transparent)]
    Control(#[from] ControlClientError),
    /// An argument is invalid.
    #[error(transparent)]
    Argument(#[from] BanArgumentError),
    /// There is no such ban.
    #[error("{0} is not banned; `petrel bans list` shows who is")]
    NotBanned(BanTarget),
}

/// Runs the subcommand.
///
/// # Errors
/// See [`BansError`]; nothing is changed then.
pub fn run(flags: &BansFlags) -> Result<(), BansError> {
    // The arguments are checked before a request is sent.
    let request = match &flags.action {
        BansAction::List => SocketRequest::Bans {},
        BansAction::Add { who, length, reason: why } => {
            let (who, length) = (parse_subject(who)?, length.as_deref().map(parse_length).transpose()?);
            check_reason(why)?;
            SocketRequest::Ban {
                who: who.to_string(),
                secs: length.map(|length| length.as_secs()),
                reason: why.clone(),
            }
        }
        BansAction::Lift { who } => SocketRequest::Lift { who: parse_subject(who)?.to_string() },
    };
    match control::request(&flags.datadir, &request)? {
        Some(response) => print_response(&request, &response),
        None => run_on_store(flags, request),
    }
}

/// Prints the response of a running node.
fn print_response(request: &SocketRequest, response: &Value) -> Result<(), BansError> {
    for ban in response.get("bans").and_then(Value::as_array).into_iter().flatten().chain(response.get("banned")) {
        println!("{ban}");
    }
    match request {
        SocketRequest::Lift { who } if response.get("lifted") == Some(&Value::Bool(false)) => {
            Err(BansError::NotBanned(parse_subject(who)?))
        }
        _ => Ok(()),
    }
}

/// Carries out the request in the store of a stopped node.
fn run_on_store(flags: &BansFlags, request: SocketRequest) -> Result<(), BansError> {
    let store = StoppedStore::open(&flags.datadir)?;
    match request {
        SocketRequest::Ban { who, secs, reason } => {
            let until = secs.map(|secs| unix_now().saturating_add(secs));
            let (who, ban) = (
                parse_subject(&who)?,
                Ban { until, secs: secs.unwrap_or_default(), reason, ip: None, by_operator: true },
            );
            store.put_ban(who, Some(&ban))?;
            print_ban(who, &ban);
        }
        SocketRequest::Lift { who } => {
            let who = parse_subject(&who)?;
            if !store.put_ban(who, None)? {
                return Err(BansError::NotBanned(who));
            }
        }
        SocketRequest::Bans {} | SocketRequest::Peers {} | SocketRequest::Export { .. } => {
            let (bans, unreadable) = store.bans()?;
            for (who, ban) in bans {
                if !ban.left(unix_now()).is_zero() {
                    print_ban(who, &ban);
                }
            }
            if unreadable > 0 {
                logging::print(&format!("petrel: {unreadable} bans in the store cannot be read and are not in force"));
            }
        }
    }
    Ok(())
}

/// Prints one JSON object, as in the event.
fn print_ban(who: BanTarget, ban: &Ban) {
    println!("{}", json!({ "who": who, "until": ban.until, "reason": ban.reason }));
}

fn parse_length(text: &str) -> Result<Duration, BanArgumentError> {
    check_length(parse::duration(text).map_err(BanArgumentError::Length)?)
}
