//! The whole validation of one gossip message, compared with the same work by the usual libraries, in one run.
//!
//! Each way starts with the compressed bytes and ends with the message id, the signer and the block hash; the results must be equal
//! before anything is measured. Warm: the same message again and again, as in usual micro-benchmarks. Cold: the caches are
//! overwritten before each message, as they are when a block arrives every two seconds. Everything runs on one thread; dropping the
//! results is not measured.
//!
//! The last lines are the ratios of the medians: below 1 we are faster.

use std::{
    cell::RefCell,
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput};
use petrel_core::primitives::Primitives;

mod field;
mod ours;
mod sample;
mod table;

use sample::Sample;
use table::Table;

/// Approximate bytes of the raw payload: small blocks, usual blocks of OP Mainnet and Base, and the largest ones.
const SIZES: [usize; 5] = [4_000, 107_000, 325_000, 1_670_000, 9_300_000];
/// More than the caches of a server for one core.
const TRASH: usize = 64 << 20;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .sample_size(30)
        .configure_from_args();
    let table = RefCell::new(Table::default());
    let mut trash = vec![0_u64; TRASH / 8];
    for size in SIZES {
        let sample = Sample::new(size);
        sample.assert_agreed();
        for cold in [false, true] {
            measure(&mut criterion, &sample, cold.then_some(&mut trash), &table);
        }
    }
    criterion.final_summary();
    table.into_inner().print();
}

/// Measures the three ways on one sample.
fn measure(criterion: &mut Criterion, sample: &Sample, mut trash: Option<&mut Vec<u64>>, table: &RefCell<Table>) {
    let warmth = if trash.is_some() { "cold" } else { "warm" };
    let mut group = criterion.benchmark_group(warmth);
    group.throughput(Throughput::Bytes(sample.payload as u64));
    for way in Way::ALL {
        let id = BenchmarkId::new(way.name(), sample.payload);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    if let Some(trash) = trash.as_deref_mut() {
                        sweep(trash);
                    }
                    let spent = way.time(sample);
                    table.borrow_mut().note(sample.payload, warmth, way, spent);
                    total += spent;
                }
                total
            });
        });
    }
}

/// Reads and writes every cache line of more memory than any cache holds.
fn sweep(trash: &mut [u64]) {
    for word in trash.iter_mut().step_by(8) {
        *word = word.wrapping_add(1);
    }
    black_box(trash);
}

/// A way to validate a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Petrel with the daemon's primitives.
    Petrel,
    /// Petrel with the browser's signature recovery.
    PetrelK256,
    /// The libraries of op-alloy and alloy.
    Field,
}

impl Way {
    const ALL: [Self; 3] = [Self::Petrel, Self::PetrelK256, Self::Field];

    const fn name(self) -> &'static str {
        match self {
            Self::Petrel => "petrel",
            Self::PetrelK256 => "petrel-k256",
            Self::Field => "field",
        }
    }

    /// The time of one validation, without dropping the results.
    fn time(self, sample: &Sample) -> Duration {
        let start = Instant::now();
        match self {
            Self::Petrel => finish(start, ours::validate(black_box(sample), petrel_node::primitives::FASTEST)),
            Self::PetrelK256 => finish(start, ours::validate(black_box(sample), Primitives::PORTABLE)),
            Self::Field => finish(start, field::validate(black_box(sample))),
        }
    }
}

fn finish<T>(start: Instant, made: T) -> Duration {
    let made = black_box(made);
    let spent = start.elapsed();
    drop(made);
    spent
}
