//! Ports for a program to listen on that are still free when it is restarted.
//!
//! They are below the range of outgoing connections (Linux: 32768 and up), so that no other test takes one in the meantime. Test programs
//! run side by side: each takes whole blocks of ports, and keeps a listener on the first port of a block as long as it runs.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    ops::Range,
    sync::{Mutex, PoisonError},
};

const PORTS: Range<u16> = 12_000..32_000;
/// Ports of a block.
const BLOCK: u16 = 200;

/// The blocks of this process.
static BLOCKS: Mutex<PortBlocks> = Mutex::new(PortBlocks { guards: Vec::new(), rest: 0..0 });

struct PortBlocks {
    /// On the first port of each block.
    guards: Vec<TcpListener>,
    /// What is left of the last block.
    rest: Range<u16>,
}

impl PortBlocks {
    fn next(&mut self) -> u16 {
        loop {
            if let Some(port) = self.rest.next() {
                return port;
            }
            self.take();
        }
    }

    /// Takes a block that no other process has; each process begins to look at another one.
    fn take(&mut self) {
        let count = (PORTS.end - PORTS.start) / BLOCK;
        let first = (std::process::id() % u32::from(count)) as u16;
        let starts = (0..count).map(|block| PORTS.start + (first + block) % count * BLOCK);
        let (start, guard) =
            starts.into_iter().find_map(|start| Some((start, bind(start)?))).expect("there is a block of free ports");
        self.guards.push(guard);
        self.rest = start + 1..start + BLOCK;
    }
}

fn bind(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

/// A free TCP port on loopback. No other call in this process gets it.
#[must_use]
pub fn tcp() -> u16 {
    free(|port| bind(port).is_some())
}

/// A free UDP port on loopback. No other call in this process gets it.
#[must_use]
pub fn udp() -> u16 {
    free(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

fn free(is_free: impl Fn(u16) -> bool) -> u16 {
    let mut blocks = BLOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    std::iter::repeat_with(|| blocks.next()).find(|port| is_free(*port)).expect("the iterator does not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_of_one_process_and_no_port_is_given_twice() {
        let ports: std::collections::BTreeSet<u16> = (0..450).map(|_| tcp()).collect();
        assert_eq!(ports.len(), 450);
        assert!(ports.iter().all(|port| PORTS.contains(port) && port % BLOCK != 0));
        let mut other = PortBlocks { guards: Vec::new(), rest: 0..0 };
        let port = other.next();
        assert!(!ports.iter().any(|known| known / BLOCK == port / BLOCK), "another process has other blocks");
    }
}
