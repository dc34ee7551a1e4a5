//! The last signed blocks of a node, so that two of one height can be given as evidence. Bounds: those of [`SignedBlocks`].

use std::{cell::RefCell, rc::Rc};

use petrel_core::{
    Event,
    evidence::{Evidence, SignedBlocks},
};

/// See the module; its clones share the blocks.
#[derive(Clone)]
pub(crate) struct KeptEvidence {
    chain: u64,
    blocks: Rc<RefCell<SignedBlocks>>,
}

impl KeptEvidence {
    /// For the blocks of this chain.
    pub(crate) fn new(chain: u64) -> Self {
        Self { chain, blocks: Rc::default() }
    }

    /// Keeps a signed block.
    pub(crate) fn on_event(&self, event: &Event) {
        if let Event::Block(new) = event {
            let _pair = self.blocks.borrow_mut().take(&new.block);
        }
    }

    /// The evidence of two signed blocks of this height, as JSON; `None` when so many are not kept.
    pub(crate) fn json(&self, number: u64) -> Option<String> {
        let [first, second] = self.blocks.borrow().pair(number)?;
        Some(Evidence::new(self.chain, [&first, &second])?.to_json())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use petrel_core::{
        Event,
        chain::Chain,
        event::{NewBlock, Via},
        evidence::judge,
        fork::Version,
        message::Message,
        offline::MessageJudge,
        primitives::Primitives,
        validation::peek_timestamp,
    };
    use serde_json::Value;

    use super::KeptEvidence;

    fn good() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/evidence/good.json")).unwrap()
    }

    fn judge_of_vectors() -> MessageJudge {
        let chain = Chain::from_rollup_json(include_bytes!("../../core/presets/op-mainnet.json")).unwrap();
        MessageJudge::new(chain, Some(good()["signer"].as_str().unwrap().parse().unwrap()))
    }

    fn block(which: usize) -> Event {
        let text = good()["blocks"][which]["message"].as_str().unwrap()[2..].to_owned();
        let digit = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        let data: Vec<u8> = (0..text.len()).step_by(2).map(digit).collect();
        let timestamp = peek_timestamp(Version::V4, &data);
        let task = judge_of_vectors().task(Version::V4, Message::of_decompressed(data.into()), timestamp);
        let block = Arc::new(task.run(Primitives::PORTABLE).result.unwrap());
        Event::Block(NewBlock { block, via: Via::Gossip, peer: None, timestamp_ms: 0, delay_ms: 0, judged_ms: 0 })
    }

    #[test]
    fn two_signed_blocks_of_a_height_are_evidence() {
        let kept = KeptEvidence::new(10);
        kept.on_event(&block(0));
        assert!(kept.json(1000).is_none());
        kept.on_event(&block(1));
        let json = kept.json(1000).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), good());
        assert_eq!(judge(json.as_bytes(), &judge_of_vectors(), Primitives::PORTABLE).verdict, "accept");
        assert!(kept.json(1001).is_none());
    }
}
