//! A reverse proxy in front of the WebSocket port: a trusted one's connections have the address of its client.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use petrel_tests::{
    process::Process,
    sequencer::{Sequencer, id},
};

use crate::node::{arguments, block, start};

/// The end of the head of an HTTP request.
const END: &[u8] = b"\r\n\r\n";

/// A proxy of one connection after the other to `port`: it puts `first` before what the client sends, or `header` into its request.
fn proxy(port: u16, first: &'static str, header: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            // A connection that is refused ends; the next one is tried.
            let _ended = forward(client.unwrap(), port, first, header);
        }
    });
    at
}

fn forward(mut client: TcpStream, port: u16, first: &str, header: &str) -> io::Result<()> {
    let mut relay = TcpStream::connect(("127.0.0.1", port))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(END) {
        client.read_exact(&mut byte)?;
        head.extend(byte);
    }
    head.truncate(head.len() - 2);
    relay.write_all(first.as_bytes())?;
    relay.write_all(&[&head, header.as_bytes(), b"\r\n"].concat())?;
    let (mut back, mut to_client) = (relay.try_clone()?, client.try_clone()?);
    thread::spawn(move || io::copy(&mut back, &mut to_client));
    thread::spawn(move || io::copy(&mut client, &mut relay));
    Ok(())
}

/// A leaf that connects through a proxy, as the relay sees its address; `None` when it cannot connect.
fn seen_address(flags: &[&str], first: &'static str, header: &'static str) -> Option<String> {
    let sequencer = Sequencer::started();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let flags = [&["--p2p.listen.ws=0"], flags].concat();
    let mut relay = start(&arguments(&sequencer, near.path(), &sequencer.address), &flags);
    let direct = relay.address(true);
    let port = direct.split('/').nth(4).unwrap().parse().unwrap();
    let through = format!("/ip4/127.0.0.1/tcp/{}/ws/p2p/{}", proxy(port, first, header), id(&direct));
    let mut leaf = start(&arguments(&sequencer, far.path(), &through), &[]);
    if !connects(&mut leaf) {
        return None;
    }
    let connected = relay.until("the leaf", |event| event["event"] == "connected" && event["leaf"] == true);
    block(&mut leaf, None);
    Some(connected["address"].as_str().unwrap().to_owned())
}

/// Whether the first dial of a static peer succeeds.
fn connects(leaf: &mut Process) -> bool {
    let ended = leaf.until("the dial", |event| event["event"] == "connected" || event["event"] == "dial_failed");
    ended["event"] == "connected"
}

const TRUSTED: &[&str] = &["--p2p.ws.trusted-proxies=127.0.0.0/8,10.0.0.1"];

#[test]
fn the_proxy_protocol_of_a_trusted_proxy_names_the_client() {
    let seen = seen_address(TRUSTED, "PROXY TCP4 203.0.113.7 10.0.0.1 40000 443\r\n", "").unwrap();
    assert!(seen.starts_with("/ip4/203.0.113.7/tcp/40000/ws"), "{seen}");
}

#[test]
fn a_forwarded_header_of_a_trusted_proxy_names_the_client() {
    let seen = seen_address(TRUSTED, "", "X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n").unwrap();
    assert!(seen.starts_with("/ip4/203.0.113.9/tcp/0/ws"), "{seen}");
}

#[test]
fn a_trusted_proxy_that_names_nobody_is_the_client_itself() {
    let seen = seen_address(TRUSTED, "", "").unwrap();
    assert!(seen.starts_with("/ip4/127.0.0.1/tcp/"), "{seen}");
}

#[test]
fn nobody_else_is_believed() {
    let seen = seen_address(&[], "", "X-Forwarded-For: 203.0.113.9\r\n").unwrap();
    assert!(seen.starts_with("/ip4/127.0.0.1/tcp/"), "{seen}");
    assert_eq!(seen_address(&[], "PROXY TCP4 203.0.113.7 10.0.0.1 40000 443\r\n", ""), None);
}
