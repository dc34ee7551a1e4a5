//! What must hold after every input: the reference model of a run.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use petrel_core::{
    Event, Input, Output,
    ban::BanTarget,
    event::{DisconnectReason, HeadReason, NewBlock, NewHead, Via},
    fault::Acceptance,
    message::MessageId,
    peer::PeerId,
    persistence::RestoredState,
    range_sync::{FetchId, RangeSync},
    serving::RequestId,
    validation::{Validation, ValidationId},
};

use super::{chain::SignedChain, peers};

/// Requests of peers that may be in memory at once: more than the node accepts of all peers that may be connected.
const MAX_UNANSWERED: usize = 4096;
/// Outputs of one input: a bound far above what one input may cause.
const MAX_OUTPUTS: usize = 20_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Invariants {
    head: Option<(u64, B256)>,
    /// Blocks emitted in this start, and how each came.
    emitted: BTreeMap<B256, Via>,
    unreported: BTreeSet<MessageId>,
    /// Requests, by who made them: a request ends with its peer's connection.
    unanswered: BTreeMap<RequestId, PeerId>,
    /// The peers that are connected as far as the node knows.
    connected: BTreeSet<PeerId>,
    validating: BTreeSet<ValidationId>,
    fetching: BTreeSet<FetchId>,
    outputs: usize,
    pub(super) blocks: usize,
    pub(super) bans: usize,
}

impl Invariants {
    /// An input is given.
    pub(super) fn given(&mut self, input: &Input) {
        self.outputs = 0;
        match input {
            Input::Gossiped { id, .. } => _ = self.unreported.insert(*id),
            Input::Asked { id, peer, .. } => _ = self.unanswered.insert(*id, *peer),
            Input::Connected(connected) => _ = self.connected.insert(connected.peer),
            Input::Disconnected { peer, .. } => {
                self.connected.remove(peer);
                self.unanswered.retain(|_, of| of != peer);
            }
            Input::Validated { id, .. } => _ = self.validating.remove(id),
            Input::Fetched { id, .. } => _ = self.fetching.remove(id),
            _ => {}
        }
    }

    /// The node was started again.
    pub(super) fn restarted(&mut self, restored: &RestoredState) {
        let head = restored.chain.last().map(|info| (info.number, info.hash));
        let (blocks, bans) = (self.blocks, self.bans);
        *self = Self { head, blocks, bans, ..Self::default() };
    }

    /// What is wrong with an output.
    pub(super) fn check(&mut self, output: &Output, chain: &SignedChain) -> Vec<String> {
        self.outputs += 1;
        let found = match output {
            Output::Validate { id, .. } => once(self.validating.insert(*id), "a validation id was used twice"),
            Output::Report { id, peer, acceptance } => self.report(*id, *peer, *acceptance),
            Output::Answer { id, .. } => {
                once(self.unanswered.remove(id).is_some(), "a request was answered twice, or never made")
            }
            Output::Fetch(request) if !self.connected.contains(&request.peer) => {
                Some("a peer that left is asked".to_owned())
            }
            Output::Fetch(request) => once(self.fetching.insert(request.id), "a fetch id was used twice"),
            Output::Disconnect { peer, reason } => disconnect(*peer, *reason),
            Output::Block(target) => honest_target(*target, "blocked"),
            Output::Emit(event) => self.event(event, chain),
            _ => None,
        };
        let many = (self.outputs == MAX_OUTPUTS).then(|| format!("one input caused {MAX_OUTPUTS} outputs"));
        found.into_iter().chain(many).collect()
    }

    fn report(&mut self, id: MessageId, peer: PeerId, acceptance: Acceptance) -> Option<String> {
        if !self.unreported.remove(&id) {
            return Some("a message was reported twice".to_owned());
        }
        (acceptance == Acceptance::Charge && peers::is_honest(peer)).then(|| "an honest peer was charged".to_owned())
    }

