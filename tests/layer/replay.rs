//! Requests that are refused once, with bodies that can and cannot be sent again.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use oidc_tower::{BearerLayer, BoxError, Challenge, Origins, ReplayClone, SendOnce};
use tests::{World, http_client};
use tower::{Layer, ServiceExt};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

/// An API that answers these, one after the other, and then 200.
async fn api(answers: impl IntoIterator<Item = ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    for answer in answers {
        Mock::given(any()).respond_with(answer).up_to_n_times(1).mount(&server).await;
    }
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    server
}

fn unauthorized() -> ResponseTemplate {
    ResponseTemplate::new(401)
        .insert_header("www-authenticate", r#"Bearer error="invalid_token""#)
        .set_body_string("no")
}

fn origins(server: &MockServer) -> Origins {
    Origins::insecure_loopback([server.uri()]).unwrap()
}

fn post(server: &MockServer, body: &'static str) -> Request<Full<Bytes>> {
    Request::post(format!("{}/payments", server.uri())).body(Full::from(body)).unwrap()
}

/// Token and body of each request that the API got.
async fn seen(server: &MockServer) -> Vec<(String, String)> {
    let requests = server.received_requests().await.unwrap();
    let read = |request: wiremock::Request| {
        let token = request.headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
        (token, String::from_utf8(request.body).unwrap())
    };
    requests.into_iter().map(read).collect()
}

// LAY-07, LAY-12
#[tokio::test]
async fn a_body_that_can_be_copied_is_sent_again_whole() {
    let (world, server) = (World::start().await, api([unauthorized()]).await);
    let layer = BearerLayer::new(world.signed_in().await, origins(&server)).with_replay(ReplayClone);
    let answer = layer.layer(http_client()).oneshot(post(&server, "pay 10")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let seen = seen(&server).await;
    assert_eq!([&*seen[0].1, &*seen[1].1], ["pay 10", "pay 10"]);
    assert_ne!(seen[0].0, seen[1].0);
    assert_eq!((seen.len(), world.provider.judge().grants("refresh_token")), (2, 1));
}

// LAY-13
#[tokio::test]
async fn a_body_that_cannot_be_sent_again_goes_once_and_the_next_call_is_right() {
    let (world, server) = (World::start().await, api([unauthorized()]).await);
    let client = BearerLayer::new(world.signed_in().await, origins(&server)).layer(http_client());
    let answer = client.clone().oneshot(post(&server, "pay 10")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "no");
    assert_eq!(seen(&server).await.len(), 1);

    let answer = client.oneshot(post(&server, "pay 20")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let seen = seen(&server).await;
    assert_ne!(seen[0].0, seen[1].0);
    assert_eq!((seen.len(), world.provider.judge().grants("refresh_token")), (2, 1));
}

// LAY-13
#[tokio::test]
async fn a_stream_is_sent_once() {
    type Chunks = StreamBody<futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, BoxError>>>>;
    let (world, server) = (World::start().await, api([unauthorized()]).await);
    let layer = BearerLayer::new(world.signed_in().await, origins(&server));
    let layer = layer.with_replay(oidc_tower::ReplayNever);
    let client = layer.layer(Client::builder(hyper_util::rt::TokioExecutor::new()).build_http::<Chunks>());
    let chunks = || {
        let chunks = ["pay ", "1", "0"].map(|text| Ok(Frame::data(Bytes::from(text))));
        Request::post(server.uri())
            .body(StreamBody::new(futures_util::stream::iter(Vec::from(chunks))))
            .unwrap()
    };
    for status in [StatusCode::UNAUTHORIZED, StatusCode::OK] {
        assert_eq!(client.clone().oneshot(chunks()).await.unwrap().status(), status);
    }
    let seen = seen(&server).await;
    assert_eq!([&*seen[0].1, &*seen[1].1], ["pay 10", "pay 10"]);
    assert_eq!((seen.len(), world.provider.judge().grants("refresh_token")), (2, 1));
}

// LAY-12
#[tokio::test]
async fn a_request_that_says_so_is_sent_once() {
    let (world, server) = (World::start().await, api([unauthorized()]).await);
    let layer = BearerLayer::new(world.signed_in().await, origins(&server)).with_replay(ReplayClone);
    let mut request = post(&server, "pay 10");
    request.extensions_mut().insert(SendOnce);
    let answer = layer.layer(http_client()).oneshot(request).await.unwrap();
    assert_eq!((answer.status(), seen(&server).await.len()), (StatusCode::UNAUTHORIZED, 1));
}

// LAY-10, LAY-11
#[tokio::test]
async fn what_no_renewal_helps_against_is_handed_back_with_the_reason() {
    let source = World::start().await;
    let login = Arc::new(source.signed_in().await);
    for (status, challenge, error) in [
        (401, r#"Basic realm="a""#, None),
        (401, r#"Negotiate, Basic realm="a""#, None),
        (407, "", None),
        (403, r#"Bearer error="insufficient_scope", scope="payments""#, Some("insufficient_scope")),
        (
            401,
            r#"Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="60""#,
            Some("insufficient_user_authentication"),
        ),
    ] {
        let refusal = ResponseTemplate::new(status).insert_header("www-authenticate", challenge);
        let server = api([refusal]).await;
        let layer = BearerLayer::new(login.clone(), origins(&server)).with_replay(ReplayClone);
        let answer = layer.layer(http_client()).oneshot(post(&server, "pay 10")).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let read = answer.extensions().get::<Challenge>();
        assert_eq!(read.and_then(Challenge::error), error, "{challenge}");
        assert_eq!(seen(&server).await.len(), 1);
    }
    assert_eq!(source.provider.judge().grants("refresh_token"), 0);
}
