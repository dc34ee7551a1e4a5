//! The ratios of the medians.

use std::{collections::BTreeMap, time::Duration};

use crate::Way;

/// Times by payload size, warmth and way.
#[derive(Default)]
pub(crate) struct Table(BTreeMap<(usize, &'static str, Way), Vec<Duration>>);

impl Table {
    /// Adds the time of one validation.
    pub(crate) fn note(&mut self, payload: usize, warmth: &'static str, way: Way, spent: Duration) {
        self.0.entry((payload, warmth, way)).or_default().push(spent);
    }

    /// Prints a line for each size, warm and cold; nothing if a filter excluded a way.
    pub(crate) fn print(mut self) {
        println!(
            "\n{:>10}  {:4}  {:>11} {:>11} {:>11}  {:>6} {:>6}",
            "payload", "", "field", "petrel", "k256", "ratio", "k256"
        );
        let rows: Vec<(usize, &'static str)> = self.0.keys().map(|(payload, warmth, _)| (*payload, *warmth)).collect();
        for (payload, warmth) in rows.into_iter().collect::<std::collections::BTreeSet<_>>() {
            let mut median = |way| self.0.get_mut(&(payload, warmth, way)).map(|times| middle(times));
            let (Some(field), Some(petrel), Some(k256)) =
                (median(Way::Field), median(Way::Petrel), median(Way::PetrelK256))
            else {
                continue;
            };
            let ratio = |ours: Duration| ours.as_secs_f64() / field.as_secs_f64();
            println!(
                "{payload:>10}  {warmth:4}  {:>8} us {:>8} us {:>8} us  {:>6.2} {:>6.2}",
                field.as_micros(),
                petrel.as_micros(),
                k256.as_micros(),
                ratio(petrel),
                ratio(k256),
            );
        }
    }
}

fn middle(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
