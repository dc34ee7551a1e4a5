//! The host name of `--p2p.advertise.ip`, resolved at the start of discovery and again while the node runs. A name that does not
//! resolve is a warning: the record keeps the address that it has, or has none until the name resolves.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{node_record::RecordEndpoint, task::DiscoveryEvent};

/// Time between two resolutions.
const INTERVAL: Duration = Duration::from_secs(600);
/// The same while the name has not resolved yet.
const INTERVAL_UNKNOWN: Duration = Duration::from_secs(60);
/// How long a resolution may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct AdvertisedName {
    host: String,
    /// The address that it had last.
    known: Option<IpAddr>,
    /// The last error, which is logged once.
    error: Option<String>,
}

impl AdvertisedName {
    /// Resolves it, once.
    pub(super) async fn resolve(host: String) -> Self {
        let mut name = Self { known: None, error: None, host };
        name.update(resolve(&name.host).await);
        name
    }

    /// Its address, if it has resolved.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.known
    }

    /// Resolves it again and again, and reports each change with the advertised ports, until the event loop ends.
    pub(super) async fn watch(mut self, endpoint: RecordEndpoint, events: mpsc::Sender<DiscoveryEvent>) {
        loop {
            tokio::select! { () = sleep(self.interval()) => {}, () = events.closed() => return }
            if let Some(ip) = self.update(resolve(&self.host).await) {
                let _ended = events.send(DiscoveryEvent::Resolved(RecordEndpoint { ip: Some(ip), ..endpoint })).await;
            }
        }
    }

    fn interval(&self) -> Duration {
        if self.known.is_some() { INTERVAL } else { INTERVAL_UNKNOWN }
    }

    /// Takes a result; the address, if it has changed. An error changes nothing.
    fn update(&mut self, resolved: Result<IpAddr, String>) -> Option<IpAddr> {
        match resolved {
            Ok(ip) => {
                self.error = None;
                (self.known.replace(ip) != Some(ip)).then_some(ip)
            }
            Err(error) => {
                if self.error.as_ref() != Some(&error) {
                    let (host, known) = (&self.host, self.known);
                    tracing::warn!(%host, ?known, %error, "--p2p.advertise.ip: the name does not resolve; it is tried again");
                    self.error = Some(error);
                }
                None
            }
        }
    }
}

/// An IP, or the first IPv4 address of a name, as op-node does it; else its first IPv6 address.
async fn resolve(host: &str) -> Result<IpAddr, String> {
    let Ok(found) = timeout(TIMEOUT, tokio::net::lookup_host((host, 0))).await else {
        return Err(format!("no answer within {} s", TIMEOUT.as_secs()));
    };
    let found: Vec<IpAddr> = found.map_err(|error| error.to_string())?.map(|at: SocketAddr| at.ip()).collect();
    let first = found.iter().find(|ip| ip.is_ipv4()).or_else(|| found.first());
    first.copied().ok_or_else(|| "it has no address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_resolved_again_and_keeps_its_address_while_it_does_not_resolve() {
        let mut name = AdvertisedName { host: "relay.example".to_owned(), known: None, error: None };
        let (first, second) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        assert_eq!(name.update(Err("no such name".to_owned())), None);
        assert_eq!((name.ip(), name.interval()), (None, INTERVAL_UNKNOWN));
        assert_eq!(name.update(Ok(first)), Some(first));
        assert_eq!((name.ip(), name.interval()), (Some(first), Duration::from_secs(600)));
        assert_eq!(name.update(Ok(first)), None);
        assert_eq!(name.update(Err("no answer".to_owned())), None);
        assert_eq!(name.ip(), Some(first));
        assert_eq!(name.update(Ok(second)), Some(second));
    }

    #[tokio::test]
    async fn an_ip_resolves_to_itself_and_what_is_no_name_is_an_error() {
        assert_eq!(resolve("192.0.2.1").await, Ok([192, 0, 2, 1].into()));
        assert!(resolve(&format!("{}.invalid", "a".repeat(64))).await.is_err());
    }
}
