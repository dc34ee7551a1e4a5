//! A multiaddr as the URL that a browser opens.
//!
//! Accepted: `/ip4|ip6|dns|dns4|dns6/HOST/tcp/PORT` followed by `/ws`, `/wss`, `/tls/ws` or `/tls/sni/NAME/ws`, and an
//! optional `/p2p/PEER` at the end. A browser takes the name for SNI from the URL, so an SNI name becomes its host.

use libp2p::{Multiaddr, multiaddr::Protocol};

/// The URL of a WebSocket address; `None` for what a browser cannot dial.
pub(crate) fn url(address: &Multiaddr) -> Option<String> {
    let mut parts = address.iter().peekable();
    let mut host = host(&parts.next()?)?;
    let Protocol::Tcp(port @ 1..) = parts.next()? else { return None };
    let mut tls = false;
    if matches!(parts.peek(), Some(Protocol::Tls)) {
        parts.next();
        tls = true;
        if let Some(Protocol::Sni(name)) = parts.peek() {
            host = self::name(name)?;
            parts.next();
        }
    }
    let path = match (parts.next()?, tls) {
        (Protocol::Ws(path), _) => path,
        (Protocol::Wss(path), false) => {
            tls = true;
            path
        }
        _ => return None,
    };
    match (parts.next(), parts.next()) {
        (None | Some(Protocol::P2p(_)), None) => {}
        _ => return None,
    }
    let scheme = if tls { "wss" } else { "ws" };
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some(format!("{scheme}://{host}:{port}{slash}{path}"))
}

fn host(part: &Protocol<'_>) -> Option<String> {
    match part {
        Protocol::Ip4(ip) => Some(ip.to_string()),
        Protocol::Ip6(ip) => Some(format!("[{ip}]")),
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => self::name(name),
        _ => None,
    }
}

/// A host name; `None` if it has characters with another meaning in a URL.
fn name(name: &str) -> Option<String> {
    let valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    valid.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::url;

    const PEER: &str = "/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";

    fn of(address: &str) -> Option<String> {
        url(&address.parse().unwrap())
    }

    #[test]
    fn what_a_browser_can_dial() {
        let known = [
            ("/ip4/127.0.0.1/tcp/9223/ws", "ws://127.0.0.1:9223/"),
            ("/ip6/::1/tcp/9223/ws", "ws://[::1]:9223/"),
            ("/dns/relay.example/tcp/443/wss", "wss://relay.example:443/"),
            ("/dns4/relay.example/tcp/443/tls/ws", "wss://relay.example:443/"),
            ("/ip4/192.0.2.1/tcp/443/tls/sni/relay.example/ws", "wss://relay.example:443/"),
            ("/dns6/relay.example/tcp/80/x-parity-ws/%2fpetrel", "ws://relay.example:80/petrel"),
        ];
        for (address, expected) in known {
            assert_eq!(of(address).as_deref(), Some(expected), "{address}");
            assert_eq!(of(&format!("{address}{PEER}")).as_deref(), Some(expected), "{address} with a peer");
        }
    }

    #[test]
    fn what_a_browser_cannot_dial() {
        let unknown = [
            "/ip4/127.0.0.1/tcp/9222".to_owned(),
            "/ip4/127.0.0.1/tcp/0/ws".to_owned(),
            "/ip4/127.0.0.1/tcp/9222/tls".to_owned(),
            "/ip4/127.0.0.1/udp/9222/quic-v1".to_owned(),
            "/ip4/127.0.0.1/tcp/9222/tls/wss".to_owned(),
            "/ip4/127.0.0.1/tcp/9222/ws/tcp/1".to_owned(),
            "/dns4/user@relay.example/tcp/443/wss".to_owned(),
            format!("/ip4/127.0.0.1/tcp/9222/ws{PEER}/p2p-circuit"),
            format!("{PEER}/ip4/127.0.0.1/tcp/9222/ws"),
        ];
        for address in unknown {
            assert_eq!(of(&address), None, "{address}");
        }
    }
}
