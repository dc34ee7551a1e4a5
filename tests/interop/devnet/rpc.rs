//! The part of JSON-RPC over loopback HTTP that the scenario needs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// One endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rpc(pub(crate) u16);

impl Rpc {
    pub(crate) fn url(self) -> String {
        format!("http://127.0.0.1:{}", self.0)
    }

    /// The result.
    ///
    /// # Errors
    /// The error as text.
    pub(crate) fn call(self, method: &str, params: Value) -> Result<Value, String> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).build().into();
        let mut response = agent.post(self.url()).send_json(request).map_err(|error| error.to_string())?;
        let answer: Value = response.body_mut().read_json().map_err(|error| error.to_string())?;
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(answer["error"].to_string()),
        }
    }

    /// Waits until it answers.
    pub(crate) fn wait(self, what: &str, method: &str) {
        let end = Instant::now() + Duration::from_secs(120);
        while let Err(error) = self.call(method, json!([])) {
            assert!(Instant::now() < end, "{what} does not answer: {error}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A block's number, hash and timestamp.
    pub(crate) fn block(self, which: &str) -> Option<(u64, String, u64)> {
        let block = self.call("eth_getBlockByNumber", json!([which, false])).ok()?;
        let number = |field: &str| u64::from_str_radix(block[field].as_str()?.trim_start_matches("0x"), 16).ok();
        Some((number("number")?, block["hash"].as_str()?.to_owned(), number("timestamp")?))
    }
}
