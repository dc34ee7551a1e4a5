//! The program `petrel`; all of it is in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: petrel_node::Allocator = petrel_node::Allocator;

/// What jemalloc is told, by the name under which it looks for it: buffers from 8 MiB on are not given back to the system at
/// once. A gossip message may have 10 MiB, and as many page faults for each of its buffers would be the larger part of what
/// the event loop does with it.
#[expect(
    unsafe_code,
    reason = "the one symbol of this name is jemalloc's own weak one, of this type: a pointer to a C string"
)]
#[unsafe(export_name = "_rjem_malloc_conf")]
static MALLOC_CONF: &[u8; 21] = b"oversize_threshold:0\0";

fn main() -> ExitCode {
    petrel_node::main()
}
