//! The page is embedded: whenever it is made, the daemon is made anew. Without it there is a daemon without a page, which cargo
//! makes anew each time, for the page may be there by then.

use std::path::Path;

const PAGE: &str = "../www/dist/page";

fn main() {
    println!("cargo::rerun-if-changed={PAGE}");
    if !Path::new(PAGE).exists() {
        println!("cargo::warning=there is no page to embed: `cargo xtask www` makes it");
    }
}
