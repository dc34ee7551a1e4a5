//! The steps, in the order in which they are reported and, one lane beside the other, run.

use super::{
    others, page, rust, source,
    step::{
        Done,
        Lane::{Behind, Beside, Front},
        Step,
    },
    wasm,
};

/// A step of the first lane that needs Rust and Node alone, and no other step.
const OWN: Step = Step { name: "", about: "", lane: Front, own: true, needs: &[], run: |_| Ok(Done::Passed) };
/// A step that needs more than Rust and Node: a daemon in debug at least.
const OTHER: Step = Step { own: false, needs: &["page", "build"], ..OWN };

pub(super) const STEPS: [Step; 19] = [
    Step { name: "fmt", about: "Rust is formatted", run: source::fmt, ..OWN },
    Step { name: "purity", about: "the core keeps its rules", run: source::purity, ..OWN },
    Step {
        name: "shape",
        about: "no circle between files, layers hold, no long function, no wide struct, no type name twice",
        run: source::shape,
        ..OWN
    },
    Step { name: "deny", about: "licences, sources and advisories of all dependencies", run: source::deny, ..OWN },
    Step {
        name: "go",
        about: "what the other sides are made of compiles",
        lane: Behind,
        needs: &[],
        run: others::go,
        ..OTHER
    },
    Step { name: "page", about: "the wasm package and the page build", run: page::page, ..OWN },
    Step { name: "build", about: "all crates and their tests build", run: rust::build, ..OWN },
    Step {
        name: "npm",
        about: "TypeScript is typed; the npm package's tests",
        lane: Beside,
        needs: &["page"],
        run: page::npm,
        ..OWN
    },
    Step { name: "rust", about: "all crates' tests", needs: &["page", "build"], run: rust::rust, ..OWN },
    Step {
        name: "wasm",
        about: "the core's tests, the browser body's, and two whole Drivers, on wasm32 under Node",
        lane: Behind,
        needs: &["build"],
        run: wasm::wasm,
        ..OWN
    },
    Step {
        name: "clippy-wasm",
        about: "clippy, core and wasm as the browser builds them, the core without libp2p too",
        lane: Behind,
        run: wasm::clippy,
        ..OWN
    },
    Step {
        name: "clippy",
        about: "clippy, all crates, all targets",
        lane: Behind,
        needs: &["build"],
        run: rust::clippy,
        ..OWN
    },
    Step { name: "browser", about: "the page in Chromium, against a daemon", run: others::browser, ..OTHER },
    Step {
        name: "libp2p",
        about: "every transport against go-libp2p, js-libp2p and Petrel",
        needs: &["go", "page", "build"],
        run: others::libp2p,
        ..OTHER
    },
    Step {
        name: "promtool",
        about: "Prometheus's own judgement of the metrics, and a server that scrapes them",
        run: others::promtool,
        ..OTHER
    },
    Step {
        name: "network",
        about: "connections that break come back, in a network of its own",
        lane: Beside,
        run: others::network,
        ..OTHER
    },
    Step {
        name: "op-node",
        about: "op-node's own gossip on the other side",
        lane: Beside,
        needs: &["go", "page", "build"],
        run: others::op_node,
        ..OTHER
    },
    Step {
        name: "sync",
        about: "missed blocks from op-node and by op-node",
        lane: Beside,
        needs: &["go", "page", "build"],
        run: others::sync,
        ..OTHER
    },
    Step {
        name: "devnet",
        about: "a whole OP Stack network on loopback, through every fork",
        lane: Beside,
        needs: &["go", "page", "build"],
        run: others::devnet,
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
