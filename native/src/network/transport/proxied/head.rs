//! The first bytes of a proxy's connection: a PROXY header, an HTTP request, or neither.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use ipnet::IpNet;
use ppp::{HeaderResult, PartialResult, v1, v2};

/// Headers of an HTTP request, at most.
const MAX_HEADERS: usize = 64;
/// Bytes of a line of version 1 at most, by its specification.
const MAX_V1: usize = 107;
/// First bytes of both versions of the PROXY protocol.
const PROXY: [&[u8]; 2] = [b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n"];
/// First byte of a TLS record of a handshake: nothing can be read of it.
const TLS: u8 = 0x16;

/// What the first bytes say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// More bytes are needed.
    Incomplete,
    /// They are whole.
    Complete {
        /// The client, if the proxy names one.
        client: Option<SocketAddr>,
        /// Bytes that belong to the proxy, not to the stream.
        used: usize,
    },
}

const UNNAMED: Head = Head::Complete { client: None, used: 0 };

/// Parses the bytes read so far.
///
/// # Errors
/// They are a PROXY header or an HTTP request that is malformed.
pub(super) fn parse(bytes: &[u8], trusted: &[IpNet]) -> io::Result<Head> {
    let Some(first) = bytes.first() else { return Ok(Head::Incomplete) };
    if let Some(magic) = PROXY.iter().find(|magic| bytes.iter().zip(**magic).all(|(byte, expected)| byte == expected)) {
        return if bytes.len() < magic.len() { Ok(Head::Incomplete) } else { parse_proxy(bytes) };
    }
    if *first == TLS {
        return Ok(UNNAMED);
    }
    parse_http(bytes, trusted)
}

fn parse_proxy(bytes: &[u8]) -> io::Result<Head> {
    // The parser takes a cut line of version 1 for a malformed one, and a short one for a cut one.
    let is_line = bytes.starts_with(b"PROXY ");
    let is_whole = bytes.windows(2).any(|pair| pair == b"\r\n");
    if is_line && !is_whole && bytes.len() < MAX_V1 {
        return Ok(Head::Incomplete);
    }
    let result = HeaderResult::parse(bytes);
    if result.is_incomplete() {
        return if is_line { Err(io::Error::other("malformed PROXY line")) } else { Ok(Head::Incomplete) };
    }
    match result {
        HeaderResult::V1(header) => {
            let header = header.map_err(io::Error::other)?;
            let client = match header.addresses {
                v1::Addresses::Tcp4(at) => Some(SocketAddr::from((at.source_address, at.source_port))),
                v1::Addresses::Tcp6(at) => Some(SocketAddr::from((at.source_address, at.source_port))),
                v1::Addresses::Unknown => None,
            };
            Ok(Head::Complete { client, used: header.header.len() })
        }
        HeaderResult::V2(header) => {
            let header = header.map_err(io::Error::other)?;
            let client = match header.addresses {
                v2::Addresses::IPv4(at) => Some(SocketAddr::from((at.source_address, at.source_port))),
                v2::Addresses::IPv6(at) => Some(SocketAddr::from((at.source_address, at.source_port))),
                v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
            };
            Ok(Head::Complete { client, used: header.len() })
        }
    }
}

fn parse_http(bytes: &[u8], trusted: &[IpNet]) -> io::Result<Head> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    if request.parse(bytes).map_err(io::Error::other)?.is_partial() {
        return Ok(Head::Incomplete);
    }
    let named = |name: &'static str| {
        let found = request.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
        found.filter_map(|header| core::str::from_utf8(header.value).ok())
    };
    // Each proxy appends the address that it saw: the last entry that is no trusted proxy's is the client's. What is before it the
    // client may have written itself, so an entry that is no address ends the search.
    let entries: Vec<Option<IpAddr>> =
        named("x-forwarded-for").flat_map(|value| value.split(',')).map(address).collect();
    let is_proxy = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let client = entries.into_iter().rev().find(|entry| !entry.as_ref().is_some_and(is_proxy)).flatten();
    Ok(Head::Complete { client: client.map(|ip| SocketAddr::new(ip, 0)), used: 0 })
}

/// An IP address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted() -> Vec<IpNet> {
        vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()]
    }

    fn client(bytes: &[u8]) -> Option<String> {
        match parse(bytes, &trusted()).unwrap() {
            Head::Complete { client, .. } => client.map(|client| client.to_string()),
            Head::Incomplete => panic!("incomplete"),
        }
    }

    fn request(headers: &str) -> String {
        format!("GET / HTTP/1.1\r\nHost: relay.example\r\n{headers}\r\n")
    }

    #[test]
    fn version_1_names_the_client_and_is_no_part_of_the_stream() {
        let bytes = b"PROXY TCP4 203.0.113.7 10.0.0.1 40000 443\r\nGET / HTTP/1.1\r\n";
        let expected = Head::Complete { client: Some("203.0.113.7:40000".parse().unwrap()), used: 43 };
        assert_eq!(parse(bytes, &trusted()).unwrap(), expected);
        for length in 0..43 {
            assert_eq!(parse(&bytes[..length], &trusted()).unwrap(), Head::Incomplete, "{length} bytes");
        }
        assert_eq!(client(b"PROXY UNKNOWN\r\n"), None);
        assert!(parse(b"PROXY TCP4 nonsense\r\n", &trusted()).is_err());
    }

    #[test]
    fn version_2_names_the_client() {
        let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        bytes.extend([203, 0, 113, 8, 10, 0, 0, 1, 0x9c, 0x40, 1, 0xbb]);
        for length in 0..bytes.len() {
            assert_eq!(parse(&bytes[..length], &trusted()).unwrap(), Head::Incomplete, "{length} bytes");
        }
        let expected = Head::Complete { client: Some("203.0.113.8:40000".parse().unwrap()), used: bytes.len() };
        assert_eq!(parse(&bytes, &trusted()).unwrap(), expected);
    }

    #[test]
    fn the_last_forwarded_address_that_is_no_proxys_is_the_client() {
        assert_eq!(client(request("X-Forwarded-For: 203.0.113.9\r\n").as_bytes()), Some("203.0.113.9:0".to_owned()));
        // The client wrote the first one itself.
        let written = request("X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\nx-forwarded-for: 10.1.1.1\r\n");
        assert_eq!(client(written.as_bytes()), Some("203.0.113.9:0".to_owned()));
        let v6 = request("X-Forwarded-For: [2001:db8::1]:443\r\n");
        assert_eq!(client(v6.as_bytes()), Some("[2001:db8::1]:0".to_owned()));
        // Nothing else that a client may write counts, nor what is before an entry that is no address.
        assert_eq!(client(request("X-Real-IP: 203.0.113.10\r\n").as_bytes()), None);
        assert_eq!(client(request("X-Forwarded-For: 203.0.113.9, unknown\r\n").as_bytes()), None);
        assert_eq!(client(request("").as_bytes()), None);
        assert_eq!(client(request("X-Forwarded-For: unknown\r\n").as_bytes()), None);
    }

    #[test]
    fn a_request_is_read_to_its_end_and_a_malformed_one_is_refused() {
        let whole = request("X-Forwarded-For: 203.0.113.9\r\n");
        for length in 0..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..length], &trusted()).unwrap(), Head::Incomplete, "{length} bytes");
        }
        assert!(parse(b"\x00\x01\x02\r\n\r\n", &trusted()).is_err());
        assert!(parse(request(&"A: b\r\n".repeat(MAX_HEADERS)).as_bytes(), &trusted()).is_err());
        assert_eq!(parse(b"\x16\x03\x01", &trusted()).unwrap(), UNNAMED, "TLS");
    }
}
