//! The devnet's flags resolved: every error is reported at once.

use std::{net::IpAddr, time::Duration};

use petrel_core::message::MAX_MESSAGE;

use super::upgrade::{NetworkUpgrade, interval};
use crate::cli::{
    flags::{DevnetFlags, EventFormat},
    parse,
    settings::{ConfigErrors, FlagChecker, ListenPorts},
};

/// All that `petrel devnet` needs.
#[derive(Clone, Debug)]
pub struct DevnetSettings {
    /// Time between blocks, until Denim.
    pub interval: Duration,
    /// Bytes of a message before compression.
    pub block_bytes: usize,
    /// Verified blocks after which the devnet ends.
    pub blocks: Option<u64>,
    /// Upgrades, each with the block at which it becomes active; the first is active from the start.
    pub schedule: Vec<(NetworkUpgrade, u64)>,
    /// Followers, at least one.
    pub followers: usize,
    /// Percentage of incoming messages that each follower drops.
    pub loss: u8,
    /// Ports of the first follower, in addition to TCP.
    pub(crate) ports: ListenPorts,
    /// Where the page is served.
    pub http: (IpAddr, u16),
    /// Events on stdout.
    pub events: EventFormat,
}

impl DevnetSettings {
    /// Resolves the flags.
    ///
    /// # Errors
    /// Every error at once.
    pub fn resolve(flags: &DevnetFlags) -> Result<Self, ConfigErrors> {
        let mut checker = FlagChecker::default();
        let block_bytes = checker.take("block-bytes", parse::size(&flags.block_bytes).and_then(check_block_bytes));
        let schedule = checker.take("fork", schedule(&flags.fork));
        let given = checker.take("block-time", flags.block_time.as_deref().map(parse::duration).transpose());
        let interval = checker.take("block-time", interval(given, &schedule));
        let followers = checker.take("followers", followers(&flags.followers));
        let loss = checker.take("drop", parse::share(&flags.drop));
        let ws = Some(checker.take("p2p.listen.ws", parse::any_port(&flags.listen_ws)));
        let webtransport = Some(checker.take("p2p.listen.webtransport", parse::any_port(&flags.listen_webtransport)));
        let port = checker.take("http.port", parse::any_port(&flags.http_port));
        let ip = checker.ip("http.addr", &flags.http_addr);
        checker.log_level(flags.output.log_level.as_deref());
        if flags.blocks == Some(0) {
            checker
                .0
                .push("--blocks: expected 1 or more; without the flag the devnet runs until it is stopped".to_owned());
        }
        match ip {
            Some(ip) if checker.0.is_empty() => Ok(Self {
                interval,
                block_bytes,
                blocks: flags.blocks,
                schedule,
                followers,
                loss,
                ports: ListenPorts { ws, webtransport, ..ListenPorts::default() },
                http: (ip, port),
                events: flags.output.events,
            }),
            _ => Err(ConfigErrors(checker.0)),
        }
    }
}

/// The number of followers, which share this machine.
fn followers(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number @ 1..=32) => Ok(number),
        _ => Err(format!("{text:?}: expected a number of nodes, 1 to 32")),
    }
}

fn check_block_bytes(bytes: usize) -> Result<usize, String> {
    if bytes <= MAX_MESSAGE {
        Ok(bytes)
    } else {
        Err(format!("{bytes} bytes are more than a gossip message may have: at most {MAX_MESSAGE} (10MiB)"))
    }
}

/// `jovian`, or `ecotone,isthmus@5,jovian@10`: each fork and the block at which it becomes active, both rising.
fn schedule(text: &str) -> Result<Vec<(NetworkUpgrade, u64)>, String> {
    let mut schedule: Vec<(NetworkUpgrade, u64)> = Vec::new();
    for part in parse::list_or(&[text], "jovian") {
        let (name, block) = part.trim().split_once('@').unwrap_or((part.trim(), "0"));
        let upgrade = NetworkUpgrade::from_name(name).ok_or_else(|| unknown_fork(name))?;
        let block = block.parse().map_err(|_| format!("{part:?}: expected FORK@BLOCK, for example isthmus@5"))?;
        if schedule.last().is_some_and(|(before, since)| !upgrade.is_after(*before) || *since >= block) {
            return Err(format!("{part:?} is not after the entry before it: forks and blocks must rise"));
        }
        schedule.push((upgrade, block));
    }
    Ok(schedule)
}

fn unknown_fork(name: &str) -> String {
    let known: Vec<&str> = NetworkUpgrade::names().collect();
    format!("there is no fork {name:?}: expected bedrock, {}", known.join(", "))
}
