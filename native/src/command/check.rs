//! `petrel check`: validates captured messages and evidence offline, and prints one JSON object each to stdout.
//!
//! The file's extension selects its format: JSON is evidence of an equivocation, by its `kind`, or an Engine-API block (`.jsonl`: one
//! block per line); any other file is a raw gossip message, or with `--unsigned` a decompressed payload. Without a signature
//! everything else is validated.

use std::{
    fs::File,
    io::{self, BufRead, Read, Write},
    path::Path,
};

use alloy_primitives::{Address, B256};
use bytes::Bytes;
use petrel_core::{
    block::{Payload, engine},
    evidence::{self, EvidenceReport},
    fault::Verdict,
    fork::Version,
    message::{MAX_MESSAGE, Message},
    offline::{JudgedMessage, MessageJudge},
};
use serde::Serialize;

use crate::{
    cli::{
        flags::CheckFlags,
        parse,
        settings::{ConfigErrors, resolve_chain},
    },
    primitives::FASTEST,
    system::clock::unix_now,
};

/// The output for each message.
#[derive(Debug, Serialize)]
struct CheckReport {
    file: String,
    version: Option<String>,
    number: Option<u64>,
    hash: Option<B256>,
    txs: Option<usize>,
    signer: Option<Address>,
    message_id: Option<String>,
    verdict: &'static str,
    fault: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The fork that an accepted block shows and the chain's schedule lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_mismatch: Option<&'static str>,
}

/// A line of the output.
#[derive(Serialize)]
#[serde(untagged)]
enum CheckLine {
    Message(CheckReport),
    Evidence {
        file: String,
        #[serde(flatten)]
        report: EvidenceReport,
    },
}

impl CheckLine {
    const fn verdict(&self) -> &'static str {
        match self {
            Self::Message(report) => report.verdict,
            Self::Evidence { report, .. } => report.verdict,
        }
    }
}

/// Validates inputs with the settings of the flags.
struct MessageChecker {
    judge: MessageJudge,
    unsigned: bool,
}

/// Validates every file; whether all were accepted.
///
/// # Errors
/// Invalid flags, or files that cannot be read or hold no blocks: every error at once, before anything is validated.
pub fn run(flags: &CheckFlags) -> Result<bool, ConfigErrors> {
    let checker = MessageChecker::open(flags)?;
    let mut inputs = Vec::new();
    let mut errors = Vec::new();
    for file in &flags.files {
        match checker.read(file) {
            Ok(read) => inputs.extend(read.into_iter().map(|input| (file.display().to_string(), input))),
            Err(error) => errors.push(format!("{}: {error}", file.display())),
        }
    }
    if !errors.is_empty() {
        return Err(ConfigErrors(errors));
    }
    let mut all_accepted = true;
    let mut out = io::stdout().lock();
    for (file, input) in inputs {
        let line = checker.check_input(file, input);
        all_accepted &= line.verdict() == Verdict::Accept.as_str();
        // A reader that has closed stdout needs no more output.
        if serde_json::to_string(&line).map_err(io::Error::from).and_then(|line| writeln!(out, "{line}")).is_err() {
            break;
        }
    }
    Ok(all_accepted)
}

/// One input.
enum CheckInput {
    /// A gossip message as it was received.
    Message(Message),
    /// A message body without its signature, and its version if the format shows it.
    Body(Bytes, Option<Version>),
    /// The JSON of an equivocation.
    Evidence(Vec<u8>),
}

