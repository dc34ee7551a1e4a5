//! A node for tests: gives it one input and returns all outputs.

use core::time::Duration;
use std::net::IpAddr;

use petrel_core::{
    Input, Node, Output,
    config::Config,
    event::{Connected, Direction, DisconnectReason},
    fault::Acceptance,
    fork::Version,
    message::{Message, MessageId},
    peer::PeerId,
    persistence::RestoredState,
    primitives::Primitives,
    time::Now,
    validation::{ValidationId, ValidationTask},
};

use crate::forge::{after, config};

/// A node, and the time that it is given.
pub(crate) struct TestNode {
    pub(crate) node: Node,
    pub(crate) now: Now,
    pub(crate) ids: u8,
}

pub(crate) fn peer(seed: u8) -> PeerId {
    PeerId::from_bytes(&[seed]).unwrap()
}

/// An inbound peer with its own private address.
pub(crate) fn connected(seed: u8) -> Input {
    connected_at(seed, std::net::Ipv4Addr::new(10, 0, 0, seed).into())
}

/// An inbound peer with this address.
pub(crate) fn connected_at(seed: u8, ip: IpAddr) -> Input {
    Input::Connected(Connected {
        peer: peer(seed),
        address: format!("/ip4/{ip}/tcp/1"),
        transport: "tcp",
        direction: Direction::Inbound,
        leaf: false,
        ip: Some(ip),
        tried: Vec::new(),
    })
}

impl TestNode {
    pub(crate) fn new() -> Self {
        Self::with_config(config())
    }

    pub(crate) fn with_config(config: Config) -> Self {
        Self::restored(config, &RestoredState::default()).0
    }

    /// A node with the state of an earlier run, and its first outputs.
    pub(crate) fn restored(config: Config, memory: &RestoredState) -> (Self, Vec<Output>) {
        let mut node = Node::new(config.settle().unwrap(), memory, [7; 32], after(0));
        let outputs = std::iter::from_fn(|| node.poll_output()).collect();
        (Self { node, now: after(0), ids: 0 }, outputs)
    }

    pub(crate) fn input(&mut self, input: Input) -> Vec<Output> {
        self.node.handle(self.now, input);
        std::iter::from_fn(|| self.node.poll_output()).collect()
    }

    pub(crate) fn advance(&mut self, millis: u64) -> Vec<Output> {
        self.now = self.now.plus(Duration::from_millis(millis));
        self.node.handle_timeout(self.now);
        std::iter::from_fn(|| self.node.poll_output()).collect()
    }

    /// A message from a peer on the V4 topic.
    pub(crate) fn gossip(&mut self, from: u8, message: Message) -> Vec<Output> {
        self.ids = self.ids.wrapping_add(1);
        let id = MessageId([self.ids; 20]);
        self.input(Input::Gossiped { peer: peer(from), id, version: Version::V4, message })
    }

    /// The same; the message is validated at once.
    pub(crate) fn validate(&mut self, from: u8, message: Message) -> Vec<Output> {
        let outputs = self.gossip(from, message);
        let (id, task) = validation_tasks(&outputs).pop().expect("a validation task");
        self.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) })
    }
}

pub(crate) fn validation_tasks(outputs: &[Output]) -> Vec<(ValidationId, ValidationTask)> {
    let task = |output: &Output| match output {
        Output::Validate { id, task } => Some((*id, task.clone())),
        _ => None,
    };
    outputs.iter().filter_map(task).collect()
}

pub(crate) fn acceptances(outputs: &[Output]) -> Vec<Acceptance> {
    let acceptance = |output: &Output| match output {
        Output::Report { acceptance, .. } => Some(*acceptance),
        _ => None,
    };
    outputs.iter().filter_map(acceptance).collect()
}

/// The names of the events in JSON, with the fault of a rejected or ignored message.
pub(crate) fn event_names(outputs: &[Output]) -> Vec<String> {
    let name = |output: &Output| {
        let Output::Emit(event) = output else { return None };
        let json = serde_json::to_value(event).unwrap();
        let fault = json["fault"].as_str().map_or_else(String::new, |fault| format!(" {fault}"));
        Some(format!("{}{fault}", json["event"].as_str().unwrap()))
    };
    outputs.iter().filter_map(name).collect()
}

pub(crate) fn disconnects(outputs: &[Output]) -> Vec<(PeerId, DisconnectReason)> {
    let dropped = |output: &Output| match output {
        Output::Disconnect { peer, reason } => Some((*peer, *reason)),
        _ => None,
    };
    outputs.iter().filter_map(dropped).collect()
}
