//! Executes the outputs of a node in the world.

use core::{fmt::Write as _, time::Duration};

use petrel_core::{Event, Input, Output, persistence::Persisted, primitives::Primitives};

use super::{Pending, World, whole};

impl World {
    pub(super) fn give(&mut self, index: usize, input: Input) {
        let now = self.seen_by(index);
        let member = &mut self.members[index];
        member.recording.iter_mut().for_each(|recording| recording.step(now, Some(input.clone())));
        member.node.handle(now, input);
        self.drain(index);
    }

    /// Executes every output. Work on other threads takes time: its result is a later input.
    pub(super) fn drain(&mut self, index: usize) {
        while let Some(output) = self.members[index].node.poll_output() {
            self.members[index].recording.iter_mut().for_each(|recording| recording.output(&output));
            match output {
                Output::Validate { id, task } => {
                    let took = Duration::from_micros(200 + self.random.below(2_000));
                    let outcome = task.run(Primitives::PORTABLE);
                    self.later(took, index, Input::Validated { id, outcome });
                }
                Output::Report { id, peer, acceptance } => self.reported(index, id, peer, acceptance),
                Output::Publish { version, data } => {
                    let message = whole(data);
                    let id = message.id(&self.chain.topic(version));
                    self.members[index].known.insert(id);
                    self.forward(index, None, id, version, &message);
                }
                Output::Disconnect { peer, .. } => {
                    if let Some(other) = self.member(peer) {
                        self.cut(index, other);
                    }
                }
                Output::Block(subject) => _ = self.members[index].blocked.insert(subject),
                Output::Unblock(subject) => _ = self.members[index].blocked.remove(&subject),
                Output::Dial { .. } | Output::Unsubscribe { .. } => {}
                Output::Score { peer, score } => {
                    if let Some(other) = self.member(peer) {
                        self.members[index].router.set_application_score(other, score);
                    }
                }
                Output::Fetch(request) => self.fetch(index, request),
                Output::Decode { id, task } => {
                    let took = Duration::from_micros(200 + self.random.below(2_000));
                    let outcome = task.run(Primitives::PORTABLE);
                    self.later(took, index, Input::Decoded { id, outcome });
                }
                Output::Load { id, number } => {
                    let found = self.members[index].store.get(number).cloned();
                    let took = Duration::from_micros(100 + self.random.below(1_000));
                    self.later(took, index, Input::Loaded { id, found: Ok(found) });
                }
                Output::Answer { id, reply } => self.answer(index, id, &reply),
                Output::Persist { id, item } => {
                    self.members[index].store.persist(&item);
                    let took = Duration::from_micros(500 + self.random.below(5_000));
                    self.later(took, index, Input::Persisted { id, result: Persisted::OnDisk });
                }
                Output::Emit(event) => self.emitted(index, event),
            }
        }
        let now = self.seen_by(index);
        self.members[index].due = self.members[index].node.poll_timeout(now).map(|deadline| deadline.at);
    }

    fn later(&mut self, after: Duration, index: usize, input: Input) {
        self.plan(after, index, Pending::Input(Box::new(input)));
    }

    fn emitted(&mut self, index: usize, event: Event) {
        let line = serde_json::to_string(&event).expect("an event is JSON");
        writeln!(self.log, "{} {index} {line}", self.now.mono.as_micros()).expect("memory");
        self.members[index].events.push(event);
        self.members[index].emitted_at.push(self.now.mono);
    }
}
