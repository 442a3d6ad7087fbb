//! What a request with a fresh token costs, in allocations.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    task::{Context, Poll, Waker},
    time::SystemTime,
};

use allocation_counter::measure;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use oidc_core::{
    AccessToken, Credential, Generation, Lifetime, Secret, TokenError, TokenErrorKind, TokenSource,
};
use oidc_tower::{BearerLayer, ExistingHeader, Origins, ReplayClone, ReplayNever};
use tower::{Layer, Service};

type Body = Full<Bytes>;

#[derive(Clone, Debug)]
struct Fixed(Credential);

#[async_trait]
impl TokenSource for Fixed {
    fn peek(&self) -> Option<Credential> {
        Some(self.0.clone())
    }

    async fn token(&self) -> Result<Credential, TokenError> {
        Ok(self.0.clone())
    }

    async fn renew(&self, _: Generation) -> Result<Credential, TokenError> {
        Err(TokenError::new(TokenErrorKind::Rejected))
    }

    fn reject(&self, _: Generation) {}
}

/// A client that answers at once and allocates nothing.
#[derive(Clone)]
struct Answers(u16);

impl Service<Request<Body>> for Answers {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        black_box(request);
        let mut response = Response::new(Body::default());
        *response.status_mut() = self.0.try_into().unwrap();
        ready(Ok(response))
    }
}

fn layer() -> BearerLayer<Fixed> {
    let lifetime = Lifetime::new(SystemTime::UNIX_EPOCH, None);
    let token = AccessToken::bearer(Secret::from("a".repeat(1200).as_str()), lifetime).unwrap();
    let origins = Origins::only(["https://api.bank.example", "https://[2001:db8::1]:8443"]).unwrap();
    BearerLayer::new(Fixed(Credential::new(&token)), origins)
}

fn request(uri: &str, body: Body) -> Request<Body> {
    let value = HeaderValue::from_static;
    Request::post(uri).header("accept", value("*/*")).header("user-agent", value("a")).body(body).unwrap()
}

/// How often one call allocates, from the poll for readiness until the answer is dropped.
fn allocations<S>(mut service: S, request: Request<Body>) -> u64
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let mut request = Some(request);
    let mut cx = Context::from_waker(Waker::noop());
    let mut answered = false;
    let info = measure(|| {
        assert!(service.poll_ready(&mut cx).is_ready());
        let mut future = std::pin::pin!(service.call(request.take().unwrap()));
        answered = matches!(future.as_mut().poll(&mut cx), Poll::Ready(Ok(_)));
    });
    assert!(answered);
    info.count_total
}

const API: &str = "https://api.bank.example/accounts";

#[test]
fn the_client_of_these_tests_allocates_nothing() {
    assert_eq!(allocations(Answers(200), request(API, Body::default())), 0);
}

#[test]
fn a_token_is_attached_without_allocating() {
    let never = layer().with_replay(ReplayNever).layer(Answers(200));
    for uri in [API, "https://API.bank.example:443/", "https://[2001:db8:0::1]:8443/"] {
        assert_eq!(allocations(never.clone(), request(uri, "pay 5".into())), 0, "{uri}");
    }
    let once = layer().retry_unauthorized(false).layer(Answers(200));
    assert_eq!(allocations(once, request(API, Body::default())), 0);
    assert_eq!(allocations(layer().layer(Answers(200)), request(API, "pay 5".into())), 0);
}

#[test]
fn a_clone_allocates_once_in_its_life() {
    let service = layer().with_replay(ReplayNever).layer(Answers(200));
    let mut clone = service.clone();
    let counts = [(); 5].map(|()| allocations(&mut clone, request(API, Body::default())));
    assert_eq!(counts, [0, 1, 0, 0, 0]);
    assert_eq!(allocations(&mut clone.clone(), request(API, Body::default())), 0);
}

#[test]
fn a_foreign_request_passes_without_allocating() {
    let service = layer().layer(Answers(200));
    assert_eq!(allocations(service, request("https://elsewhere.example/", Body::default())), 0);
}

// A header value that was made at run time costs one more when it is cloned for the first time.
#[test]
fn the_copy_for_a_second_send_costs_two_allocations() {
    let empty = layer().layer(Answers(200));
    assert_eq!(allocations(empty, request(API, Body::default())), 2);
    let clone = layer().with_replay(ReplayClone).layer(Answers(200));
    assert_eq!(allocations(clone, request(API, "pay 5".into())), 2);
}

#[test]
fn a_mark_for_other_layers_costs_two_allocations() {
    let marking =
        layer().existing_header(ExistingHeader::Replace).with_replay(ReplayNever).layer(Answers(200));
    assert_eq!(allocations(marking, request(API, Body::default())), 2);
}

#[test]
fn the_counter_counts() {
    assert!(allocations(layer().layer(Answers(401)), request(API, Body::default())) > 2);
}
