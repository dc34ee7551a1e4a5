//! Where this runs, as far as it decides what can be dialled.

use std::net::IpAddr;

use js_sys::Reflect;
use libp2p::{Multiaddr, multiaddr::Protocol};
use wasm_bindgen::JsValue;

/// Said of a private address that a public page dials.
const ASKS: &str =
    "; the address is in a private network, and the browser asks the user before a public page may reach one";

/// Whether there is such a global.
pub(crate) fn has(name: &str) -> bool {
    Reflect::has(&js_sys::global(), &JsValue::from_str(name)).unwrap_or(false)
}

/// Whether the page came over a connection that others can read and change. Node has no such notion.
pub(crate) fn is_insecure() -> bool {
    global("isSecureContext").is_some_and(|value| value == JsValue::FALSE)
}

/// What else may be the reason when there is no connection to `address`; begins with `; ` or is empty.
pub(crate) fn hint(address: &Multiaddr) -> &'static str {
    if is_private(address) && hostname().is_some_and(|host| !is_near(&host)) { ASKS } else { "" }
}

fn global(name: &str) -> Option<JsValue> {
    Reflect::get(&js_sys::global(), &JsValue::from_str(name)).ok().filter(|value| !value.is_undefined())
}

/// Of the page, where there is one.
fn hostname() -> Option<String> {
    let name = Reflect::get(&global("location")?, &JsValue::from_str("hostname")).ok()?;
    name.as_string().filter(|name| !name.is_empty())
}

fn is_private(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => !petrel_core::address::is_public(IpAddr::V4(ip)),
        Some(Protocol::Ip6(ip)) => !petrel_core::address::is_public(IpAddr::V6(ip)),
        Some(Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name)) => is_near(&name),
        _ => false,
    }
}

/// Whether a host of a URL is this machine, or in a private network as its address says.
fn is_near(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(ip) => !petrel_core::address::is_public(ip),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_near, is_private};

    #[test]
    fn near_and_far() {
        for host in ["localhost", "a.localhost", "127.0.0.1", "[::1]", "192.168.1.2", "10.0.0.1"] {
            assert!(is_near(host), "{host}");
        }
        for host in ["relay.example", "8.8.8.8", "[2001:4860::1]", "localhost.example"] {
            assert!(!is_near(host), "{host}");
        }
        assert!(is_private(&"/ip4/192.168.1.2/tcp/1/ws".parse().unwrap()));
        assert!(!is_private(&"/dns4/relay.example/tcp/443/wss".parse().unwrap()));
    }
}
