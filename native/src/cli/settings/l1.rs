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
    fn urls(&mut self, text: &SecretText) -> Vec<SecretUrl> {
        let found = split_urls(text.reveal()).into_iter();
        found.filter_map(|url| self.take("l1", http_url(&url).map(Some))).collect()
    }

    /// `chain` is `None` if its flags are invalid.
    pub(super) fn l1(&mut self, flags: &L1Flags, chain: Option<&Chain>) -> Option<SignerSource> {
        let reload = self.take("l1.runtime-config-reload-interval", parse::duration(&flags.reload));
        let confs = flags.confs.trim().parse().map_err(|_| format!("{:?} is no number of blocks", flags.confs));
        let confs = self.take("verifier.l1-confs", confs);
        let urls: Vec<SecretUrl> = flags.urls.iter().flat_map(|text| self.urls(text)).collect();
        let chain = chain.filter(|_| !urls.is_empty())?;
        let Some(system_config) = chain.system_config else {
            self.0.push(
                "--l1: the chain's configuration has no l1_system_config_address, the contract with the signer"
                    .to_owned(),
            );
            return None;
        };
        let reload = Some(reload).filter(|reload| !reload.is_zero());
        Some(SignerSource { urls, system_config, chain: chain.l1, confs, trust: flags.trust, reload })
    }
}

/// The URLs of a comma-separated text. A comma that no URL follows belongs to the URL before it.
fn split_urls(text: &str) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        match urls.last_mut() {
            Some(url) if !part.contains("://") => *url += &format!(",{part}"),
            _ => urls.push(part.to_owned()),
        }
    }
    urls
}

/// Errors do not repeat the text: it may contain a secret.
fn http_url(text: &str) -> Result<SecretUrl, String> {
    let url = Url::parse(text.trim()).map_err(|error| format!("not a URL: {error}"))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url.into())
    } else {
        Err(format!("{}:// is not supported: expected http:// or https://", url.scheme()))
    }
}
