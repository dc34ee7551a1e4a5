//! Routing: an output of one machine becomes an input of another machine, or an output of the node.

use super::{Node, Output};
use crate::{
    context::Machine,
    dialing::{DialingInput, DialingOutput},
    event::{DisconnectReason, Event},
    peer::PeerId,
    persistence::{PersistenceInput, PersistenceOutput},
    reputation::{ReputationInput, ReputationOutput},
    score::Contribution,
    serving::{ServingInput, ServingOutput},
    unsafe_chain::{ChainInput, ChainOutput, PromotedBlock},
    validation::{ValidationInput, ValidationOutput},
};

impl Node {
    pub(super) fn validation(&mut self, input: ValidationInput) {
        self.validation.handle(&mut self.context, input);
    }

    pub(super) fn chain(&mut self, input: ChainInput) {
        self.chain.handle(&mut self.context, input);
    }

    pub(super) fn reputation(&mut self, input: ReputationInput) {
        self.reputation.handle(&mut self.context, input);
    }

    pub(super) fn dialing(&mut self, input: DialingInput) {
        self.dialing.handle(&mut self.context, input);
    }

    pub(super) fn serving(&mut self, input: ServingInput) {
        self.serving.handle(&mut self.context, input);
    }

    pub(super) fn persistence(&mut self, input: PersistenceInput) {
        self.persistence.handle(&mut self.context, input);
    }

    /// Takes the outputs of the machines until none is left. The order of the checks is the order in which outputs
    /// become visible outside: what follows from an output comes before the next output of the same machine.
    pub(super) fn route(&mut self) {
        loop {
            if let Some(output) = self.persistence.poll_output() {
                self.route_persistence(output);
            } else if let Some(output) = self.dialing.poll_output() {
                self.route_dialing(output);
            } else if let Some(output) = self.reputation.poll_output() {
                self.route_reputation(output);
            } else if let Some(output) = self.serving.poll_output() {
                self.route_serving(output);
            } else if let Some(output) = self.chain.poll_output() {
                self.route_chain(output);
            } else if let Some(output) = self.validation.poll_output() {
                self.route_validation(output);
            } else {
                return;
            }
        }
    }

    fn route_validation(&mut self, output: ValidationOutput) {
        match output {
            ValidationOutput::Validate(id, task) => self.outputs.push_back(Output::Validate { id, task }),
            ValidationOutput::Report { id, peer, acceptance } => {
                self.outputs.push_back(Output::Report { id, peer, acceptance });
            }
            ValidationOutput::Publish { version, data } => self.outputs.push_back(Output::Publish { version, data }),
            ValidationOutput::Accepted { block, peer } => {
                // Our own block restarts the gossip watchdog too: no peer sends a sequencer its own blocks back.
                self.dialing(DialingInput::Received);
                if let Some(peer) = peer {
                    self.reputation(ReputationInput::Contribution(peer, Contribution::FirstDelivery));
                }
                self.chain(ChainInput::Accepted(block));
            }
            ValidationOutput::OffSchedule => self.chain(ChainInput::OffSchedule),
            ValidationOutput::Offence(peer, offence) => self.reputation(ReputationInput::Offence(peer, offence)),
            ValidationOutput::Disconnect(peer, reason) => self.disconnect(peer, reason),
            ValidationOutput::Emit(event) => self.emit(event),
        }
    }

    fn route_chain(&mut self, output: ChainOutput) {
        match output {
            ChainOutput::Fetch(request) => self.outputs.push_back(Output::Fetch(request)),
            ChainOutput::Decode(id, task) => self.outputs.push_back(Output::Decode { id, task }),
            ChainOutput::Persist(item) => self.persistence(PersistenceInput::Persist(item)),
            ChainOutput::Promoted(PromotedBlock { version, number, hash }) => {
                // A peer that gives blocks of the chain is useful, so they restart the gossip watchdog.
                self.dialing(DialingInput::Received);
                self.validation(ValidationInput::Fetched { version, number, hash });
            }
            ChainOutput::Answered(peer) => {
                self.reputation(ReputationInput::Contribution(peer, Contribution::Response));
            }
            ChainOutput::Offence(peer, offence) => self.reputation(ReputationInput::Offence(peer, offence)),
            ChainOutput::Disconnect(peer, reason) => self.disconnect(peer, reason),
            ChainOutput::Unsubscribe(version) => self.outputs.push_back(Output::Unsubscribe { version }),
            ChainOutput::Schedule(schedule) => self.validation(ValidationInput::Schedule(schedule)),
            ChainOutput::ServeLimits(limits) => self.serving(ServingInput::Limits(limits)),
            ChainOutput::Emit(event) => self.emit(event),
        }
    }

    fn route_reputation(&mut self, output: ReputationOutput) {
        match output {
            ReputationOutput::Block(target) => self.outputs.push_back(Output::Block(target)),
            ReputationOutput::Unblock(target) => self.outputs.push_back(Output::Unblock(target)),
            ReputationOutput::Score(peer, score) => self.outputs.push_back(Output::Score { peer, score }),
            ReputationOutput::Persist(item) => self.persistence(PersistenceInput::Persist(item)),
            ReputationOutput::Disconnect(peer, reason) => self.disconnect(peer, reason),
            ReputationOutput::Emit(event) => self.emit(event),
        }
    }

    fn route_dialing(&mut self, output: DialingOutput) {
        match output {
            DialingOutput::Dial(peer, addresses) => self.outputs.push_back(Output::Dial { peer, addresses }),
            DialingOutput::Disconnect(peer, reason) => self.disconnect(peer, reason),
            DialingOutput::Emit(event) => self.emit(event),
        }
    }

    fn route_serving(&mut self, output: ServingOutput) {
        self.outputs.push_back(match output {
            ServingOutput::Answer(id, reply) => Output::Answer { id, reply },
            ServingOutput::Load(id, number) => Output::Load { id, number },
        });
    }

    fn route_persistence(&mut self, output: PersistenceOutput) {
        match output {
            PersistenceOutput::Persist { id, item } => self.outputs.push_back(Output::Persist { id, item }),
            PersistenceOutput::PendingBytes(bytes) => self.chain(ChainInput::PendingBytes(bytes)),
            PersistenceOutput::Emit(event) => self.emit(event),
        }
    }

    /// Closes a peer's connections. The reason is emitted with [`Event::Disconnected`] when they are closed.
    pub(super) fn disconnect(&mut self, peer: PeerId, reason: DisconnectReason) {
        self.context.peers.set_disconnecting(peer, reason);
        self.outputs.push_back(Output::Disconnect { peer, reason });
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.outputs.push_back(Output::Emit(event));
    }
}
