//! A release build embeds the page, so it is built again whenever the page is. Without the page there is a daemon without one, which
//! cargo builds again each time, because the page may exist by then. A debug build reads the page of the tests while it runs,
//! and needs no more than the folder: see `.xtask/src/www.rs`.

use std::{env, fs, path::Path};

const PAGE: &str = "../www/page/dist";
const TEST_PAGE: &str = "../www/page/dist-test";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // "release" for each profile that inherits from it.
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed={PAGE}");
        if !Path::new(PAGE).exists() {
            println!("cargo::warning=there is no page to embed: `cargo xtask www` builds it");
        }
    } else if let Err(error) = fs::create_dir_all(TEST_PAGE) {
        println!("cargo::warning={TEST_PAGE} cannot be created, so this build serves no page: {error}");
    }
}
