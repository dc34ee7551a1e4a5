//! JSON-RPC of an L1 node over HTTP, bounded in time and bytes. Errors never contain the URL, which may hold a secret.

use std::{fmt, time::Duration};

use futures::StreamExt;
use reqwest::{Client, Response, StatusCode, header::LOCATION, redirect::Policy};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;

use super::{
    bounds::{CALL_TIMEOUT, MAX_RESPONSE},
    error::L1Error,
    proxy::{self, L1Proxy, Variables},
};
use crate::secret::SecretUrl;

/// How long connecting through a proxy may take of it.
const PROXY_TIMEOUT: Duration = Duration::from_secs(8);
/// Characters of L1's own message in an error, at most.
const MAX_MESSAGE: usize = 200;

/// See the module. `Debug` shows neither the client, whose proxy may have a password, nor the URL's path.
pub(super) struct RpcClient {
    url: SecretUrl,
    client: Result<Client, L1Error>,
    proxy: Option<L1Proxy>,
}

#[derive(Deserialize)]
struct RpcResponse {
    /// `Some(null)` if it is present and null.
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    error: Option<Value>,
}

fn present<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(input).map(Some)
}

impl fmt::Debug for RpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcClient").field("url", &self.url).field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

impl RpcClient {
    /// Sends nothing yet.
    pub(super) fn new(url: SecretUrl, variables: Variables<'_>) -> Self {
        // libp2p installs the same provider; a second installation fails and changes nothing.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder().timeout(CALL_TIMEOUT).redirect(Policy::none()).no_proxy();
        let (builder, l1_proxy) = match proxy::choose(url.reveal(), variables) {
            Ok(Some((proxy, l1_proxy))) => (builder.proxy(proxy).connect_timeout(PROXY_TIMEOUT), Some(l1_proxy)),
            Ok(None) => (builder, None),
            Err(error) => return Self { url, client: Err(error), proxy: None },
        };
        let client = builder.build().map_err(|error| L1Error::Unreachable(error.to_string()));
        Self { url, client, proxy: l1_proxy }
    }

    /// Calls a method.
    ///
    /// # Errors
    /// See [`L1Error`].
    pub(super) async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, L1Error> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let sent = client.post(self.url.reveal().clone()).json(&request).send().await;
        let response = sent.map_err(|error| self.request_error(error))?;
        if let Some(to) = self.redirect_target(&response) {
            return Err(L1Error::Redirect { to });
        }
        let invalid = |error: String| L1Error::Answer { method, error };
        let (status, body) = (response.status(), self.body(response).await?);
        // Some nodes send an RPC error with an HTTP error status: the RPC error is more precise.
        let answer: RpcResponse = match serde_json::from_slice(&body) {
            Err(_) if !status.is_success() => return Err(self.status_error(status)),
            answer => answer.map_err(|error| invalid(error.to_string()))?,
        };
        match (answer.error, answer.result) {
            (Some(error), _) => Err(refused(method, &error)),
            (None, Some(Value::Null)) => Err(invalid("its result is null".to_owned())),
            (None, Some(result)) => serde_json::from_value(result).map_err(|error| invalid(error.to_string())),
            (None, None) => Err(invalid("it has neither a result nor an error".to_owned())),
        }
    }

    /// Scheme, host and port of a redirect's target: the rest of its URL may be a secret.
    fn redirect_target(&self, response: &Response) -> Option<String> {
        let status = response.status();
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let to = location.and_then(|location| self.url.reveal().join(location).ok()).filter(Url::has_host);
        Some(to.map_or_else(|| "a target that it does not name".to_owned(), |to| to.origin().ascii_serialization()))
    }

    /// The error for an HTTP status without an RPC response.
    fn status_error(&self, status: StatusCode) -> L1Error {
        match &self.proxy {
            Some(proxy) if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => proxy.fault(CREDENTIALS),
            Some(proxy) if proxy.forwards => {
                proxy.fault(format!("it answers with HTTP status {}, which L1 may have given it", status.as_u16()))
            }
            _ => L1Error::Status(status.as_u16()),
        }
    }

    /// The response's bytes, at most [`MAX_RESPONSE`].
    async fn body(&self, response: Response) -> Result<Vec<u8>, L1Error> {
        let mut body = Vec::new();
        let mut parts = response.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| self.request_error(error))?;
            if body.len() + part.len() > MAX_RESPONSE {
                return Err(L1Error::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// The error of a failed request, without the URL.
    fn request_error(&self, error: reqwest::Error) -> L1Error {
        let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
        let error = error.without_url();
        let causes = causes(&error);
        match &self.proxy {
            Some(proxy) if is_connect && (proxy.forwards || is_timeout || is_proxy_error(&causes)) => {
                proxy.fault(proxy_cause(&causes, is_timeout))
            }
            _ if is_timeout => L1Error::Timeout,
            _ => L1Error::Unreachable(causes.last().map_or_else(String::new, ToString::to_string)),
        }
    }
}

/// The error of a proxy that requires credentials.
const CREDENTIALS: &str = "it asks for a user and a password (HTTP status 407)";

/// An error and its causes, the innermost last.
fn causes<'a>(error: &'a (dyn std::error::Error + 'static)) -> Vec<&'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source()).collect()
}

/// The beginning of the client's errors of a tunnel through a proxy.
const TUNNEL: &str = "tunnel error: ";

/// Whether the connection through the proxy failed, and not the handshake with L1 behind it.
fn is_proxy_error(causes: &[&(dyn std::error::Error + 'static)]) -> bool {
    let mut messages = causes.iter().map(ToString::to_string);
    messages.any(|message| message.starts_with(TUNNEL) || message.contains("socks proxy"))
}

fn proxy_cause(causes: &[&(dyn std::error::Error + 'static)], is_timeout: bool) -> String {
    let cause = causes.last().map_or_else(String::new, ToString::to_string);
    match cause.strip_prefix(TUNNEL) {
        Some("proxy authorization required") => CREDENTIALS.to_owned(),
        Some("unsuccessful") => "it refuses to connect to L1".to_owned(),
        Some("unexpected end of file") => "it ends the connection".to_owned(),
        Some(other) => other.to_owned(),
        None if is_timeout => format!("no connection within {} s", PROXY_TIMEOUT.as_secs()),
        None => cause,
    }
}

/// A JSON-RPC error, which may be malformed.
fn refused(method: &'static str, error: &Value) -> L1Error {
    let message = error["message"].as_str().or(error.as_str());
    let message = message.map_or_else(|| error.to_string(), str::to_owned);
    let code = error["code"].as_i64().unwrap_or_default();
    L1Error::Refused { method, code, message: message.chars().take(MAX_MESSAGE).collect() }
}
