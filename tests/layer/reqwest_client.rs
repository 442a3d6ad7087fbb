//! A reqwest client that carries tokens, used as reqwest is.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream::poll_fn;
use http::{Request, Response, StatusCode, header};
use http_body_util::StreamBody;
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use oidc_core::TokenError;
use oidc_testkit::{Answer, ApiBehaviour};
use oidc_tower::{BearerLayer, Origins, ReplayNever, UseSource};
use oidc_transport::ReqwestClient;
use serde_json::Value;
use tests::{World, reqwest_builder};
use tokio::{net::TcpListener, sync::mpsc};

/// A server that sends every body back while it is still coming in, if there is a token.
async fn echo_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let echo = service_fn(async |request: Request<Incoming>| {
                assert!(request.headers().contains_key(header::AUTHORIZATION));
                Ok::<_, Infallible>(Response::new(request.into_body()))
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), echo));
        }
    });
    origin
}

// LAY-07
#[tokio::test]
async fn requests_and_answers_are_those_of_reqwest() {
    let world = World::start().await;
    let layer = BearerLayer::new(world.signed_in().await, world.origins());
    let api = ReqwestClient::new(reqwest_builder(), layer).unwrap();
    world.provider.revoke_access_tokens();
    let url = format!("{}/accounts", world.api.url());
    let answer = api.send(api.get(&url).header("accept", "application/json")).await.unwrap();
    assert_eq!((answer.status(), answer.url().as_str()), (StatusCode::OK, url.as_str()));
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(answer["subject"], "alice");
    assert_eq!((world.api.calls(), world.provider.judge().grants("refresh_token")), (2, 1));
}

// LAY-13
#[tokio::test]
async fn bodies_stream_in_both_directions() {
    let (world, origin) = (World::start().await, echo_server().await);
    let origins = Origins::insecure_loopback([&origin]).unwrap();
    let layer = BearerLayer::new(world.signed_in().await, origins).with_replay(ReplayNever);
    let api = ReqwestClient::new(reqwest_builder(), layer).unwrap();
    let (chunks, mut receiver) = mpsc::channel::<Bytes>(1);
    let stream = poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|chunk| chunk.map(|chunk| Ok::<_, Infallible>(Frame::data(chunk))))
    });
    let body = reqwest::Body::wrap(StreamBody::new(stream));
    let mut answer = api.send(api.post(&origin).body(body)).await.unwrap();
    for chunk in ["one", "two", "three"] {
        chunks.send(Bytes::from(chunk)).await.unwrap();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), chunk);
    }
    drop(chunks);
    assert_eq!(answer.chunk().await.unwrap(), None);
}

// LAY-17
#[tokio::test]
async fn a_request_that_would_go_around_the_layer_is_not_sent() {
    let world = World::start().await;
    let layer = BearerLayer::new(world.signed_in().await, world.origins());
    let api = ReqwestClient::new(reqwest_builder(), layer).unwrap();
    for url in [world.api.url(), "https://localhost:1", "https://api.bank.example"] {
        let error = api.get(url).send().await.unwrap_err();
        let why = format!("{error:?}");
        assert!(why.contains("ReqwestClient::send"), "{why}");
    }
    assert_eq!(world.api.calls(), 0);
}

// LAY-02, LAY-03
#[tokio::test]
async fn redirects_are_answers() {
    let world = World::start().await;
    let following = reqwest_builder().redirect(reqwest::redirect::Policy::limited(10));
    let layer = BearerLayer::new(world.signed_in().await, world.origins());
    let api = ReqwestClient::new(following, layer).unwrap();
    let elsewhere = header::HeaderValue::from_static("http://127.0.0.1:1/steal");
    let redirect = Answer::new(StatusCode::FOUND).header(header::LOCATION, elsewhere);
    world.api.behave(ApiBehaviour::Answer(redirect));
    let answer = api.send(api.get(world.api.url())).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
}

// LAY-17
#[tokio::test]
async fn one_client_speaks_for_many_users() {
    let world = World::start().await;
    let api = ReqwestClient::new(reqwest_builder(), BearerLayer::per_request(world.origins())).unwrap();
    let url = world.api.url();
    let nobody = api.send(api.get(url)).await.unwrap_err();
    assert!(nobody.downcast_ref::<TokenError>().unwrap().reauth_cause().is_some());
    let alice = api.with(UseSource::new(std::sync::Arc::new(world.signed_in().await)));
    assert_eq!(alice.send(api.get(url)).await.unwrap().status(), StatusCode::OK);
    assert!(api.send(api.get(url)).await.is_err(), "it is still nobody's");
    assert_eq!(world.api.calls(), 1);
}
