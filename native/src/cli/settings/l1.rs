//! Where the signer is read, from the flags.

use petrel_core::chain::Chain;
use url::Url;

use super::checker::FlagChecker;
use crate::{
    cli::{flags::L1Flags, parse},
    secret::{SecretText, SecretUrl},
    signer::SignerSource,
};

impl FlagChecker {
    /// `chain` is `None` if its flags are invalid.
    pub(super) fn l1(&mut self, flags: &L1Flags, chain: Option<&Chain>) -> Option<SignerSource> {
        let reload = self.take("l1.runtime-config-reload-interval", parse::duration(&flags.reload));
        let confs = flags.confs.trim().parse().map_err(|_| format!("{:?} is no number of blocks", flags.confs));
        let confs = self.take("verifier.l1-confs", confs);
        let url = self.take("l1", flags.url.as_ref().map(|url| http_url(url)).transpose());
        let (url, chain) = url.zip(chain)?;
        let Some(system_config) = chain.system_config else {
            self.0.push(
                "--l1: the chain's configuration has no l1_system_config_address, the contract with the signer"
                    .to_owned(),
            );
            return None;
        };
        let reload = Some(reload).filter(|reload| !reload.is_zero());
        Some(SignerSource { url, system_config, chain: chain.l1, confs, trust: flags.trust, reload })
    }
}

/// Errors do not repeat the text: it may contain a secret.
fn http_url(text: &SecretText) -> Result<SecretUrl, String> {
    let url = Url::parse(text.reveal().trim()).map_err(|error| format!("not a URL: {error}"))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url.into())
    } else {
        Err(format!("{}:// is not supported: expected http:// or https://", url.scheme()))
    }
}
