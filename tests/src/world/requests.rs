//! Requests for blocks by number, and the responses of correct and malicious nodes.

use bytes::Bytes;
use petrel_core::{
    Input,
    block::Payload,
    fault::AnswerFault,
    payload_by_number::{Reply, StoredBlock},
    primitives::Primitives,
    range_sync::{BlockRequest, FetchId},
    serving::RequestId,
};

use super::{Answers, Pending, REQUEST_TIMEOUT, World};

impl World {
    pub(super) fn fetch(&mut self, index: usize, request: BlockRequest) {
        let Some(to) = self.member(request.peer).filter(|to| self.members[index].links.contains(to)) else {
            let answer = Err(AnswerFault::Closed);
            return self.input(index, Input::Fetched { id: request.id, answer });
        };
        self.fetches.insert((index, request.id), to);
        self.plan(REQUEST_TIMEOUT, index, Pending::Answered { fetch: request.id, answer: Err(AnswerFault::Timeout) });
        if !self.random.percent(self.conditions.loss) {
            let latency = self.latency();
            self.plan(latency, to, Pending::Asked { from: index, fetch: request.id, number: request.number });
        }
    }

    pub(super) fn requested(&mut self, index: usize, from: usize, fetch: FetchId, number: u64) {
        if !self.members[index].links.contains(&from) {
            return;
        }
        if self.members[index].answers == Answers::Correct {
            self.asked += 1;
            let id = RequestId(self.asked);
            self.asks.insert((index, id), (from, fetch));
            return self.give(index, Input::Asked { id, peer: Self::peer(from), number: Some(number) });
        }
        if let Some(bytes) = self.malicious_answer(index, number) {
            self.members[index].sent_to.insert(from);
            let latency = self.latency();
            self.plan(latency, from, Pending::Answered { fetch, answer: Ok(bytes) });
        }
    }

    pub(super) fn answer(&mut self, index: usize, id: RequestId, reply: &Reply) {
        self.input(index, Input::Answered { id });
        let Some((from, fetch)) = self.asks.remove(&(index, id)) else { return };
        self.members[index].sent_to.insert(from);
        if !self.random.percent(self.conditions.loss) {
            let bytes: Vec<u8> = reply.pieces().flatten().collect();
            let latency = self.latency();
            self.plan(latency, from, Pending::Answered { fetch, answer: Ok(bytes.into()) });
        }
    }

    /// The response of a node that does not answer correctly; `None` when it does not respond.
    fn malicious_answer(&self, index: usize, number: u64) -> Option<Bytes> {
        let member = &self.members[index];
        let whole = |block: &StoredBlock| Reply::Block(block.clone()).pieces().flatten().collect::<Vec<u8>>().into();
        let found = member.store.get(number);
        match member.answers {
            Answers::Correct | Answers::Unresponsive => None,
            Answers::NotFound => Some(Bytes::from_static(&[1])),
            Answers::OtherNumber => member.store.get(number + 1).map(whole),
            Answers::WrongHash => found.map(|block| whole(&changed(block, false))),
            Answers::OtherBlock => found.map(|block| whole(&changed(block, true))),
            Answers::Malformed => Some(Bytes::from_static(b"\0\x01\0\0\0no frames at all")),
            Answers::Oversized => {
                found.map(|block| whole(&StoredBlock { body: vec![0; 64 << 20].into(), ..block.clone() }))
            }
        }
    }
}

/// The same block with one bit of its gas changed. It states the new hash if `rehash` is set, else the old one.
fn changed(block: &StoredBlock, rehash: bool) -> StoredBlock {
    const ROOT: usize = 32;
    const GAS_USED: usize = ROOT + 420;
    const BLOCK_HASH: usize = ROOT + 472;
    let mut body = block.body.to_vec();
    body[GAS_USED] ^= 1;
    if rehash {
        let payload = Payload::decode(block.version, body.clone().into()).expect("only a number was changed");
        let hash = payload.compute_hash(Primitives::PORTABLE.keccak_many);
        body[BLOCK_HASH..BLOCK_HASH + 32].copy_from_slice(hash.as_slice());
    }
    StoredBlock { body: body.into(), ..block.clone() }
}
