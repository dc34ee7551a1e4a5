//! `petrel check`: judges captured messages offline, one JSON object each on stdout.
//!
//! A file is taken by its form: JSON is an Engine-API block (`.jsonl`: one a line), with `--unsigned` anything else is a
//! decompressed payload, otherwise it is a raw gossip message. What has no signature is judged for all but that.

use std::{
    io::{self, BufRead, Write},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256};
use bytes::Bytes;
use petrel_core::{
    block::{Payload, engine},
    chain::Chain,
    fault::{Fault, MessageFault, Verdict},
    fork::Version,
    message::{Form, MAX_MESSAGE, Message},
    schedule::ChainSchedule,
    sign::Signature,
    validation::{Signers, ValidationTask, peek_timestamp},
};
use serde::Serialize;

use crate::{
    cli::flags::CheckFlags,
    cli::parse,
    cli::settings::{Mistakes, resolve_chain},
    primitives::FASTEST,
};

/// What is printed for each message.
#[derive(Debug, Serialize)]
struct Report {
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

/// The time of the judgement.
#[derive(Clone, Copy)]
enum At {
    Unix(u64),
    Block,
}

struct Court {
    chain: Chain,
    schedule: Arc<ChainSchedule>,
    signer: Option<Address>,
    topic: Option<Version>,
    at: At,
    past: Duration,
    unsigned: bool,
}

/// Judges every file; whether all were accepted.
///
/// # Errors
/// Wrong flags, or files that cannot be read or are no blocks: every mistake at once, before anything is judged.
pub fn run(flags: &CheckFlags) -> Result<bool, Mistakes> {
    let court = Court::open(flags)?;
    let mut inputs = Vec::new();
    let mut mistakes = Vec::new();
    for file in &flags.files {
        match court.read(file) {
            Ok(read) => inputs.extend(read.into_iter().map(|input| (file.display().to_string(), input))),
            Err(error) => mistakes.push(format!("{}: {error}", file.display())),
        }
    }
    if !mistakes.is_empty() {
        return Err(Mistakes(mistakes));
    }
    let mut all_accepted = true;
    let mut out = io::stdout().lock();
    for (file, input) in inputs {
        let report = court.judge(file, input);
        all_accepted &= report.verdict == Verdict::Accept.as_str();
        // A reader that went away has seen enough.
        if serde_json::to_string(&report).map_err(io::Error::from).and_then(|line| writeln!(out, "{line}")).is_err() {
            break;
        }
    }
    Ok(all_accepted)
}

/// One thing to judge.
enum Input {
    /// A gossip message as on the wire.
    Message(Message),
    /// A message body without its signature, and its version where the form shows it.
    Body(Bytes, Option<Version>),
}

impl Court {
    fn open(flags: &CheckFlags) -> Result<Self, Mistakes> {
        let mut mistakes = Vec::new();
        let chain = resolve_chain(&flags.chain).map_err(|error| mistakes.extend(error.0)).ok();
        let at = at(flags.at.as_deref()).map_err(|error| mistakes.push(error)).ok();
        let past = parse::duration(&flags.timestamp_threshold)
            .map_err(|error| mistakes.push(format!("--p2p.gossip.timestamp.threshold: {error}")))
            .ok();
        match (chain, at, past) {
            (Some((chain, signer)), Some(at), Some(past)) => {
                let topic = flags.topic.and_then(Version::from_topic);
                let schedule = Arc::new(ChainSchedule::new(&chain));
                Ok(Self { chain, schedule, signer, topic, at, past, unsigned: flags.unsigned })
            }
            _ => Err(Mistakes(mistakes)),
        }
    }

    fn read(&self, file: &Path) -> Result<Vec<Input>, String> {
        let extension = file.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("jsonl") => {
                let file = std::fs::File::open(file).map_err(|error| error.to_string())?;
                let lines = io::BufReader::new(file).lines().enumerate();
                lines
                    .map(|(line, text)| {
                        let text = text.map_err(|error| error.to_string())?;
                        engine_block(text.as_bytes()).map_err(|error| format!("line {}: {error}", line + 1))
                    })
                    .collect()
            }
            Some("json") => Ok(vec![engine_block(&std::fs::read(file).map_err(|error| error.to_string())?)?]),
            _ => {
                let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
                if self.unsigned && bytes.len() > MAX_MESSAGE {
                    return Err(format!("{} bytes, a payload has at most {MAX_MESSAGE}", bytes.len()));
                }
                let raw = |bytes: Vec<u8>| Input::Message(Message::decompress(&bytes));
                Ok(vec![if self.unsigned { Input::Body(bytes.into(), None) } else { raw(bytes) }])
            }
        }
    }

