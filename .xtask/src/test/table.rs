//! The steps, in the order in which the lanes run them and the report lists them.

use super::{
    others, page, rust, source,
    step::{
        Done,
        Lane::{Background, Front, LowPriority},
        Step,
    },
    wasm,
};

/// A step of the first lane that needs only Rust and Node, and no other step.
const OWN: Step = Step { name: "", about: "", lane: Front, own: true, needs: &[], run: |_| Ok(Done::Passed) };
/// A step that needs more than Rust and Node, and at least a daemon in debug.
const OTHER: Step = Step { own: false, needs: &["page", "build"], ..OWN };

pub(super) const STEPS: [Step; 19] = [
    Step { name: "fmt", about: "Rust is formatted", run: source::fmt, ..OWN },
    Step { name: "purity", about: "the core has no clock, I/O, task, lock or randomness", run: source::purity, ..OWN },
    Step {
        name: "shape",
        about: "no circle between files, layers hold, no long function, no wide struct, no type name twice",
        run: source::shape,
        ..OWN
    },
    Step { name: "deny", about: "licences, sources and advisories of all dependencies", run: source::deny, ..OWN },
    Step {
        name: "go",
        about: "the slow parts of the other implementations compile",
        lane: LowPriority,
        needs: &[],
        run: others::go,
        ..OTHER
    },
    Step { name: "page", about: "the wasm package and the page build", run: page::page, ..OWN },
    Step { name: "build", about: "all crates and their tests build", run: rust::build, ..OWN },
    Step {
        name: "npm",
        about: "TypeScript is typed; the npm package's tests",
        lane: Background,
        needs: &["page"],
        run: page::npm,
        ..OWN
    },
    Step { name: "rust", about: "all crates' tests", needs: &["page", "build"], run: rust::rust, ..OWN },
    Step {
        name: "wasm",
        about: "the tests of core and wasm, and two Drivers, on wasm32 under Node",
        lane: LowPriority,
        needs: &["build"],
        run: wasm::wasm,
        ..OWN
    },
    Step {
        name: "clippy-wasm",
        about: "clippy on wasm32: core and wasm, and the core without libp2p",
        lane: LowPriority,
        run: wasm::clippy,
        ..OWN
    },
    Step {
        name: "clippy",
        about: "clippy, all crates, all targets",
        lane: LowPriority,
        needs: &["build"],
        run: rust::clippy,
        ..OWN
    },
    Step {
        name: "browser",
        about: "the page in Chromium and Firefox, against a daemon",
        run: others::browser,
        ..OTHER
    },
    Step {
        name: "libp2p",
        about: "every transport against go-libp2p, js-libp2p and Petrel",
        needs: &["go", "page", "build"],
        run: others::libp2p,
        ..OTHER
    },
    Step {
        name: "promtool",
        about: "promtool's checks of the metrics, and a Prometheus that scrapes them",
        run: others::promtool,
        ..OTHER
    },
    Step {
        name: "network",
        about: "broken connections, moved peers and a full disk, in a network namespace",
        lane: Background,
        run: others::network,
        ..OTHER
    },
    Step {
        name: "devnet",
        about: "a whole OP Stack network on loopback, through every fork",
        lane: Background,
        needs: &["go", "page", "build"],
        run: others::devnet,
        ..OTHER
    },
    Step {
        name: "sync",
        about: "missed blocks from op-node and by op-node",
        lane: Background,
        needs: &["go", "page", "build"],
        run: others::sync,
        ..OTHER
    },
    Step {
        name: "op-node",
        about: "gossip with op-node",
        lane: Background,
        needs: &["go", "page", "build"],
        run: others::op_node,
        ..OTHER
    },
];

#[cfg(test)]
mod tests {
    use super::STEPS;

    #[test]
    fn what_a_step_needs_stands_before_it() {
        for (at, step) in STEPS.iter().enumerate() {
            let before = |name: &&str| STEPS[..at].iter().any(|step| step.name == *name);
            assert!(step.needs.iter().all(before), "{} needs what stands after it", step.name);
        }
    }

    #[test]
    fn what_needs_rust_and_node_alone_needs_no_step_that_needs_more() {
        let own = |name: &&str| STEPS.iter().any(|step| step.name == *name && step.own);
        assert!(STEPS.iter().filter(|step| step.own).all(|step| step.needs.iter().all(own)));
    }
}
