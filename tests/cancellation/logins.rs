//! Sign-ins and sign-outs that are given up.

use oidc_core::{Credential, TokenSource};
use oidc_testkit::every_drop;

use crate::stage::{Stage, is_signed_out, token_of};

// CAN-01
#[tokio::test]
async fn a_sign_in_that_is_given_up_is_done_or_not_done_and_can_be_done_again() {
    let stage = Stage::new().await;
    let drops = every_drop(async |cut| {
        let login = stage.user();
        let before = stage.refreshes();
        cut.short(login.source.sign_in(&login.tokens)).await;
        if let Err(error) = stage.soon(login.source.token()).await {
            assert!(is_signed_out(&error), "{error} after {} polls", cut.polls());
        }
        stage.soon(login.source.sign_in(&login.tokens)).await.unwrap();
        assert_eq!(stage.refreshes(), before, "the tokens are good, after {} polls", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
    assert!(drops > 6, "{drops}");
}

// CAN-01, LGO-12
#[tokio::test]
async fn a_sign_out_that_is_given_up_goes_on() {
    let stage = Stage::new().await;
    let drops = every_drop(async |cut| {
        let login = stage.signed_in().await;
        cut.short(login.source.sign_out()).await;
        if cut.polls() == 0 {
            stage.assert_goes_on(&login, cut).await;
        } else {
            assert!(login.source.peek().is_none());
            stage.assert_signed_out(&login, cut).await;
        }
    })
    .await;
    assert!(drops > 3, "{drops}");
}

// CAN-07, LGO-12
#[tokio::test]
async fn a_sign_out_wins_over_a_refresh_at_any_moment_of_it() {
    let stage = Stage::new().await;
    let drops = every_drop(async |cut| {
        let login = stage.ended().await;
        cut.short(login.source.token()).await;
        stage.soon(login.source.sign_out()).await.unwrap().unwrap();
        stage.assert_signed_out(&login, cut).await;
    })
    .await;
    assert!(drops > 20, "{drops}");
}

// CAN-07
#[tokio::test]
async fn a_login_that_begins_at_any_moment_of_a_refresh_stands() {
    let stage = Stage::new().await;
    every_drop(async |cut| {
        let mut login = stage.ended().await;
        cut.short(login.source.token()).await;
        login.tokens = stage.new_tokens();
        stage.soon(login.source.sign_in(&login.tokens)).await.unwrap();
        stage.rest().await;
        let token = token_of(&login.source.token().await.unwrap());
        let new = token_of(&Credential::new(login.tokens.access().unwrap()));
        assert_eq!(token, new, "after {} polls", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
}
