//! `petrel chains`: lists the chains of the superchain registry, or shows one of them or a chain in a file.

use std::io::{self, Write};

use petrel_core::chain::{Chain, Origin, preset_names};
use serde_json::{Value, json};

use crate::{
    cli::{
        flags::ChainsFlags,
        settings::{ConfigErrors, chain_named},
    },
    system::clock::unix_now,
};

/// Prints all presets, or one chain.
///
/// # Errors
/// There is no such chain.
pub fn run(flags: &ChainsFlags) -> Result<(), ConfigErrors> {
    let chains: Vec<Chain> = match &flags.name {
        Some(name) => vec![
            chain_named(name, "its rollup.json, which must end with .json")
                .map_err(|error| ConfigErrors(vec![error]))?,
        ],
        None => preset_names().filter_map(|preset| Chain::preset(preset.slug)).collect(),
    };
    let at = flags.at.unwrap_or_else(unix_now);
    let text = match (flags.json, &flags.name, chains.as_slice()) {
        (true, ..) => chains.iter().map(|chain| format!("{}\n", as_json(chain, at))).collect(),
        (false, Some(_), [chain]) => as_text(chain, at),
        (false, ..) => as_table(&chains, at),
    };
    // A reader that has closed stdout needs no more output.
    let _closed = io::stdout().lock().write_all(text.as_bytes());
    Ok(())
}

/// One object: id, names, forks with times (Unix seconds), cadence, signer, dates, and the block number at `at`.
fn as_json(chain: &Chain, at: u64) -> Value {
    let forks = chain.forks.scheduled().into_iter().map(|(name, time)| json!({ "name": name, "time": time }));
    let (signer_date, schedule_date, left_registry) = match &chain.origin {
        Origin::Preset { signer_date, schedule_date, left_registry } => {
            (Some(signer_date), Some(schedule_date), *left_registry)
        }
        Origin::Rollup => (None, None, false),
    };
    json!({
        "id": chain.id,
        "slug": chain.slug,
        "name": chain.name,
        "l1": chain.l1,
        "genesis": { "number": chain.genesis.number, "hash": chain.genesis.hash, "time": chain.genesis.time },
        "forks": forks.collect::<Vec<_>>(),
        "cadence": chain.cadence.steps().collect::<Vec<_>>(),
        "signer": chain.signer,
        "system_config": chain.system_config,
        "signer_date": signer_date,
        "schedule_date": schedule_date,
        "left_registry": left_registry,
        "at": at,
        "fork": chain.forks.name_at(at),
        "number": due(chain, at),
    })
}

fn due(chain: &Chain, at: u64) -> Option<u64> {
    chain.cadence.number_at(at.saturating_mul(1000))
}

/// The cells of a line, in the order of [`COLUMNS`].
type TableRow = [String; COLUMNS.len()];
/// Column titles; the last column is not padded.
const COLUMNS: [&str; 5] = ["ID", "NETWORK", "INTERVAL", "SIGNER", "FORK"];

fn as_table(chains: &[Chain], at: u64) -> String {
    let rows: Vec<TableRow> =
        std::iter::once(COLUMNS.map(str::to_owned)).chain(chains.iter().map(|chain| row(chain, at))).collect();
    let mut widths = [0; COLUMNS.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let mut out: String = rows.iter().map(|row| format_row(row, widths)).collect();
    if let Some(Origin::Preset { signer_date, schedule_date, .. }) = chains.first().map(|chain| &chain.origin) {
        out += &format!("\nSigners of {signer_date}, schedules of {schedule_date}. Times are Unix seconds.\n");
    }
    out
}

fn row(chain: &Chain, at: u64) -> TableRow {
    let mut fork = chain.forks.name_at(at).to_owned();
    if let Some((name, time)) = chain.forks.scheduled().into_iter().find(|(_, time)| *time > at) {
        fork += &format!(", then {name} at {time}");
    }
    if matches!(chain.origin, Origin::Preset { left_registry: true, .. }) {
        fork += "; left the registry";
    }
    [
        chain.id.to_string(),
        chain.slug.as_deref().unwrap_or(&chain.name).to_owned(),
        format!("{:?}", chain.cadence.interval_at(at.saturating_mul(1000))),
        signer(chain),
        fork,
    ]
}

/// Numbers are aligned to the right, text to the left.
fn format_row([id, network, interval, signer, fork]: &TableRow, widths: [usize; COLUMNS.len()]) -> String {
    let [w_id, w_network, w_interval, w_signer, _] = widths;
    format!("{id:>w_id$}  {network:<w_network$}  {interval:>w_interval$}  {signer:<w_signer$}  {fork}\n")
}

fn signer(chain: &Chain) -> String {
    chain.signer.map_or_else(|| "unknown".to_owned(), |signer| signer.to_string())
}

fn as_text(chain: &Chain, at: u64) -> String {
    let mut out = format!("{} (chain {})\n", chain.name, chain.id);
    let mut line = |name: &str, value: String| out += &format!("{name:<14}{value}\n");
    if let Some(slug) = &chain.slug {
        line("network", slug.clone());
    }
    line("L1", chain.l1.map_or_else(|| "unknown".to_owned(), |id| id.to_string()));
    line("genesis", format!("block {} at {}", chain.genesis.number, chain.genesis.time));
    for step in chain.cadence.steps() {
        line("cadence", format!("every {} ms from block {} at {} ms", step.interval_ms, step.number, step.time_ms));
    }
    for (name, time) in chain.forks.scheduled() {
        line("fork", format!("{name} at {time}{}", if time > at { ", to come" } else { "" }));
    }
    line("signer", signer(chain));
    if let Origin::Preset { signer_date, schedule_date, left_registry } = &chain.origin {
        line("dates", format!("the signer of {signer_date}, the schedule of {schedule_date}"));
        if *left_registry {
            line("registry", "the chain has left it: it may be shut down".to_owned());
        }
    }
    match due(chain, at) {
        Some(number) => line("number", format!("{number} is due at {at}")),
        None => line("number", format!("none is due at {at}")),
    }
    out
}
