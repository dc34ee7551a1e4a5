//! Boot nodes are asked for their records until each of them has answered. One that does not answer is named in the log and
//! asked again later; it never keeps the others from being used, nor the node from starting.

use std::{collections::HashSet, time::Duration};

use discv5::{Discv5, Enr};
use tokio::time::Instant;

use super::Boot;

/// How soon a boot node that did not answer is asked again; twice as long each time, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(120);

/// Boot nodes that are to be asked for their record.
pub(super) struct Unasked {
    boot: Vec<Boot>,
    wait: Duration,
    at: Instant,
    /// All boot nodes, as the log names them.
    all: HashSet<String>,
    /// Those that have not answered when they were asked last.
    dead: HashSet<String>,
}

impl Unasked {
    pub(super) fn new(boot: Vec<Boot>) -> Self {
        let all = boot.iter().map(ToString::to_string).collect();
        Self { boot, wait: FIRST, at: Instant::now(), all, dead: HashSet::new() }
    }

    /// Whether there are any.
    pub(super) fn is_due(&self) -> bool {
        !self.boot.is_empty()
    }

    /// When they are asked.
    pub(super) fn at(&self) -> Instant {
        self.at
    }

    /// All of them, which are asked now.
    pub(super) fn take(&mut self) -> Vec<Boot> {
        self.at = Instant::now() + self.wait;
        self.wait = self.wait.saturating_mul(2).min(LONGEST);
        std::mem::take(&mut self.boot)
    }

    pub(super) fn answered(&mut self, boot: &Boot) {
        if self.dead.remove(&boot.to_string()) {
            tracing::info!(%boot, "a boot node answers that did not answer before");
        }
        // From now on it is not all of them that do not answer.
        self.all.clear();
    }

    /// It is named once, and asked again.
    pub(super) fn failed(&mut self, boot: Boot, error: &str) {
        if self.dead.insert(boot.to_string()) {
            tracing::warn!(%boot, error, "a boot node does not answer; it is asked again, and the others are used");
            if self.dead == self.all {
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

/// A boot node's record, from itself.
///
/// # Errors
/// Its name does not resolve, or nobody answers there.
pub(super) async fn ask(discv5: &Discv5, boot: &Boot) -> Result<Enr, String> {
    if let Boot::Record(record) = boot {
        // At distance 0 from a node there is only the node.
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
