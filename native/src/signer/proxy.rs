//! The HTTP proxy for requests to L1, from environment variables: `HTTPS_PROXY` or `HTTP_PROXY` by the scheme of L1's URL, else
//! `ALL_PROXY`, except for the hosts in `NO_PROXY`; each in upper or lower case. A loopback address is never reached through a
//! proxy.

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Proxy;
use url::{Host, Url};

use super::error::L1Error;

/// The value of an environment variable.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A proxy as it is named in errors, without its credentials.
#[derive(Clone, Debug)]
pub(super) struct L1Proxy {
    /// Its host and port.
    proxy: String,
    variable: &'static str,
    /// Whether it forwards requests instead of connections: then an HTTP status may be its own.
    pub(super) forwards: bool,
}

impl L1Proxy {
    /// The error that this proxy is at fault.
    pub(super) fn fault(&self, error: impl Into<String>) -> L1Error {
        L1Error::Proxy { proxy: self.proxy.clone(), variable: self.variable, error: error.into() }
    }
}

/// The proxy for this URL; `None` for a direct connection.
///
/// # Errors
/// The variable's value is not a proxy.
pub(super) fn choose(url: &Url, variables: Variables<'_>) -> Result<Option<(Proxy, L1Proxy)>, L1Error> {
    let Some((variable, value)) = from_variables(url, variables).filter(|_| !is_local(url)) else { return Ok(None) };
    let no = first_set(&["NO_PROXY", "no_proxy"], variables).map_or_else(String::new, |(_, no)| no);
    // Without the path, which may have characters that a `Uri` does not allow.
    let origin = url.origin().ascii_serialization();
    let found = |proxy: &str, no: &str| {
        let matcher = Matcher::builder().all(proxy).no(no).build();
        matcher.intercept(&origin.parse().ok()?)
    };
    if found("http://any", &no).is_none() {
        return Ok(None);
    }
    // The value may contain a password, so the error does not repeat it.
    let unusable = || L1Error::Proxy {
        proxy: "(not a URL)".to_owned(),
        variable,
        error: "expected http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT".to_owned(),
    };
    let found = found(&value, "").ok_or_else(unusable)?;
    let forwards = url.scheme() == "http" && found.uri().scheme_str().is_some_and(|scheme| scheme.starts_with("http"));
    let port = found.uri().port_u16().map_or_else(String::new, |port| format!(":{port}"));
    let l1_proxy = L1Proxy { proxy: format!("{}{port}", found.uri().host().unwrap_or_default()), variable, forwards };
    let proxy = proxy(&found).ok_or_else(unusable)?;
    Ok(Some((proxy, l1_proxy)))
}

fn from_variables(url: &Url, variables: Variables<'_>) -> Option<(&'static str, String)> {
    let names = match url.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    first_set(&names, variables)
}

/// The first variable that is set and not empty.
fn first_set(names: &[&'static str], variables: Variables<'_>) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| {
        let value = variables(name)?.trim().to_owned();
        (!value.is_empty()).then_some((*name, value))
    })
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback() || ip.is_unspecified(),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

/// The proxy for the HTTP client. A SOCKS proxy has its credentials in the URL, another one in a header.
fn proxy(found: &Intercept) -> Option<Proxy> {
    let mut url: Url = found.uri().to_string().parse().ok()?;
    if let Some((user, password)) = found.raw_auth() {
        url.set_username(user).ok()?;
        url.set_password(Some(password)).ok()?;
    }
    let proxy = Proxy::all(url).ok()?;
    Some(match found.basic_auth() {
        Some(header) => proxy.custom_http_auth(header.clone()),
        None => proxy,
    })
}

#[cfg(test)]
mod tests {
    use super::{L1Error, choose};

    /// The proxy for `url` when these variables are set.
    fn chosen(url: &str, set: &[(&str, &str)]) -> Result<Option<String>, L1Error> {
        let value = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        choose(&url.parse().unwrap(), &value).map(|found| found.map(|(_, l1_proxy)| l1_proxy.proxy))
    }

    #[test]
    fn each_scheme_has_its_variable_and_all_is_for_both() {
        let all = [("HTTPS_PROXY", "http://a:1"), ("http_proxy", "b:2"), ("ALL_PROXY", "socks5h://c")];
        let proxy = |url: &str, set: &[(&str, &str)]| chosen(url, set).unwrap();
        assert_eq!(proxy("https://l1.example/key", &all).as_deref(), Some("a:1"));
        assert_eq!(proxy("http://l1.example/key", &all).as_deref(), Some("b:2"));
        assert_eq!(proxy("https://l1.example", &all[1..]).as_deref(), Some("c"));
        assert_eq!(
            proxy("https://l1.example", &[("HTTPS_PROXY", " "), ("https_proxy", "d:4")]).as_deref(),
            Some("d:4")
        );
        assert_eq!(proxy("https://l1.example", &all[1..2]), None);
        assert_eq!(proxy("https://l1.example", &[]), None);
    }

    #[test]
    fn loopback_and_the_hosts_of_no_proxy_are_reached_directly() {
        let no = |url: &str, no: &str| chosen(url, &[("all_proxy", "http://a:1"), ("no_proxy", no)]).unwrap();
        for local in [
            "http://127.0.0.2:8545",
            "http://localhost.",
            "https://[::1]/",
            "http://[::ffff:127.0.0.1]",
            "http://0.0.0.0",
        ] {
            assert_eq!(no(local, ""), None, "{local}");
        }
        for list in ["*", "l1.example", ".example", "10.0.0.1, l1.example,"] {
            assert_eq!(no("https://l1.example:8545/key", list), None, "{list}");
        }
        let wrong = [("HTTPS_PROXY", "ftp://a:1"), ("NO_PROXY", "l1.example")];
        assert_eq!(chosen("https://l1.example", &wrong).unwrap(), None);
        assert_eq!(no("http://10.1.2.3", "10.0.0.0/8"), None);
        assert_eq!(no("http://10.1.2.3", "11.0.0.0/8,xample").as_deref(), Some("a:1"));
    }

    #[test]
    fn a_value_that_is_no_proxy_is_named_by_its_variable_and_not_shown() {
        for value in ["ftp://me:secret@a:1", "http://me:secret@", "http://me:secret@ a"] {
            let error = chosen("https://l1.example", &[("HTTPS_PROXY", value)]).unwrap_err().to_string();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("secret"), "{error}");
        }
        let found = chosen("https://l1.example", &[("HTTPS_PROXY", "http://me:secret@a:1")]).unwrap();
        assert_eq!(found.as_deref(), Some("a:1"));
    }
}
