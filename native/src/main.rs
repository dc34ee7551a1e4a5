//! The program `petrel`; all of it is in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: petrel_node::Allocator = petrel_node::Allocator;

fn main() -> ExitCode {
    petrel_node::main()
}
