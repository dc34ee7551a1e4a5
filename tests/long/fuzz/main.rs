//! Every decoder of bytes from peers, under libFuzzer: `cargo xtask fuzz [--seconds N]` builds this with coverage counters and runs
//! each [`Target`] for N seconds. `PETREL_FUZZ` is the target, and `PETREL_FUZZ_CORPUS` the folder of the corpus, which starts with
//! valid messages.
#![no_main]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod target;

use std::sync::LazyLock;

use target::Target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    Target::named(&std::env::var("PETREL_FUZZ").unwrap_or_default()).expect("PETREL_FUZZ is a target")
});

libfuzzer_sys::fuzz_target!(
    init: {
        if let Some(corpus) = std::env::var_os("PETREL_FUZZ_CORPUS") {
            for (name, seed) in TARGET.seeds() {
                std::fs::write(std::path::Path::new(&corpus).join(name), seed).expect("the corpus is writable");
            }
        }
    },
    |data: &[u8]| TARGET.run(data)
);
