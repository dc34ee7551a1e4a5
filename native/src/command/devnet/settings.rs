//! The devnet's flags resolved: every mistake named at once.

use std::{net::IpAddr, time::Duration};

use petrel_core::message::MAX_MESSAGE;

use super::chain::{self, Upgrade};
use crate::{
    cli::flags::{DevnetFlags, Events},
    cli::parse,
    cli::settings::{Judge, Mistakes, Ports},
};

/// All that `petrel devnet` needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time between blocks, until Denim.
    pub interval: Duration,
    /// Bytes of a message before compression.
    pub block_bytes: usize,
    /// End after so many verified blocks.
    pub blocks: Option<u64>,
    /// Upgrades and the block from which each is active; the first is active from the start.
    pub schedule: Vec<(Upgrade, u64)>,
    /// Nodes that follow, at least one.
    pub followers: usize,
    /// Of a hundred messages that are gossiped to one of them so many are lost.
    pub loss: u8,
    /// Where the follower listens beside TCP.
    pub(crate) ports: Ports,
    /// Where the page is served.
    pub http: (IpAddr, u16),
    /// Events on stdout.
    pub events: Events,
}

impl Settings {
    /// Resolves the flags.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn resolve(flags: &DevnetFlags) -> Result<Self, Mistakes> {
        let mut judge = Judge::default();
        let block_bytes = judge.take("block-bytes", parse::size(&flags.block_bytes).and_then(fits));
        let schedule = judge.take("fork", schedule(&flags.fork));
        let given = judge.take("block-time", flags.block_time.as_deref().map(parse::duration).transpose());
        let interval = judge.take("block-time", chain::interval(given, &schedule));
        let followers = judge.take("followers", followers(&flags.followers));
        let loss = judge.take("drop", parse::share(&flags.drop));
        let ws = Some(judge.take("p2p.listen.ws", parse::port(&flags.listen_ws)));
        let webtransport = Some(judge.take("p2p.listen.webtransport", parse::port(&flags.listen_webtransport)));
        let port = judge.take("http.port", parse::port(&flags.http_port));
        let ip = judge.ip("http.addr", &flags.http_addr);
        judge.log_level(flags.output.log_level.as_deref());
        if flags.blocks == Some(0) {
            judge.0.push("--blocks: 0 would end before it began; leave the flag out to go on".to_owned());
        }
        match ip {
            Some(ip) if judge.0.is_empty() => Ok(Self {
                interval,
                block_bytes,
                blocks: flags.blocks,
                schedule,
                followers,
                loss,
                ports: Ports { ws, webtransport, ..Ports::default() },
                http: (ip, port),
                events: flags.output.events,
            }),
            _ => Err(Mistakes(judge.0)),
        }
    }
}

/// They share this machine.
fn followers(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number @ 1..=32) => Ok(number),
        _ => Err(format!("{text:?}: expected a number of nodes, 1 to 32")),
    }
}

fn fits(bytes: usize) -> Result<usize, String> {
    if bytes <= MAX_MESSAGE {
        Ok(bytes)
    } else {
        Err(format!("{bytes} bytes are more than a gossip message may have: at most {MAX_MESSAGE} (10MiB)"))
    }
}

/// `jovian`, or `ecotone,isthmus@5,jovian@10`: each fork and the block from which it is active, both rising.
fn schedule(text: &str) -> Result<Vec<(Upgrade, u64)>, String> {
    let mut schedule: Vec<(Upgrade, u64)> = Vec::new();
    for part in parse::list_or(&[text], "jovian") {
        let (name, block) = part.trim().split_once('@').unwrap_or((part.trim(), "0"));
        let upgrade = Upgrade::from_name(name).ok_or_else(|| unknown(name))?;
        let block = block.parse().map_err(|_| format!("{part:?}: expected FORK@BLOCK, for example isthmus@5"))?;
        if schedule.last().is_some_and(|(before, since)| !upgrade.is_after(*before) || *since >= block) {
            return Err(format!("{part:?} does not come after what is before it: forks and blocks must rise"));
        }
        schedule.push((upgrade, block));
    }
    Ok(schedule)
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = Upgrade::names().collect();
    format!("there is no fork {name:?}: expected bedrock, {}", known.join(", "))
}
