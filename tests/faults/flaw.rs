//! Parts that do not keep their promises: with them a scenario has to fail, or it would prove nothing.

use crate::{
    broken::Broken,
    logins::{log_in_and_use, sign_in_over_a_login, sign_out_in_use},
    refreshes::refresh,
    stage::Stage,
    trouble::Trouble,
};
use oidc_core::StoreErrorKind;
use oidc_testkit::{Rotation, StoreFault};

/// What is wrong with a part of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flaw {
    #[default]
    None,
    /// The store says that a commit is done, and it is not.
    DropsCommits,
    /// The store says that a login is written, and it is not.
    DropsLogins,
    /// The store says that a login is removed, and it is not.
    DropsSignOuts,
    /// The store finds nothing where it cannot read.
    ReadsNothing,
    /// The transport sends each request twice.
    SendsTwice,
}

const READS_FAIL: Trouble = Trouble::Store(StoreFault::Before(StoreErrorKind::Unavailable));

#[tokio::test]
async fn a_store_that_drops_commits_is_found_out() {
    let stage = Stage::strict().await.flawed(Flaw::DropsCommits);
    let broken = refresh(&stage, u64::MAX, READS_FAIL).await.unwrap_err();
    assert!(matches!(broken, Broken::SentAgain | Broken::Lost(_)), "{broken:?}");
}

#[tokio::test]
async fn a_store_that_drops_logins_is_found_out() {
    let stage = Stage::strict().await.flawed(Flaw::DropsLogins);
    assert_eq!(log_in_and_use(&stage, u64::MAX, READS_FAIL).await, Err(Broken::NotSaved));
    assert_eq!(sign_in_over_a_login(&stage, u64::MAX, READS_FAIL).await, Err(Broken::NotSaved));
}

#[tokio::test]
async fn a_store_that_drops_sign_outs_is_found_out() {
    let stage = Stage::strict().await.flawed(Flaw::DropsSignOuts);
    assert_eq!(sign_out_in_use(&stage, u64::MAX, READS_FAIL).await, Err(Broken::CameBack));
}

#[tokio::test]
async fn a_store_that_takes_a_fault_for_a_logout_is_found_out() {
    let stage = Stage::with(Rotation::Never).await.flawed(Flaw::ReadsNothing);
    let mut found = None;
    for n in 1..20 {
        found = found.or(refresh(&stage, n, READS_FAIL).await.err());
    }
    let broken = found.unwrap();
    assert!(matches!(broken, Broken::StoreFaultAsLogout(_)), "{broken:?}");
}

#[tokio::test]
async fn a_transport_that_sends_twice_is_found_out() {
    let stage = Stage::grace().await.flawed(Flaw::SendsTwice);
    assert_eq!(refresh(&stage, u64::MAX, READS_FAIL).await, Err(Broken::SentAgain));
}
