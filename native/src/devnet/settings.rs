//! The devnet's flags resolved: every mistake named at once.

use std::{net::IpAddr, time::Duration};

use petrel_core::{config::MAX_BLOCK_TIME, fork::Fork, gossip::MAX_MESSAGE};

use crate::{
    flags::{DevnetFlags, Events},
    parse,
    settings::{Judge, Mistakes, Ports},
};

/// All that `petrel devnet` needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seconds between blocks.
    pub block_time: u64,
    /// Bytes of a message before compression.
    pub block_bytes: usize,
    /// End after so many verified blocks.
    pub blocks: Option<u64>,
    /// Forks and the block from which each is active; the first is active from the start.
    pub schedule: Vec<(Fork, u64)>,
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
        let block_time = judge.take("block-time", parse::duration(&flags.block_time).and_then(whole_seconds));
        let block_bytes = judge.take("block-bytes", parse::size(&flags.block_bytes).and_then(fits));
        let schedule = judge.take("fork", schedule(&flags.fork));
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
                block_time,
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

/// Block times are whole seconds in the protocol.
fn whole_seconds(time: Duration) -> Result<u64, String> {
    let seconds = time.as_secs();
    if time.subsec_nanos() == 0 && (1..=MAX_BLOCK_TIME).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!("{time:?} is no block time: expected whole seconds, 1s to {MAX_BLOCK_TIME}s"))
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
fn schedule(text: &str) -> Result<Vec<(Fork, u64)>, String> {
    let mut schedule: Vec<(Fork, u64)> = Vec::new();
    for part in text.split(',') {
        let (name, block) = part.trim().split_once('@').unwrap_or((part.trim(), "0"));
        let fork = Fork::from_name(name).ok_or_else(|| unknown(name))?;
        let block = block.parse().map_err(|_| format!("{part:?}: expected FORK@BLOCK, for example isthmus@5"))?;
        if schedule.last().is_some_and(|(before, since)| *before >= fork || *since >= block) {
            return Err(format!("{part:?} does not come after what is before it: forks and blocks must rise"));
        }
        schedule.push((fork, block));
    }
    Ok(schedule)
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = Fork::TIMED.into_iter().map(Fork::name).collect();
    format!("there is no fork {name:?}: expected bedrock, {}", known.join(", "))
}
