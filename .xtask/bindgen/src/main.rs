//! wasm-bindgen's two tools as one program of this workspace, so that their version is a line of `Cargo.lock` and no
//! machine needs an install: `bindgen ARGS…` makes the JavaScript beside a `.wasm`, `test FILE.wasm ARGS…` runs its
//! tests under Node. `.cargo/config.toml` names the second as the runner of wasm32.

use std::{env, ffi::OsString, iter, process::ExitCode};

use anyhow::bail;
use wasm_bindgen_cli::{wasm_bindgen, wasm_bindgen_test_runner};

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let tool = args.next().unwrap_or_default();
    match run(&tool, args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Both tools read a command line whose first word is their own name.
fn run(tool: &OsString, args: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    let args = |name: &str| iter::once(OsString::from(name)).chain(args);
    match tool.to_str() {
        Some("bindgen") => wasm_bindgen::run_cli_with_args(args("wasm-bindgen")),
        Some("test") => wasm_bindgen_test_runner::run_cli_with_args(args("wasm-bindgen-test-runner")),
        _ => bail!("expected `bindgen` or `test` and its arguments"),
    }
}
