//! A nameserver that answers every query with one address and a time to live of a day.

use std::{
    net::{IpAddr, Ipv4Addr, UdpSocket},
    sync::{Arc, Mutex},
    thread,
};

/// Time to live of an answer, seconds.
const TTL: u32 = 86_400;

/// Answers queries with the present value of `at`, until the test ends.
pub(crate) fn serve(at: Arc<Mutex<Ipv4Addr>>) -> IpAddr {
    let socket = UdpSocket::bind("127.0.0.53:53").unwrap();
    let server = socket.local_addr().unwrap().ip();
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut query) {
            let answer = answer(&query[..len], *at.lock().unwrap());
            let _gone = socket.send_to(&answer, from);
        }
    });
    server
}

/// RFC 1035: the question, and for a question of type A the address.
fn answer(query: &[u8], at: Ipv4Addr) -> Vec<u8> {
    let name = query[12..].iter().position(|byte| *byte == 0).unwrap();
    let question = &query[12..12 + name + 5];
    let is_a = question[name + 1..name + 3] == [0, 1];
    let mut out = query[..2].to_vec();
    // A response, recursion desired and available; one question, an answer or none.
    out.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    out.extend(question);
    if is_a {
        // The name of the question, type A, class IN.
        out.extend([0xc0, 12, 0, 1, 0, 1]);
        out.extend(TTL.to_be_bytes());
        out.extend([0, 4]);
        out.extend(at.octets());
    }
    out
}
