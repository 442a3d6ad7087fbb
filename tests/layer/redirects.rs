//! Servers that send requests on to somewhere else.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use oidc_testkit::{Answer, ApiBehaviour, Endpoint, Fault};
use oidc_tower::{BearerLayer, Origins};
use oidc_transport::ReqwestService;
use reqwest::redirect::Policy;
use tests::{World, http_client, reqwest_builder};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_http::follow_redirect::FollowRedirectLayer;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

/// A server that takes what it gets.
async fn thief() -> MockServer {
    let thief = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&thief).await;
    thief
}

/// How many requests the thief got; none of them has any token in it.
async fn loot(thief: &MockServer, world: &World) -> usize {
    let requests = thief.received_requests().await.unwrap();
    let tokens: Vec<String> = world.api.tokens().into_iter().flatten().collect();
    for request in &requests {
        assert!(!request.headers.contains_key(header::AUTHORIZATION));
        let shown = format!("{request:?} {}", String::from_utf8_lossy(&request.body));
        assert!(tokens.iter().all(|token| !shown.contains(token.as_str())));
    }
    requests.len()
}

fn redirect(status: u16, to: &str) -> Answer {
    let location = HeaderValue::from_str(to).unwrap();
    Answer::new(StatusCode::from_u16(status).unwrap()).header(header::LOCATION, location)
}

// LAY-02, LAY-14
#[tokio::test]
async fn a_redirect_layer_outside_carries_no_token_to_another_origin() {
    let world = World::start().await;
    let layer = BearerLayer::new(world.signed_in().await, world.origins());
    let client = ServiceBuilder::new().layer(FollowRedirectLayer::new()).layer(layer).service(http_client());
    let thief = thief().await;
    for status in STATUSES {
        world.api.behave(ApiBehaviour::Answer(redirect(status, &format!("{}/steal", thief.uri()))));
        let answer = client.clone().oneshot(world.request()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(loot(&thief, &world).await, STATUSES.len());
    assert_eq!(world.api.tokens().into_iter().flatten().count(), STATUSES.len());
}

// LAY-02
#[tokio::test]
async fn a_redirect_loop_ends_and_costs_no_refresh() {
    let world = World::start().await;
    let layer = BearerLayer::new(world.signed_in().await, world.origins());
    let client = ServiceBuilder::new().layer(FollowRedirectLayer::new()).layer(layer).service(http_client());
    world.api.behave(ApiBehaviour::Answer(redirect(307, &format!("{}/again", world.api.url()))));
    let answer = client.oneshot(world.request()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    assert!(world.api.calls() <= 21, "{}", world.api.calls());
    assert_eq!(world.provider.judge().grants("refresh_token"), 0);
}

// LAY-01, LAY-02, LAY-04
#[tokio::test]
async fn each_hop_is_judged_by_its_own_origin() {
    let world = World::start().await;
    let source = world.signed_in().await;
    for (location, has_token) in [
        ("https://api.bank.example/elsewhere", true),
        ("https://API.bank.example:443/elsewhere", true),
        ("/elsewhere", true),
        ("http://api.bank.example/", false),
        ("http://api.bank.example:443/", false),
        ("https://api.bank.example:8443/", false),
        ("https://api.bank.example.evil.example/", false),
        ("https://api.bank.example@evil.example/", false),
        ("//evil.example/", false),
        ("https://bank.example/", false),
        ("https://api.bank.example./", false),
    ] {
        let seen: Arc<Mutex<Vec<(Uri, bool)>>> = Arc::default();
        let server = service_fn({
            let seen = seen.clone();
            move |request: Request<Full<Bytes>>| {
                let mut seen = seen.lock().unwrap();
                seen.push((request.uri().clone(), request.headers().contains_key(header::AUTHORIZATION)));
                let status = if seen.len() == 1 { 307 } else { 200 };
                let answer = Response::builder().status(status).header(header::LOCATION, location);
                std::future::ready(Ok::<_, Infallible>(answer.body(Full::<Bytes>::default()).unwrap()))
            }
        });
        let layer = BearerLayer::new(source.clone(), Origins::only(["https://api.bank.example"]).unwrap());
        let client = ServiceBuilder::new().layer(FollowRedirectLayer::new()).layer(layer).service(server);
        let request = Request::get("https://api.bank.example/").body(Full::default()).unwrap();
        client.oneshot(request).await.unwrap();
        let seen: Vec<bool> = seen.lock().unwrap().iter().map(|(_, has_token)| *has_token).collect();
        assert_eq!(seen, [true, has_token], "{location}");
    }
}

// LAY-03, LEA-14
#[tokio::test]
async fn a_reqwest_client_that_was_told_to_follow_redirects_does_not_under_the_layer() {
    let world = World::start().await;
    let layer = BearerLayer::new(world.signed_in().await, world.origins());
    let following = reqwest_builder().redirect(Policy::limited(10)).referer(true);
    let client = layer.layer(ReqwestService::new(following).unwrap());
    let thief = thief().await;
    for status in STATUSES {
        world.api.behave(ApiBehaviour::Answer(redirect(status, &format!("{}/steal", thief.uri()))));
        let request = Request::get(world.api.url()).body(reqwest::Body::default()).unwrap();
        let answer = client.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
    assert_eq!(loot(&thief, &world).await, 0);
}

// NET-06, NET-07
#[tokio::test]
async fn a_provider_that_redirects_gets_no_secret_to_another_place() {
    for status in STATUSES {
        let (world, thief) = (World::start().await, thief().await);
        let session = world.log_in().await;
        let source = world.source(&session.key);
        source.sign_in(&session.tokens).await.unwrap();
        let client = world.api_client(&source);
        let away = || Fault::Answer(redirect(status, &thief.uri()));
        world.provider.fail_next(Endpoint::Token, away());
        world.clock.advance(World::LIFE);
        assert!(!world.get_err(&client).await.is_transient());
        world.provider.fail_next(Endpoint::Userinfo, away());
        assert!(world.client.userinfo(&session.key, session.tokens.access().unwrap()).await.is_err());
        for _ in 0..2 {
            world.provider.fail_next(Endpoint::Revocation, away());
        }
        assert!(world.client.revoke(&session.tokens).await.is_err());
        assert_eq!(loot(&thief, &world).await, 0);

        world.clock.advance(std::time::Duration::from_secs(60));
        world.get_ok(&client).await;
        world.assert_each_spent_once();
    }
}
