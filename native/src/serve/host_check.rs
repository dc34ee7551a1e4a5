//! Which web pages may read the responses of this node's HTTP servers.
//!
//! A page of any site can have its own name resolve to 127.0.0.1 and then read from a server on its browser's machine as if it were
//! the page's own (DNS rebinding). The browser's request still has that name in `Host`. So a listener on a loopback address answers
//! only requests whose `Host` is an IP address, `localhost`, or a name that the operator has given: `--http.hosts`,
//! `--p2p.advertise.ip`. A listener on another address serves the network, where its names are unknown, and answers all.
//!
//! Pages of other sites may read the relay record when it is meant for the public: the listener is not on loopback, or the operator
//! has given a name or an address at which others reach it. Else only pages of this machine may.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct HostCheck {
    is_loopback: bool,
    /// The operator's names and addresses.
    given: Arc<[String]>,
}

impl HostCheck {
    /// For a listener on `ip`.
    pub(super) fn new(ip: IpAddr, given: &[String]) -> Self {
        Self { is_loopback: ip.to_canonical().is_loopback(), given: given.into() }
    }

    /// Whether a request with this host may be answered.
    fn allows(&self, host: &str) -> bool {
        let is_given = || self.given.iter().any(|given| given.eq_ignore_ascii_case(host.trim_end_matches('.')));
        !self.is_loopback || ip_of(host).is_some() || is_localhost(host) || is_given()
    }

    /// The value of `Access-Control-Allow-Origin` of a record for a page of this origin; `None` if the page may not read it.
    pub(super) fn allowed_origin(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        if !self.is_loopback || !self.given.is_empty() {
            return Some(HeaderValue::from_static("*"));
        }
        let uri: Uri = origin?.to_str().ok()?.parse().ok()?;
        let host = uri.host()?;
        let is_local = ip_of(host).is_some_and(|ip| ip.to_canonical().is_loopback()) || is_localhost(host);
        origin.filter(|_| is_local).cloned()
    }
}

/// Answers a request whose `Host` is not allowed with status 403; for `axum::middleware::from_fn_with_state`.
pub(super) async fn check_host(State(check): State<HostCheck>, request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(header::HOST).iter();
    let hosts = hosts.map(|host| Authority::try_from(host.as_bytes()).ok());
    // A request may name its host in its target too.
    let target = request.uri().authority().map(|authority| Some(authority.clone()));
    // A client that names no host is no browser.
    if hosts.chain(target).all(|host| host.is_some_and(|host| check.allows(host.host()))) {
        return next.run(request).await;
    }
    let text = "this Host is none of this node's: it listens on loopback; if a proxy forwards its own name, give that name with \
                --http.hosts\n";
    (StatusCode::FORBIDDEN, text).into_response()
}

/// The host if it is an IP address, in a URL's form.
fn ip_of(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        None => host.parse().ok(),
    }
}

/// Whether browsers resolve this name to loopback themselves (RFC 6761, §6.3).
fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ip: &str, given: &[&str]) -> HostCheck {
        HostCheck::new(ip.parse().unwrap(), &given.iter().map(|given| (*given).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn on_loopback_a_host_is_an_address_localhost_or_given() {
        for ip in ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"] {
            let check = check(ip, &["Relay.example"]);
            for host in ["127.0.0.1", "[::1]", "192.0.2.7", "localhost", "LOCALHOST.", "a.localhost", "relay.example."]
            {
                assert!(check.allows(host), "{host}");
            }
            for host in ["rebind.example", "localhost.example", "a.relay.example", "127.0.0.1.example", "", "[::1", "x"]
            {
                assert!(!check.allows(host), "{host}");
            }
        }
        assert!(check("0.0.0.0", &[]).allows("rebind.example"));
    }

    #[test]
    fn a_record_that_is_not_for_the_public_is_read_by_pages_of_this_machine_alone() {
        let allowed = |check: &HostCheck, origin: &'static str| {
            let value = check.allowed_origin(Some(&HeaderValue::from_static(origin)));
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let private = check("127.0.0.1", &[]);
        for origin in ["http://localhost:5173", "https://localhost", "http://127.0.0.1:80", "http://[::1]:8080"] {
            assert_eq!(allowed(&private, origin).as_deref(), Some(origin));
        }
        for origin in ["https://a.example", "http://192.0.2.7", "null", "", "http://localhost.example"] {
            assert_eq!(allowed(&private, origin), None, "{origin}");
        }
        assert_eq!(private.allowed_origin(None), None);
        for public in [check("0.0.0.0", &[]), check("192.0.2.7", &[]), check("::1", &["relay.example"])] {
            assert_eq!(allowed(&public, "https://a.example").as_deref(), Some("*"));
        }
    }
}