    fn judge(&self, file: String, input: Input) -> Report {
        match input {
            Input::Message(message) => self.judge_message(file, message),
            Input::Body(body, version) => self.judge_body(file, body, version),
        }
    }

    fn judge_message(&self, file: String, message: Message) -> Report {
        let data = if message.form == Form::Snappy { message.data.clone() } else { Bytes::new() };
        let body = data.slice(Signature::LEN.min(data.len())..);
        let timestamp = |version| peek_timestamp(version, &data);
        let version = self.version(&body, timestamp);
        let topic = self.chain.topic(version);
        let id = message.id(&topic).to_string();
        let checked = self.check(version, message, timestamp(version).unwrap_or_default()).run(FASTEST);
        let signer = match &checked.result {
            Ok(block) => block.signer,
            Err(Fault::Message(MessageFault::WrongSigner { found })) => Some(*found),
            Err(_) => checked.signer,
        };
        let decoded = Payload::decode(version, body).ok();
        let report = report(file, version, decoded.as_ref(), checked.result.as_ref().err().copied());
        let schedule_mismatch = checked.result.ok().and_then(|block| self.schedule.contradicts(&block.payload));
        Report { signer, message_id: Some(id), schedule_mismatch, ..report }
    }

    fn judge_body(&self, file: String, body: Bytes, version: Option<Version>) -> Report {
        // A message is the body behind a signature.
        let timestamp = |version| {
            let at = 428 + if Version::has_beacon_root(version) { 32 } else { 0 };
            body.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
        };
        let version = self.topic.or(version).unwrap_or_else(|| self.version(&body, timestamp));
        let message = Message { form: Form::Snappy, data: Bytes::new(), wire: 0 };
        let check = self.check(version, message, timestamp(version).unwrap_or_default());
        let valid = check.run_unsigned(body.clone(), FASTEST);
        let fault = valid.as_ref().err().copied().map(Fault::from);
        let schedule_mismatch = valid.ok().and_then(|valid| self.schedule.contradicts(&valid));
        Report { schedule_mismatch, ..report(file, version, Payload::decode(version, body).ok().as_ref(), fault) }
    }

    /// The given topic's version; else of those that the body has the form of the one whose fork is active at its own timestamp,
    /// or another, for the schedule may lack a fork; else the one whose fork is active at the timestamp that it would have.
    fn version(&self, body: &Bytes, timestamp: impl Fn(Version) -> Option<u64>) -> Version {
        let due = |version: &Version| timestamp(*version).is_some_and(|at| self.chain.version_at(at) == *version);
        let has_form = |version: &Version| Payload::decode(*version, body.clone()).is_ok();
        let versions = || Version::ALL.into_iter().rev();
        let formed = || versions().filter(has_form).max_by_key(due);
        self.topic.or_else(formed).or_else(|| versions().find(due)).unwrap_or(Version::V4)
    }

    fn check(&self, version: Version, message: Message, timestamp: u64) -> ValidationTask {
        ValidationTask {
            chain_id: self.chain.id,
            schedule: self.schedule.clone(),
            version,
            message,
            signers: Signers::new(self.signer),
            at: match self.at {
                At::Unix(at) => at,
                At::Block => timestamp,
            },
            past: self.past.as_secs(),
        }
    }
}

fn engine_block(json: &[u8]) -> Result<Input, String> {
    let block = engine::read(json).map_err(|error| error.to_string())?;
    let body = block.payload.encode(block.version).map_err(|error| error.to_string())?;
    Ok(Input::Body(body.into(), Some(block.version)))
}

fn at(text: Option<&str>) -> Result<At, String> {
    match text {
        None => Ok(At::Unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())),
        Some("block") => Ok(At::Block),
        Some(text) => {
            text.parse().map(At::Unix).map_err(|_| format!("--at: {text:?} is neither Unix seconds nor `block`"))
        }
    }
}

fn report(file: String, version: Version, payload: Option<&Payload>, fault: Option<Fault>) -> Report {
    Report {
        file,
        version: Some(version.to_string()),
        number: payload.map(Payload::number),
        hash: payload.map(Payload::block_hash),
        txs: payload.map(Payload::transaction_count),
        signer: None,
        message_id: None,
        verdict: fault.map_or(Verdict::Accept, |fault| fault.verdict()).as_str(),
        fault: fault.map(|fault| fault.name()),
        detail: fault.map(|fault| fault.to_string()),
        schedule_mismatch: None,
    }
}
