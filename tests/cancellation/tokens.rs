//! Callers of a source that give up.

use std::sync::Arc;

use oidc_core::TokenSource;
use oidc_refresh::RefreshingSource;
use oidc_testkit::every_drop;

use crate::stage::{Stage, token_of};

// CAN-01, CAN-02
#[tokio::test]
async fn a_caller_who_waits_for_a_token_may_give_up_at_any_moment() {
    let stage = Stage::new().await;
    let drops = every_drop(async |cut| {
        let login = stage.ended().await;
        let before = stage.refreshes();
        cut.short(login.source.token()).await;
        stage.soon(login.source.token()).await.unwrap();
        assert_eq!(stage.refreshes(), before + 1, "after {} polls", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
    assert!(drops > 20, "{drops}: the store, the grant and the provider all take their turns");
}

// CAN-01
#[tokio::test]
async fn a_caller_who_reports_a_rejection_may_give_up_at_any_moment() {
    let stage = Stage::new().await;
    let drops = every_drop(async |cut| {
        let login = stage.signed_in().await;
        let rejected = login.source.token().await.unwrap();
        stage.world.provider.revoke_access_tokens();
        let before = stage.refreshes();
        cut.short(login.source.renew(rejected.generation())).await;
        let renewed = stage.soon(login.source.renew(rejected.generation())).await.unwrap();
        assert_ne!(token_of(&renewed), token_of(&rejected));
        assert_eq!(stage.refreshes(), before + 1, "after {} polls", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
    assert!(drops > 20, "{drops}");
}

// CAN-03
#[tokio::test]
async fn the_last_who_wants_a_token_may_drop_the_source_as_well() {
    let stage = Stage::new().await;
    every_drop(async |cut| {
        let mut login = stage.ended().await;
        let before = stage.refreshes();
        cut.short(login.source.token()).await;
        login.source = stage.source(&login.key, &login.store);
        stage.soon(login.source.token()).await.unwrap();
        assert_eq!(stage.refreshes(), before + 1, "after {} polls", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
}

// CAN-04
#[tokio::test]
async fn a_shutdown_that_is_given_up_has_closed_the_source_and_lost_nothing() {
    let stage = Stage::new().await;
    let drops = every_drop(async |cut| {
        let mut login = stage.ended().await;
        let before = stage.refreshes();
        let caller = spawn_caller(&login.source);
        while !login.source.status().refreshing {
            tokio::task::yield_now().await;
        }
        cut.short(login.source.shutdown()).await;
        stage.soon(login.source.shutdown()).await.unwrap();
        stage.assert_drained(&login, before + 1).await;
        let _ = stage.soon(caller).await.unwrap();
        assert!(login.source.token().await.is_err(), "closed is closed");

        login.source = stage.source(&login.key, &login.store);
        stage.soon(login.source.token()).await.unwrap();
        assert_eq!(stage.refreshes(), before + 1, "drained before {} polls were over", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
    assert!(drops > 20, "{drops}");
}

// CAN-01, GRA-01
#[tokio::test]
async fn a_caller_who_waits_for_a_token_of_the_application_may_give_up_at_any_moment() {
    let stage = Stage::new().await;
    let requests = || stage.world.provider.judge().grants("client_credentials");
    every_drop(async |cut| {
        let grant = stage.world.service.client_credentials(["a"]).unwrap();
        let clock = Arc::new(stage.world.clock.clone());
        let source = RefreshingSource::builder(grant).clock(clock).build().unwrap();
        let before = requests();
        cut.short(source.token()).await;
        let token = token_of(&stage.soon(source.token()).await.unwrap());
        assert!(stage.world.provider.is_live(&token));
        assert_eq!(requests(), before + 1, "after {} polls", cut.polls());
    })
    .await;
}

fn spawn_caller(
    source: &RefreshingSource,
) -> tokio::task::JoinHandle<Result<oidc_core::Credential, oidc_core::TokenError>> {
    let source = source.clone();
    tokio::spawn(async move { source.token().await })
}
