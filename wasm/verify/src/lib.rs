//! # petrel-verify: the judge of one message, without a node
//!
//! The module of the npm package's `petrel/verify`: what `petrel check` does, in a page. It is a module of its own because
//! a page that only verifies must not download a node: it contains the core without libp2p, and no chain.
//!
//! JavaScript gives bytes and text, and gets JSON text: `www/package/src/verify/types.ts` mirrors it. An input that cannot
//! be used is `{"error": {"code", "message", "remedy"}}` with the codes of the package.

#[cfg(test)]
#[macro_use]
extern crate test_anywhere;

mod block;
mod options;

use petrel_core::{
    evidence,
    fault::Verdict,
    message::Message,
    offline::{JudgedMessage, MessageJudge},
    primitives::Primitives,
};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

use block::VerifiedBlock;
use options::BadOption;

/// The verdict on a message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageReport {
    verdict: &'static str,
    fault: Option<&'static str>,
    detail: Option<String>,
    /// The signer, also when it is another one.
    signer: Option<alloy_primitives::Address>,
    message_id: Option<String>,
    /// The payload version of the topic on which it was judged.
    version: &'static str,
    /// The fork that an accepted block shows and the chain's schedule lacks.
    schedule_mismatch: Option<&'static str>,
    /// Only of an accepted message: nothing that was not verified is handed out.
    block: Option<VerifiedBlock>,
}

#[derive(Serialize)]
struct Refused {
    error: BadOption,
}

/// Judges a gossip message as it was received (snappy): its report as JSON.
///
/// `chain` is the JSON of a `rollup.json`; `signer` an address, or empty for the chain's own; `version` `V1` to `V4`, or
/// empty to select it by the message; `at` Unix seconds, or NaN for the block's own time.
#[wasm_bindgen(js_name = judgeMessage)]
pub fn judge_message(wire: &[u8], chain: &str, signer: &str, version: &str, at: f64) -> String {
    json(&options::judge(chain, signer, version, at).map(|judge| {
        let judged = judge.message(Message::decompress(wire), Primitives::PORTABLE);
        message_report(&judge, judged)
    }))
}

/// Judges the JSON of an equivocation: its report as JSON. `chain` and `signer` as above.
#[wasm_bindgen(js_name = judgeEvidence)]
pub fn judge_evidence(document: &[u8], chain: &str, signer: &str) -> String {
    json(
        &options::judge(chain, signer, "", f64::NAN)
            .map(|judge| evidence::judge(document, &judge, Primitives::PORTABLE)),
    )
}

fn message_report(judge: &MessageJudge, judged: JudgedMessage) -> MessageReport {
    let payload = judged.payload.filter(|_| judged.fault.is_none());
    MessageReport {
        verdict: judged.fault.map_or(Verdict::Accept, |fault| fault.verdict()).as_str(),
        fault: judged.fault.map(|fault| fault.name()),
        detail: judged.fault.map(|fault| fault.to_string()),
        signer: judged.signer,
        message_id: judged.id.map(|id| format!("0x{id}")),
        version: judged.version.name(),
        schedule_mismatch: judged.schedule_mismatch,
        block: payload.map(|payload| VerifiedBlock::new(&payload, judge.chain().subsecond)),
    }
}

fn json<T: Serialize>(result: &Result<T, BadOption>) -> String {
    let text = match result {
        Ok(report) => serde_json::to_string(report),
        Err(error) => serde_json::to_string(&Refused { error: error.clone() }),
    };
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{judge_evidence, judge_message};

    const ROLLUP: &str = include_str!("../../../tests/vectors/gossip/op-node-devnet/rollup.json");
    const SIGNER: &str = "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc";

    fn value(json: &str) -> serde_json::Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_no_message_and_no_evidence_has_a_fault() {
        let report = value(&judge_message(b"", ROLLUP, SIGNER, "", f64::NAN));
        assert_eq!((&report["verdict"], &report["fault"]), (&"reject".into(), &"snappy_header".into()));
        assert!(report["block"].is_null());
        let report = value(&judge_evidence(b"{}", ROLLUP, SIGNER));
        assert_eq!((&report["verdict"], &report["fault"]), (&"reject".into(), &"bad_evidence".into()));
    }

    #[test]
    fn options_that_cannot_be_used_are_errors() {
        let code =
            |chain, signer, version| value(&judge_message(b"", chain, signer, version, 7.0))["error"]["code"].clone();
        assert_eq!(code("{}", "", ""), "bad_chain");
        assert_eq!(code("", "", ""), "bad_chain");
        assert_eq!(code(ROLLUP, "0x12", ""), "bad_signer");
        assert_eq!(code(ROLLUP, SIGNER, "V9"), "bad_options");
        assert_eq!(value(&judge_evidence(b"", ROLLUP, "me"))["error"]["code"], "bad_signer");
    }
}
