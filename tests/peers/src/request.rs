//! The request that is sent, and the client that it is sent with.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{HeaderValue, Request, Response, header};
use tower::Service;

pub const ORIGIN: &str = "https://api.bank.example";

/// Whole enough for every layer here.
pub type Body = http_body_util::Empty<bytes::Bytes>;

/// A token as long as a JWT of a usual provider.
pub fn token() -> String {
    "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.".chars().chain(('a'..='z').cycle()).take(1200).collect()
}

/// A new request with four headers.
pub fn request() -> Request<Body> {
    let mut request = Request::new(Body::new());
    *request.uri_mut() = http::Uri::from_static("https://api.bank.example/accounts?page=2");
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("bench/1"));
    request
}

/// A client that answers at once.
#[derive(Clone)]
pub struct Answers;

impl Service<Request<Body>> for Answers {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        drop(black_box(request));
        ready(Ok(Response::new(Body::new())))
    }
}

/// Sends a request and takes the answer, which has to be there at once.
pub fn send<S: Service<Request<Body>, Response = Response<Body>>>(service: &mut S, request: Request<Body>) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    match pin!(service.call(request)).poll(&mut cx) {
        Poll::Ready(Ok(response)) => drop(black_box(response)),
        _ => panic!("no answer, or not at once"),
    }
}