impl MessageChecker {
    fn open(flags: &CheckFlags) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let chain = resolve_chain(&flags.chain).map_err(|error| errors.extend(error.0)).ok();
        let at = parse_time(flags.at.as_deref()).map_err(|error| errors.push(error)).ok();
        let past = parse::duration(&flags.timestamp_threshold)
            .map_err(|error| errors.push(format!("--p2p.gossip.timestamp.threshold: {error}")))
            .ok();
        match (chain, at, past) {
            (Some((chain, signer)), Some(at), Some(past)) => {
                let topic = flags.topic.and_then(Version::from_topic);
                let mut judge = MessageJudge::new(chain, signer);
                (judge.topic, judge.at, judge.past) = (topic, at, past.as_secs());
                Ok(Self { judge, unsigned: flags.unsigned })
            }
            _ => Err(ConfigErrors(errors)),
        }
    }

    fn read(&self, file: &Path) -> Result<Vec<CheckInput>, String> {
        let extension = file.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("jsonl") => {
                let file = File::open(file).map_err(|error| error.to_string())?;
                let lines = io::BufReader::new(file).lines().enumerate();
                lines
                    .map(|(line, text)| {
                        let text = text.map_err(|error| error.to_string())?;
                        engine_block(text.as_bytes()).map_err(|error| format!("line {}: {error}", line + 1))
                    })
                    .collect()
            }
            Some("json") => {
                let json = read_json(file)?;
                let is_evidence = evidence::is_evidence(&json);
                Ok(vec![if is_evidence { CheckInput::Evidence(json) } else { engine_block(&json)? }])
            }
            _ => {
                let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
                if self.unsigned && bytes.len() > MAX_MESSAGE {
                    return Err(format!("{} bytes, a payload has at most {MAX_MESSAGE}", bytes.len()));
                }
                let raw = |bytes: Vec<u8>| CheckInput::Message(Message::decompress(&bytes));
                Ok(vec![if self.unsigned { CheckInput::Body(bytes.into(), None) } else { raw(bytes) }])
            }
        }
    }

    fn check_input(&self, file: String, input: CheckInput) -> CheckLine {
        let judged = match input {
            CheckInput::Message(message) => self.judge.message(message, FASTEST),
            CheckInput::Body(body, version) => self.judge.body(&body, version, FASTEST),
            CheckInput::Evidence(json) => {
                return CheckLine::Evidence { file, report: evidence::judge(&json, &self.judge, FASTEST) };
            }
        };
        CheckLine::Message(report(file, &judged))
    }
}

/// The bytes of a JSON file that is not too long for evidence, and so for a block.
fn read_json(file: &Path) -> Result<Vec<u8>, String> {
    let limit = evidence::MAX_BYTES as u64;
    let mut json = Vec::new();
    let file = File::open(file).map_err(|error| error.to_string())?;
    file.take(limit + 1).read_to_end(&mut json).map_err(|error| error.to_string())?;
    if json.len() as u64 > limit {
        return Err(format!("more than {limit} bytes, which no block and no evidence has as JSON"));
    }
    Ok(json)
}

fn engine_block(json: &[u8]) -> Result<CheckInput, String> {
    let block = engine::read(json).map_err(|error| error.to_string())?;
    let body = block.payload.encode(block.version).map_err(|error| error.to_string())?;
    Ok(CheckInput::Body(body.into(), Some(block.version)))
}

/// `None` is each block's own time.
fn parse_time(text: Option<&str>) -> Result<Option<u64>, String> {
    match text {
        None => Ok(Some(unix_now())),
        Some("block") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| format!("--at: {text:?} is neither Unix seconds nor `block`")),
    }
}

fn report(file: String, judged: &JudgedMessage) -> CheckReport {
    let payload = judged.payload.as_ref();
    CheckReport {
        file,
        version: Some(judged.version.to_string()),
        number: payload.map(Payload::number),
        hash: payload.map(Payload::block_hash),
        txs: payload.map(Payload::transaction_count),
        signer: judged.signer,
        message_id: judged.id.map(|id| id.to_string()),
        verdict: judged.fault.map_or(Verdict::Accept, |fault| fault.verdict()).as_str(),
        fault: judged.fault.map(|fault| fault.name()),
        detail: judged.fault.map(|fault| fault.to_string()),
        schedule_mismatch: judged.schedule_mismatch,
    }
}
