//! A node that is driven by hand: each input in, every wish out as a list.

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

/// A node whose wishes are drained into a list after each input.
pub(crate) struct Test {
    pub(crate) node: Node,
    pub(crate) now: Now,
    pub(crate) ids: u8,
}

pub(crate) fn peer(seed: u8) -> PeerId {
    PeerId::from_bytes(&[seed]).unwrap()
}

/// A peer that came in from an address of its own on a private network.
pub(crate) fn connected(seed: u8) -> Input {
    connected_at(seed, std::net::Ipv4Addr::new(10, 0, 0, seed).into())
}

/// The same from any address.
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

impl Test {
    pub(crate) fn new() -> Self {
        Self::of(config())
    }

    pub(crate) fn of(config: Config) -> Self {
        Self::remembering(config, &RestoredState::default()).0
    }

    /// With what an earlier run kept; and what the node wants at once.
    pub(crate) fn remembering(config: Config, memory: &RestoredState) -> (Self, Vec<Output>) {
        let mut node = Node::new(config.settle().unwrap(), memory, [7; 32], after(0));
        let outputs = std::iter::from_fn(|| node.poll_output()).collect();
        (Self { node, now: after(0), ids: 0 }, outputs)
    }

    pub(crate) fn give(&mut self, input: Input) -> Vec<Output> {
        self.node.handle(self.now, input);
        std::iter::from_fn(|| self.node.poll_output()).collect()
    }

    pub(crate) fn pass(&mut self, millis: u64) -> Vec<Output> {
        self.now = self.now.plus(Duration::from_millis(millis));
        self.node.handle_timeout(self.now);
        std::iter::from_fn(|| self.node.poll_output()).collect()
    }

    /// A message from a peer on the V4 topic.
    pub(crate) fn gossip(&mut self, from: u8, message: Message) -> Vec<Output> {
        self.ids = self.ids.wrapping_add(1);
        let id = MessageId([self.ids; 20]);
        self.give(Input::Gossiped { peer: peer(from), id, version: Version::V4, message })
    }

    /// The same, with its check run at once.
    pub(crate) fn judged(&mut self, from: u8, message: Message) -> Vec<Output> {
        let outputs = self.gossip(from, message);
        let (id, check) = checks(&outputs).pop().expect("a check");
        self.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) })
    }
}

pub(crate) fn checks(outputs: &[Output]) -> Vec<(ValidationId, ValidationTask)> {
    let check = |output: &Output| match output {
        Output::Validate { id, task } => Some((*id, task.clone())),
        _ => None,
    };
    outputs.iter().filter_map(check).collect()
}

pub(crate) fn judgements(outputs: &[Output]) -> Vec<Acceptance> {
    let judgement = |output: &Output| match output {
        Output::Report { acceptance, .. } => Some(*acceptance),
        _ => None,
    };
    outputs.iter().filter_map(judgement).collect()
}

/// The events' names as the outside sees them, with the fault of a judgement.
pub(crate) fn told(outputs: &[Output]) -> Vec<String> {
    let name = |output: &Output| {
        let Output::Emit(event) = output else { return None };
        let json = serde_json::to_value(event).unwrap();
        let fault = json["fault"].as_str().map_or_else(String::new, |fault| format!(" {fault}"));
        Some(format!("{}{fault}", json["event"].as_str().unwrap()))
    };
    outputs.iter().filter_map(name).collect()
}

pub(crate) fn drops(outputs: &[Output]) -> Vec<(PeerId, DisconnectReason)> {
    let dropped = |output: &Output| match output {
        Output::Disconnect { peer, reason } => Some((*peer, *reason)),
        _ => None,
    };
    outputs.iter().filter_map(dropped).collect()
}
