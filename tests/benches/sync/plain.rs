//! The reference: bytes over a TCP connection on loopback, and nothing else.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use petrel_tests::forge::noise;

/// The time to copy `bytes` bytes.
pub(crate) fn copy(bytes: usize) -> Duration {
    let data = noise(7, bytes);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let reader = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut copy = Vec::with_capacity(bytes);
        stream.read_to_end(&mut copy).unwrap();
        copy.len()
    });
    let since = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&data).unwrap();
    drop(stream);
    assert_eq!(reader.join().unwrap(), bytes);
    since.elapsed()
}
