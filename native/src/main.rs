//! The program `petrel`; its code is in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: petrel_node::Allocator = petrel_node::Allocator;

/// jemalloc's configuration, under the name by which it finds it: freed buffers of 8 MiB or more are not returned to the system at
/// once. A gossip message may have 10 MiB, and the page faults of its buffers would take most of the event loop's time for it.
#[expect(
    unsafe_code,
    reason = "the one symbol of this name is jemalloc's own weak one, of this type: a pointer to a C string"
)]
#[unsafe(export_name = "_rjem_malloc_conf")]
static MALLOC_CONF: &[u8; 21] = b"oversize_threshold:0\0";

fn main() -> ExitCode {
    petrel_node::main()
}
