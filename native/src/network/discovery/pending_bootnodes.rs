//! Boot nodes whose records are still to be requested. A boot node that does not answer is logged and asked again later; it never
//! delays the use of the others or the start of the node.

use std::{collections::HashSet, time::Duration};

use discv5::{Discv5, Enr};
use tokio::time::Instant;

use super::bootnode::Bootnode;

/// Time until a boot node that did not answer is asked again; it doubles each time, up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LONGEST_RETRY: Duration = Duration::from_secs(120);

/// See the module.
pub(super) struct PendingBootnodes {
    boot: Vec<Bootnode>,
    wait: Duration,
    next_at: Instant,
    /// All boot nodes, as in the log; empty once one has answered.
    all: HashSet<String>,
    /// Those that did not answer the last request.
    unresponsive: HashSet<String>,
}

impl PendingBootnodes {
    pub(super) fn new(boot: Vec<Bootnode>) -> Self {
        let all = boot.iter().map(ToString::to_string).collect();
        Self { boot, wait: FIRST_RETRY, next_at: Instant::now(), all, unresponsive: HashSet::new() }
    }

    /// Whether any boot node is pending.
    pub(super) fn has_any(&self) -> bool {
        !self.boot.is_empty()
    }

    /// When they are asked next.
    pub(super) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// All of them, to be asked now.
    pub(super) fn take(&mut self) -> Vec<Bootnode> {
        self.next_at = Instant::now() + self.wait;
        self.wait = self.wait.saturating_mul(2).min(LONGEST_RETRY);
        std::mem::take(&mut self.boot)
    }

    pub(super) fn answered(&mut self, boot: &Bootnode) {
        if self.unresponsive.remove(&boot.to_string()) {
            tracing::info!(%boot, "a boot node that did not answer before answers now");
        }
        // The warning that none answers no longer applies.
        self.all.clear();
    }

    /// Logs the boot node once, and keeps it for the next request.
    pub(super) fn failed(&mut self, boot: Bootnode, error: &str) {
        if self.unresponsive.insert(boot.to_string()) {
            tracing::warn!(%boot, error, "a boot node does not answer; it is asked again, and the others are used");
            if self.unresponsive == self.all {
                tracing::warn!(
                    asked = self.all.len(),
                    "no boot node answers; they are asked again, and until then there are only static peers, peers of an \
                     earlier run, and those that connect by themselves"
                );
            }
        } else {
            tracing::debug!(%boot, error, "a boot node still does not answer");
        }
        self.boot.push(boot);
    }
}

/// Requests a boot node's record from it.
///
/// # Errors
/// Its name does not resolve, or it does not answer.
pub(super) async fn request_record(discv5: &Discv5, boot: &Bootnode) -> Result<Enr, String> {
    if let Bootnode::Record(record) = boot {
        // At distance 0 from a node there is only the node itself.
        let asked = discv5.find_node_designated_peer((**record).clone(), vec![0]);
        let answer = asked.await.map_err(|error| error.to_string())?;
        let newer = answer.into_iter().find(|found| found.node_id() == record.node_id() && found.seq() >= record.seq());
        return Ok(newer.unwrap_or_else(|| (**record).clone()));
    }
    let mut answer = Err("its name has no address".to_owned());
    for address in boot.addresses().await.map_err(|error| error.to_string())? {
        answer = discv5.request_enr(address).await.map_err(|error| error.to_string());
        if answer.is_ok() {
            break;
        }
    }
    answer
}
