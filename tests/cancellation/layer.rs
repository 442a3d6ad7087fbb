//! Requests through the layer that are given up.

use std::sync::Arc;

use http::{Request, StatusCode};
use oidc_core::TokenSource;
use oidc_testkit::every_drop;
use oidc_tower::{BearerLayer, UseSource};
use tests::http_client;
use tower::{Layer, ServiceExt};

use crate::stage::Stage;

// CAN-01, LAY-08
#[tokio::test]
async fn a_request_with_a_fresh_token_may_be_given_up_at_any_moment() {
    let stage = Stage::new().await;
    let drops = every_drop(async |cut| {
        let login = stage.signed_in().await;
        let client = stage.world.api_client(&login.source);
        let before = stage.refreshes();
        cut.short(stage.world.get(&client)).await;
        stage.soon(stage.world.get_ok(&client)).await;
        assert_eq!(stage.refreshes(), before, "after {} polls", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
    assert!(drops > 2, "{drops}");
}

// CAN-01, CAN-02
#[tokio::test]
async fn a_request_that_waits_for_a_token_may_be_given_up_at_any_moment() {
    let stage = Stage::new().await;
    let drops = every_drop(async |cut| {
        let login = stage.ended().await;
        let client = stage.world.api_client(&login.source);
        let before = stage.refreshes();
        cut.short(stage.world.get(&client)).await;
        stage.soon(stage.world.get_ok(&client)).await;
        assert_eq!(stage.refreshes(), before + 1, "after {} polls", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
    assert!(drops > 20, "{drops}");
}

// CAN-01, LAY-08, REF-21
#[tokio::test]
async fn a_request_that_is_refused_and_sent_again_may_be_given_up_at_any_moment() {
    let stage = Stage::new().await;
    let drops = every_drop(async |cut| {
        let login = stage.signed_in().await;
        let client = stage.world.api_client(&login.source);
        stage.world.provider.revoke_access_tokens();
        let before = stage.refreshes();
        cut.short(stage.world.get(&client)).await;
        stage.soon(stage.world.get_ok(&client)).await;
        assert_eq!(stage.refreshes(), before + 1, "after {} polls", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
    assert!(drops > 20, "{drops}");
}

// CAN-01
#[tokio::test]
async fn a_request_with_a_source_of_its_own_may_be_given_up_at_any_moment() {
    let stage = Stage::new().await;
    let client = BearerLayer::per_request(stage.world.origins()).layer(http_client());
    every_drop(async |cut| {
        let login = stage.ended().await;
        let get = || {
            let mut request: Request<_> = stage.world.request();
            request.extensions_mut().insert(UseSource::new(Arc::new(login.source.clone())));
            client.clone().oneshot(request)
        };
        let before = stage.refreshes();
        cut.short(get()).await;
        let answer = stage.soon(get()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(stage.refreshes(), before + 1, "after {} polls", cut.polls());
        assert!(login.source.peek().is_some());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
}
