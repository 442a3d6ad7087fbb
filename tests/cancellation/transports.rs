//! Requests to a provider that are given up.

use bytes::Bytes;
use http::{Request, StatusCode};
use oidc_core::HttpTransport;
use oidc_testkit::{Endpoint, Yielding, every_drop};
use oidc_transport::ReqwestTransport;
use tests::{http_transport, reqwest_builder};

use crate::stage::Stage;

/// The request after one that was given up gets its own answer, over whatever connection.
async fn answers_whoever_asks_next(transport: impl HttpTransport) {
    let stage = Stage::new().await;
    let ask = |endpoint| {
        let request = Request::get(stage.world.provider.url(endpoint)).body(Bytes::new()).unwrap();
        transport.send(request)
    };
    let drops = every_drop(async |cut| {
        cut.short(ask(Endpoint::Discovery)).await;
        let answer = stage.soon(ask(Endpoint::Jwks)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = String::from_utf8(answer.into_body().to_vec()).unwrap();
        assert!(body.contains("\"keys\""), "another's answer after {} polls", cut.polls());
    })
    .await;
    assert!(drops > 2, "{drops}");
}

// CAN-01
#[tokio::test]
async fn the_transport_over_reqwest_answers_whoever_asks_next() {
    let transport = ReqwestTransport::builder(reqwest_builder()).allow_loopback().build().unwrap();
    answers_whoever_asks_next(transport).await;
}

// CAN-01
#[tokio::test]
async fn the_transport_over_tower_answers_whoever_asks_next() {
    answers_whoever_asks_next(http_transport()).await;
}

// CAN-01
#[tokio::test]
async fn a_transport_with_more_moments_answers_whoever_asks_next() {
    answers_whoever_asks_next(Yielding::new(http_transport())).await;
}
