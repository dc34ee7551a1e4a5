//! The program `petrel`; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    petrel_node::main()
}
