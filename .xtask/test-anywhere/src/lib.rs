//! `#[test]` for crates whose tests run on the host and, unchanged, on wasm32 under Node.
//!
//! The standard harness prints nothing on wasm32-unknown-unknown and stops at the first panic. wasm-bindgen-test has a
//! harness that works there but an attribute of its own. With this at the root of a crate (or of a file in its
//! `tests/`), the plain `#[test]` means the right one of the two, and the tests themselves know nothing of it:
//!
//! ```text
//! #[cfg(test)]
//! #[macro_use]
//! extern crate test_anywhere;
//! ```
//!
//! The crate needs `wasm-bindgen-test` among its dev-dependencies for wasm32. `cargo xtask test wasm` compares
//! the names of the tests on both targets, so that a forgotten line is a failure and not a silence.

use proc_macro::{TokenStream, TokenTree};

/// The standard `#[test]` on a host, `#[wasm_bindgen_test]` on wasm32.
#[proc_macro_attribute]
pub fn test(_arguments: TokenStream, function: TokenStream) -> TokenStream {
    let attributes = "#[cfg_attr(target_arch = \"wasm32\", ::wasm_bindgen_test::wasm_bindgen_test)] \
                      #[cfg_attr(not(target_arch = \"wasm32\"), ::core::prelude::v1::test)]";
    let attributes: Vec<TokenTree> = attributes.parse::<TokenStream>().into_iter().flatten().collect();
    attributes.into_iter().chain(function).collect()
}
