//! `petrel key`: creates or shows an identity. The key itself is never printed.

use std::path::Path;

use crate::{
    cli::flags::{KeyAction, KeyFlags},
    identity::{self, IdentityError},
};

/// Runs the subcommand.
///
/// # Errors
/// The file cannot be created or read, or holds no key.
pub fn run(flags: &KeyFlags) -> Result<(), IdentityError> {
    match &flags.action {
        KeyAction::New { file } => show(file, &identity::create(file)?),
        KeyAction::Show { file } => show(file, &identity::read(file)?),
    }
    Ok(())
}

fn show(file: &Path, keypair: &libp2p::identity::Keypair) {
    let peer = keypair.public().to_peer_id();
    let address = keypair.public().try_into_secp256k1().ok().map(|key| {
        let point = key.to_bytes_uncompressed();
        petrel_core::sign::address_of(point.get(1..).unwrap_or_default())
    });
    let object =
        serde_json::json!({ "file": file.display().to_string(), "peer": peer.to_string(), "address": address });
    println!("{object}");
}