    fn event(&mut self, event: &Event, chain: &SignedChain) -> Option<String> {
        match event {
            Event::Block(NewBlock { block, via, .. }) => {
                self.blocks += 1;
                let (number, hash) = (block.payload.number(), block.hash);
                if chain.get(hash).is_none() {
                    return Some(format!("block {number} {hash} was not signed by the sequencer"));
                }
                let earlier = self.emitted.insert(hash, *via)?;
                Some(format!("block {number} {hash} was emitted via {earlier:?} and again via {via:?}"))
            }
            Event::Head(head) => self.moved(head, chain),
            Event::Reorg(_) | Event::Conflict(_) if !chain.has_reorged() => {
                Some("a reorg, though the sequencer never went back".to_owned())
            }
            Event::Conflict(conflict) if chain.count_at(conflict.number) < 2 => {
                Some(format!("a conflict at {}, where one block was signed", conflict.number))
            }
            Event::Banned(banned) => {
                self.bans += 1;
                honest_target(banned.who, "banned")
            }
            Event::Graylisted(graylisted) => honest_target(BanTarget::Peer(graylisted.peer), "graylisted"),
            Event::CheckPanicked(_) => Some("a validation panicked".to_owned()),
            _ => None,
        }
    }

    /// The head is a signed block; it extends the previous one unless the sequencer went back.
    fn moved(&mut self, head: &NewHead, chain: &SignedChain) -> Option<String> {
        let previous = self.head.replace((head.number, head.hash));
        let Some(signed) = chain.get(head.hash) else { return Some(format!("head {} was never signed", head.hash)) };
        if (signed.number, signed.parent) != (head.number, head.parent) {
            return Some(format!("head {} has another number or parent than was signed", head.hash));
        }
        let (number, hash) = previous?;
        let holds = match head.why {
            HeadReason::Extended => chain.is_ancestor(hash, head.hash),
            HeadReason::Anchored => head.number > number,
            HeadReason::Reorged => chain.has_reorged(),
        };
        (!holds).then(|| format!("the head moved from {number} to {}: {:?}", head.number, head.why))
    }

    /// Bounds on what is in memory.
    pub(super) fn bounds(&self) -> Result<(), String> {
        let bounds = [
            (self.validating.len(), Validation::TASKS * 8, "validation tasks"),
            (self.fetching.len(), RangeSync::MAX_IN_FLIGHT + RangeSync::MAX_OVERDUE, "requests in flight"),
            (self.unanswered.len(), MAX_UNANSWERED, "unanswered requests"),
        ];
        for (count, bound, what) in bounds {
            if count > bound {
                return Err(format!("{count} {what}, at most {bound} are allowed"));
            }
        }
        Ok(())
    }

    /// What should have ended when nothing is under way.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let counts = [
            (self.unreported.len(), "messages were never reported"),
            (self.unanswered.len(), "requests were never answered"),
        ];
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
    }
}

fn once(holds: bool, otherwise: &str) -> Option<String> {
    (!holds).then(|| otherwise.to_owned())
}

fn honest_target(target: BanTarget, what: &str) -> Option<String> {
    let honest = match target {
        BanTarget::Peer(peer) => peers::is_honest(peer),
        BanTarget::Ip(ip) => (0..peers::HONEST).any(|index| peers::honest_ip(index) == ip),
        BanTarget::Net(net) => (0..peers::HONEST).any(|index| net.contains(&peers::honest_ip(index))),
    };
    honest.then(|| format!("honest {target} was {what}"))
}

/// An honest peer is disconnected only to make room, or to get a new connection to it.
fn disconnect(peer: PeerId, reason: DisconnectReason) -> Option<String> {
    let innocent = matches!(reason, DisconnectReason::Pruned | DisconnectReason::Full | DisconnectReason::IdleTimeout);
    (peers::is_honest(peer) && !innocent).then(|| format!("an honest peer was disconnected: {}", reason.as_str()))
}
