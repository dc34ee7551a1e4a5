//! The output of a devnet: a live table in a terminal, plain lines otherwise, nothing with JSON events.

use std::{
    collections::VecDeque,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use petrel_core::{
    Event,
    chain::Chain,
    event::{NewBlock, Via},
};

/// Lines of the live table.
const ROWS: usize = 12;

/// See the module.
#[derive(Debug)]
pub(super) struct DevnetView {
    mode: ViewMode,
    chain: Chain,
    rows: VecDeque<String>,
    verified: u64,
    rejected: u64,
    tabs: usize,
    /// The prefix with the follower's number, if there are several.
    prefix: String,
    /// Lines of the last drawing, which are overwritten.
    drawn: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ViewMode {
    Silent,
    Lines,
    Live,
}

impl DevnetView {
    /// Prints the chain and the page's URL.
    pub(super) fn start(silent: bool, chain: &Chain, url: &str) -> Self {
        let mode = match (silent, io::stdout().is_terminal()) {
            (true, _) => ViewMode::Silent,
            (false, true) => ViewMode::Live,
            (false, false) => ViewMode::Lines,
        };
        let view = Self {
            mode,
            chain: chain.clone(),
            rows: VecDeque::new(),
            verified: 0,
            rejected: 0,
            tabs: 0,
            prefix: String::new(),
            drawn: 0,
        };
        let head = format!(
            "A local OP Stack chain (id {}), {}.\nLight client in your browser: {url}\n\n",
            chain.id,
            cadence(chain)
        );
        if silent {
            // Stdout is used for the events.
            eprint!("{head}");
        } else {
            print(&head);
        }
        view
    }

    /// Shows an event of one of several followers.
    pub(super) fn show_of(&mut self, follower: usize, event: &Event) {
        self.prefix = format!("{follower}: ");
        self.show(event);
    }

    /// Prints a text at the end.
    pub(super) fn say(&mut self, text: &str) {
        self.prefix.clear();
        self.line(text.to_owned());
    }

    /// Shows an event of the follower.
    pub(super) fn show(&mut self, event: &Event) {
        match event {
            Event::FetchFailed(failed) => {
                self.line(format!("block {} could not be fetched: {}", failed.number, failed.detail))
            }
            Event::Block(block) => self.block(block),
            Event::Rejected(message) => {
                self.rejected += 1;
                self.line(format!("rejected: {}", message.detail));
            }
            Event::Gap(gap) => self.line(format!("gap {:?}: {} to {}", gap.state, gap.from, gap.to)),
            Event::Connected(peer) if peer.leaf => {
                self.tabs += 1;
                self.line(format!("a browser connected ({})", peer.transport));
            }
            _ => {}
        }
    }

    fn block(&mut self, new: &NewBlock) {
        self.verified += 1;
        let (block, payload) = (&new.block, &new.block.payload);
        let hash = block.hash.to_string();
        let short = hash.get(..14).unwrap_or(&hash);
        let fork = self.chain.forks.name_at(payload.timestamp());
        self.line(format!(
            "{} #{:<6} {short}…  {} {fork:<8}  {:>4} txs  {:>10}  {:+} ms",
            if new.via == Via::Sync { "fetched " } else { "verified" },
            payload.number(),
            payload.version(),
            payload.transaction_count(),
            size(block.bytes),
            new.delay_ms,
        ));
    }

    fn line(&mut self, line: String) {
        let line = format!("{}{line}", self.prefix);
        match self.mode {
            ViewMode::Silent => {}
            ViewMode::Lines => print(&format!("{line}\n")),
            ViewMode::Live => {
                self.rows.push_back(line);
                if self.rows.len() > ROWS {
                    self.rows.pop_front();
                }
                self.draw();
            }
        }
    }

    fn draw(&mut self) {
        let mut out = String::new();
        if self.drawn > 0 {
            out += &format!("\x1b[{}A\x1b[J", self.drawn);
        }
        for row in &self.rows {
            out += row;
            out.push('\n');
        }
        out += &format!("\n{} verified, {} rejected, {} browsers connected\n", self.verified, self.rejected, self.tabs);
        self.drawn = self.rows.len() + 2;
        print(&out);
    }
}

/// Prints to stdout. A closed stdout does not end the devnet.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// `a block every 2s, then every 200ms`.
fn cadence(chain: &Chain) -> String {
    let steps = chain.cadence.steps().map(|step| format!("every {:?}", Duration::from_millis(step.interval_ms)));
    format!("a block {}", steps.collect::<Vec<_>>().join(", then "))
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.2} MB", bytes as f64 / 1e6),
    }
}
