//! What hostile peers send: messages and answers, each with something wrong, or true blocks at the wrong time.

use alloy_primitives::B256;
use bytes::Bytes;
use petrel_core::{
    fault::AnswerFault,
    message::{Form, Message},
    payload_by_number::{Refusal, Reply, StoredBlock},
    peer::PeerId,
};

use super::{
    chain::{message, time_of, version},
    host::Host,
    peers,
};
use crate::forge::noise;

/// The kinds of messages in [`Host::hostile_message`].
const KINDS: u64 = 9;

impl Host {
    /// A message of a hostile peer.
    pub(super) fn hostile_message(&mut self) -> Message {
        let (tip, entropy) = (self.chain.tip(), self.random.below(u64::MAX));
        let number = tip.saturating_sub(self.random.below(4)) + self.random.below(3);
        let now = self.now.secs();
        let parent = self.chain.at(number.saturating_sub(1)).map_or(B256::ZERO, |block| block.stored.hash);
        let forge = |time: u64| self.chain.forge(number, time, parent, entropy % 1000);
        let data = match entropy % KINDS {
            // The bytes are no snappy block.
            0 => {
                let bytes = Bytes::from(noise(entropy, 200));
                return Message { form: Form::Corrupt, wire: bytes.len(), data: bytes };
            }
            // A signature and noise.
            1 => noise(entropy, 400),
            // An unknown signer.
            2 => forge(time_of(number)).by(7).sealed().0,
            // Another chain's signer.
            3 => forge(now).by(7).for_chain(1).sealed().0,
            // The sequencer's own mistakes: the peer that relays them is not penalised.
            4 => forge(now).claiming(B256::repeat_byte(3)).sealed().0,
            5 => forge(now.saturating_sub(3600)).sealed().0,
            6 => forge(now + 3600).sealed().0,
            7 => {
                let forge = forge(now);
                let (body, _) = forge.body();
                forge.seal(body.get(..body.len() / 2).unwrap_or_default())
            }
            // One bit of a true block is another.
            _ => self.chain.at(tip).map_or_else(Vec::new, |block| {
                let mut data = block.message.data.to_vec();
                let at = usize::try_from(entropy).unwrap_or(0) % data.len().max(1);
                data.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (entropy % 8));
                data
            }),
        };
        message(data)
    }

    /// What a peer answers to a request.
    pub(super) fn answer(&mut self, peer: PeerId, number: u64) -> Result<Bytes, AnswerFault> {
        if !peers::is_honest(peer) {
            return self.hostile_answer(number);
        }
        if peers::number(peer) >= peers::SERVING {
            return Err(AnswerFault::Unsupported);
        }
        let reply =
            self.chain.at(number).map_or(Reply::Refused(Refusal::NotFound), |block| Reply::Block(block.stored.clone()));
        Ok(bytes(&reply))
    }

    fn hostile_answer(&mut self, number: u64) -> Result<Bytes, AnswerFault> {
        let entropy = self.random.below(u64::MAX);
        let at = |number: u64| self.chain.at(number).map(|block| block.stored.clone());
        let block = match entropy % 8 {
            0 => return Err(AnswerFault::Timeout),
            1 => return Err(AnswerFault::Closed),
            2 => return Ok(Bytes::from(noise(entropy, 60))),
            3 => None,
            4 => at(number + 1),
            // Valid by itself, and not the block that is wanted.
            5 => {
                let forge = self.chain.forge(number, time_of(number), B256::repeat_byte(8), entropy % 100);
                let (body, hash) = forge.body();
                Some(StoredBlock { version: version(), hash, body: body.into() })
            }
            // Its contents were changed.
            6 => at(number).map(|block| {
                let mut body = block.body.to_vec();
                let place = usize::try_from(entropy).unwrap_or(0) % body.len().max(1);
                body.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1);
                StoredBlock { body: body.into(), ..block }
            }),
            _ => at(number),
        };
        Ok(bytes(&block.map_or(Reply::Refused(Refusal::NotFound), Reply::Block)))
    }
}

fn bytes(reply: &Reply) -> Bytes {
    reply.pieces().flatten().collect::<Vec<u8>>().into()
}
