//! Ports for a program to listen on that are still free when it is restarted.
//!
//! They are below the range of outgoing connections (Linux: 32768 and up), so that no other test takes one in the meantime.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    ops::Range,
    sync::atomic::{AtomicU16, Ordering},
};

const PORTS: Range<u16> = 12_000..32_000;

/// A free TCP port on loopback. No other call in this process gets it.
#[must_use]
pub fn tcp() -> u16 {
    free(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

/// A free UDP port on loopback. No other call in this process gets it.
#[must_use]
pub fn udp() -> u16 {
    free(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

fn free(is_free: impl Fn(u16) -> bool) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.end - PORTS.start;
    // Each process starts at another port.
    let first = (std::process::id().wrapping_mul(97) % u32::from(count)) as u16;
    let mut ports = std::iter::repeat_with(|| {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        PORTS.start + first.wrapping_add(next) % count
    });
    ports.find(|port| is_free(*port)).expect("the iterator does not end")
}
