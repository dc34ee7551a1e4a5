//! The table, and whether it is as expected.

use std::env;

use crate::{
    blocks::SIZES,
    known,
    row::{Check, Direction, Row, Who},
};

/// Prints the table; `true` when every check succeeds or fails as listed in [`known`].
pub(crate) fn print(mut rows: Vec<Row>) -> bool {
    rows.sort_by_key(|row| (row.transport, row.who, row.direction));
    let sizes = SIZES.map(|(name, _)| format!("{name:>7}")).concat();
    println!(
        "\nmilliseconds: until a common topic; of gossip, through the daemon with validation; of a block by number\n"
    );
    let groups = format!("from Petrel{:17} to Petrel{:20}by number, requested by", "", "");
    println!("  {:<12} {:<27} {:<9} {:>6}  {groups}", "", "", "", "hand-");
    println!(
        "  {:<12} {:<27} {:<9} {:>6} {sizes} {sizes}  Petrel   other",
        "transport", "other side", "Petrel", "shake"
    );
    let mut notes = Notes::default();
    for row in &rows {
        let cells = match absence(row) {
            Some(why) => format!("  not: {why}"),
            None => Check::ALL.map(|check| notes.cell(row, check)).concat(),
        };
        let direction = if row.direction == Direction::Dials { "dials" } else { "is dialled" };
        println!("  {:<12} {:<27} {:<10}{cells}", row.transport.name(), row.who.name(), direction);
    }
    if !notes.known.is_empty() {
        println!("\nnot possible:");
    }
    for (at, why) in notes.known.iter().enumerate() {
        println!("  [{}] {why}", at + 1);
    }
    if !notes.wrong.is_empty() {
        println!("\nWRONG:");
    }
    for what in &notes.wrong {
        println!("  {what}");
    }
    notes.wrong.is_empty()
}

/// Why no check of the row was made.
fn absence(row: &Row) -> Option<&'static str> {
    let lacks = row.who == Who::Tab && env::var_os("PETREL_CHROMIUM").is_none();
    known::absent(row.transport, row.who, row.direction)
        .or(lacks.then_some("Chromium is missing on this machine; install it (Debian: apt-get install chromium)"))
}

#[derive(Default)]
struct Notes {
    /// Known reasons, in the order of their first use.
    known: Vec<&'static str>,
    /// Unexpected outcomes.
    wrong: Vec<String>,
}

impl Notes {
    fn cell(&mut self, row: &Row, check: Check) -> String {
        let limit = known::limit(row.transport, row.who, row.direction, check);
        let cell = match (row.outcome(check), limit) {
            (Some(Ok(took)), None) => took.as_millis().to_string(),
            (Some(Err(error)), Some((why, words))) if error.contains(words) => self.known(why),
            // Without a connection no check can be made.
            (None, _) => match self.connection(row) {
                Some(why) => self.known(why),
                None if row.outcome(Check::Handshake).is_some_and(Result::is_err) => "-".to_owned(),
                None => self.wrong(row, check, "it was not tried"),
            },
            (Some(Ok(_)), Some((why, _))) => self.wrong(row, check, &format!("it works, though {why}")),
            (Some(Err(error)), _) => self.wrong(row, check, error),
        };
        format!("{cell:>width$}", width = if check == Check::Handshake { 6 } else { 7 })
    }

    /// Why there is no connection, if that is known.
    fn connection(&self, row: &Row) -> Option<&'static str> {
        let (why, _) = known::limit(row.transport, row.who, row.direction, Check::Handshake)?;
        self.known.contains(&why).then_some(why)
    }

    fn known(&mut self, why: &'static str) -> String {
        let at = self.known.iter().position(|other| *other == why).unwrap_or_else(|| {
            self.known.push(why);
            self.known.len() - 1
        });
        format!("[{}]", at + 1)
    }

    fn wrong(&mut self, row: &Row, check: Check, what: &str) -> String {
        let (transport, who, direction) = (row.transport.name(), row.who.name(), row.direction);
        self.wrong.push(format!("{transport}, {who}, Petrel {direction:?}: {check:?}: {what}"));
        "WRONG".to_owned()
    }
}
