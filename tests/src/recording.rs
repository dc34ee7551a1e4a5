//! A recorded run of one node, and its replay: the same inputs at the same times must give the same outputs, byte for byte.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use petrel_core::{Input, Node, Output, config::Settled, persistence::RestoredState, time::Now};

/// The initial state of a node, and all its inputs.
pub struct Recording {
    config: Settled,
    restored: RestoredState,
    seed: [u8; 32],
    begun: Now,
    steps: Vec<Step>,
}

/// One call, and the outputs that followed.
struct Step {
    now: Now,
    /// `None` for a timeout.
    input: Option<Input>,
    outputs: Digest,
}

/// The number of outputs, and a hash over the debug text of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Digest {
    count: usize,
    hash: u64,
}

impl Digest {
    fn add(&mut self, output: &Output) {
        let mut hasher = DefaultHasher::new();
        (self.hash, format!("{output:?}")).hash(&mut hasher);
        (self.count, self.hash) = (self.count + 1, hasher.finish());
    }
}

impl Recording {
    pub(crate) fn new(config: Settled, restored: RestoredState, seed: [u8; 32], begun: Now) -> Self {
        let first = Step { now: begun, input: None, outputs: Digest::default() };
        Self { config, restored, seed, begun, steps: vec![first] }
    }

    pub(crate) fn step(&mut self, now: Now, input: Option<Input>) {
        self.steps.push(Step { now, input, outputs: Digest::default() });
    }

    pub(crate) fn output(&mut self, output: &Output) {
        if let Some(step) = self.steps.last_mut() {
            step.outputs.add(output);
        }
    }

    /// The numbers of recorded calls and of their outputs.
    pub fn len(&self) -> (usize, usize) {
        (self.steps.len(), self.steps.iter().map(|step| step.outputs.count).sum())
    }

    /// Replays the calls on a new node. Between them the node's deadline and status are read, which must change nothing.
    ///
    /// # Errors
    /// The first call with other outputs.
    pub fn replay(&self) -> Result<(), String> {
        let mut node = Node::new(self.config.clone(), &self.restored, self.seed, self.begun);
        for (index, Step { now, input, outputs }) in self.steps.iter().enumerate() {
            match input {
                _ if index == 0 => {}
                Some(input) => node.handle(*now, input.clone()),
                None => node.handle_timeout(*now),
            }
            let mut found = Digest::default();
            while let Some(output) = node.poll_output() {
                found.add(&output);
            }
            if found != *outputs {
                return Err(format!("call {index}, {input:?}: {outputs:?} when recorded, {found:?} when replayed"));
            }
            let _deadline = (node.poll_timeout(*now), node.poll_timeout(now.plus(core::time::Duration::from_secs(1))));
            let _status = node.status(*now);
        }
        Ok(())
    }
}
