//! JSON-RPC of an L1 node over HTTP: bounded in time and bytes; what goes wrong is named without the URL, which may hold a
//! secret.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Client, Response, StatusCode, header::LOCATION, redirect::Policy};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;

use super::{
    L1Error,
    proxy::{self, Through, Variables},
};

/// How long one call may take (op-node's too).
pub(super) const CALL: Duration = Duration::from_secs(10);
/// How long a proxy may take of it until L1 is reached.
const PROXY: Duration = Duration::from_secs(8);
/// Bytes of one answer at most. A block with the hashes of its transactions has some 100 kB, a proof 10.
pub(super) const ANSWER: usize = 4 << 20;
/// Characters of L1's own words that are told.
const WORDS: usize = 200;

/// See the module.
#[derive(Debug)]
pub(super) struct Rpc {
    url: Url,
    client: Result<Client, L1Error>,
    through: Option<Through>,
}

#[derive(Deserialize)]
struct Answer {
    /// `Some(null)` where it is there and null.
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    error: Option<Value>,
}

fn present<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(input).map(Some)
}

impl Rpc {
    /// Nothing is asked yet.
    pub(super) fn new(url: Url, variables: Variables<'_>) -> Self {
        // libp2p brings the same provider; a second installation is refused and changes nothing.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder().timeout(CALL).redirect(Policy::none()).no_proxy();
        let (builder, through) = match proxy::choose(&url, variables) {
            Ok(Some((proxy, through))) => (builder.proxy(proxy).connect_timeout(PROXY), Some(through)),
            Ok(None) => (builder, None),
            Err(error) => return Self { url, client: Err(error), through: None },
        };
        let client = builder.build().map_err(|error| L1Error::Unreachable(error.to_string()));
        Self { url, client, through }
    }

    /// Calls a method.
    ///
    /// # Errors
    /// L1 or a proxy does not answer as it should.
    pub(super) async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, L1Error> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let sent = client.post(self.url.clone()).json(&request).send().await;
        let response = sent.map_err(|error| self.unreachable(error))?;
        if let Some(to) = self.redirects(&response) {
            return Err(L1Error::Redirect { to });
        }
        let wrong = |error: String| L1Error::Answer { method, error };
        let (status, body) = (response.status(), self.body(response).await?);
        // Some nodes answer an RPC error with a status of its own: what they say is worth more.
        let answer: Answer = match serde_json::from_slice(&body) {
            Err(_) if !status.is_success() => return Err(self.status(status)),
            answer => answer.map_err(|error| wrong(error.to_string()))?,
        };
        match (answer.error, answer.result) {
            (Some(error), _) => Err(refused(method, &error)),
            (None, Some(Value::Null)) => Err(wrong("its result is null".to_owned())),
            (None, Some(result)) => serde_json::from_value(result).map_err(|error| wrong(error.to_string())),
            (None, None) => Err(wrong("it has neither a result nor an error".to_owned())),
        }
    }

    /// Scheme, host and port of the place that is named instead: what else its URL has may be a secret.
    fn redirects(&self, response: &Response) -> Option<String> {
        let status = response.status();
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let to = location.and_then(|location| self.url.join(location).ok()).filter(Url::has_host);
        Some(to.map_or_else(|| "which it does not name".to_owned(), |to| to.origin().ascii_serialization()))
    }

    /// A status without an answer.
    fn status(&self, status: StatusCode) -> L1Error {
        match &self.through {
            Some(through) if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => through.fault(CREDENTIALS),
            Some(through) if through.forwards => {
                through.fault(format!("it answers with HTTP status {}, which L1 may have given it", status.as_u16()))
            }
            _ => L1Error::Status(status.as_u16()),
        }
    }

    /// The answer's bytes, never more than [`ANSWER`].
    async fn body(&self, response: Response) -> Result<Vec<u8>, L1Error> {
        let mut body = Vec::new();
        let mut parts = response.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| self.unreachable(error))?;
            if body.len() + part.len() > ANSWER {
                return Err(L1Error::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// What went wrong, without the URL.
    fn unreachable(&self, error: reqwest::Error) -> L1Error {
        let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
        let error = error.without_url();
        let causes = causes(&error);
        match &self.through {
            Some(through) if is_connect && (through.forwards || is_timeout || is_on_the_way(&causes)) => {
                through.fault(proxy_cause(&causes, is_timeout))
            }
            _ if is_timeout => L1Error::Timeout,
            _ => L1Error::Unreachable(causes.last().map_or_else(String::new, ToString::to_string)),
        }
    }
}

/// What a proxy wants that asks for credentials.
const CREDENTIALS: &str = "it asks for a user and a password (HTTP status 407)";

/// An error and all that caused it, the innermost last.
fn causes<'a>(error: &'a (dyn std::error::Error + 'static)) -> Vec<&'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source()).collect()
}

/// How the client begins an error of a tunnel through a proxy.
const TUNNEL: &str = "tunnel error: ";

/// Whether making the way through a proxy failed, rather than the handshake with L1 at its end.
fn is_on_the_way(causes: &[&(dyn std::error::Error + 'static)]) -> bool {
    let mut said = causes.iter().map(ToString::to_string);
    said.any(|said| said.starts_with(TUNNEL) || said.contains("socks proxy"))
}

fn proxy_cause(causes: &[&(dyn std::error::Error + 'static)], is_timeout: bool) -> String {
    let cause = causes.last().map_or_else(String::new, ToString::to_string);
    match cause.strip_prefix(TUNNEL) {
        Some("proxy authorization required") => CREDENTIALS.to_owned(),
        Some("unsuccessful") => "it refuses to connect to L1".to_owned(),
        Some("unexpected end of file") => "it ends the connection".to_owned(),
        Some(other) => other.to_owned(),
        None if is_timeout => format!("no connection within {} s", PROXY.as_secs()),
        None => cause,
    }
}

/// A JSON-RPC error, also one that is not made as it should be.
fn refused(method: &'static str, error: &Value) -> L1Error {
    let message = error["message"].as_str().or(error.as_str());
    let message = message.map_or_else(|| error.to_string(), str::to_owned);
    let code = error["code"].as_i64().unwrap_or_default();
    L1Error::Refused { method, code, message: message.chars().take(WORDS).collect() }
}
