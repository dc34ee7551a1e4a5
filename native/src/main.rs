//! The program `petrel`; all of it is in the library.

use std::process::ExitCode;

/// Blocks of many sizes are made on one thread and dropped on another, for months: glibc's allocator grows under that.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    petrel_node::main()
}
