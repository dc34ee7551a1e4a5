//! Signer rotation and its grace period.

use core::time::Duration;

use petrel_core::validation::{GRACE, SignerRole, Signers};

use crate::forge::key;

const START: Duration = Duration::from_secs(100);

#[test]
fn the_first_signer_starts_no_grace_period() {
    let mut signers = Signers::new(None);
    assert!(signers.read(START, Some(key(1).address())));
    assert!(!signers.read(START, Some(key(1).address())));
    assert_eq!((signers.role(key(1).address()), signers.expires()), (Some(SignerRole::Current), None));
}

#[test]
fn the_previous_signer_is_accepted_for_three_hours() {
    let mut signers = Signers::new(Some(key(1).address()));
    assert!(signers.read(START, Some(key(2).address())));
    assert_eq!(signers.role(key(1).address()), Some(SignerRole::Previous));
    assert_eq!(signers.role(key(2).address()), Some(SignerRole::Current));
    assert_eq!(GRACE, Duration::from_secs(10_800));
    signers.expire(START + GRACE - Duration::from_millis(1));
    assert_eq!(signers.role(key(1).address()), Some(SignerRole::Previous));
    signers.expire(START + GRACE);
    assert_eq!(signers.role(key(1).address()), None);
}

#[test]
fn the_first_message_of_the_current_signer_ends_the_grace_period() {
    let mut signers = Signers::new(Some(key(1).address()));
    signers.read(START, Some(key(2).address()));
    signers.confirm(SignerRole::Previous);
    assert_eq!(signers.role(key(1).address()), Some(SignerRole::Previous));
    signers.confirm(SignerRole::Current);
    assert_eq!(signers.role(key(1).address()), None);
}

#[test]
fn only_the_latest_previous_signer_is_kept() {
    let mut signers = Signers::new(Some(key(1).address()));
    signers.read(START, Some(key(2).address()));
    signers.read(START, Some(key(3).address()));
    assert_eq!(signers.role(key(1).address()), None);
    assert_eq!(signers.role(key(2).address()), Some(SignerRole::Previous));
}

#[test]
fn a_rotation_back_and_forth_accepts_both() {
    let mut signers = Signers::new(Some(key(1).address()));
    signers.read(START, Some(key(2).address()));
    signers.read(START, Some(key(1).address()));
    assert_eq!(signers.role(key(1).address()), Some(SignerRole::Current));
    assert_eq!(signers.role(key(2).address()), Some(SignerRole::Previous));
}

#[test]
fn no_signer_is_accepted_when_the_signer_is_removed() {
    let mut signers = Signers::new(Some(key(1).address()));
    assert!(signers.read(START, Some(alloy_primitives::Address::ZERO)));
    assert_eq!(signers.current(), None);
}
