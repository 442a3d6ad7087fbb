//! The request that is sent, the client that it is sent with, and how.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Empty;
use tower::Service;

pub(crate) type Body = Empty<Bytes>;

/// The origin that gets the token.
pub(crate) const ORIGIN: &str = "https://api.bank.example";

/// As long as a JWT of a usual provider.
pub(crate) const TOKEN_LENGTH: usize = 1200;

/// A token of that length.
pub(crate) fn token() -> String {
    "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9."
        .chars()
        .chain(('a'..='z').cycle())
        .take(TOKEN_LENGTH)
        .collect()
}

/// A new request with four headers; it allocates twice.
pub(crate) fn request() -> Request<Body> {
    static ACCOUNTS: LazyLock<Uri> =
        LazyLock::new(|| Uri::from_static("https://api.bank.example/accounts?page=2"));
    let mut request = Request::new(Body::new());
    *request.uri_mut() = ACCOUNTS.clone();
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("bench/1"));
    request
}

/// A client that answers 200 at once and allocates nothing.
#[derive(Clone)]
pub(crate) struct Answers;

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

/// A client that takes no request without the token: what is measured is checked on it beforehand.
#[derive(Clone)]
pub(crate) struct Demands;

impl Service<Request<Body>> for Demands {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let header = request.headers().get(header::AUTHORIZATION).expect("a request without a token");
        assert!(header.is_sensitive() && header.len() == "Bearer ".len() + TOKEN_LENGTH, "an odd token");
        ready(Ok(Response::new(Body::new())))
    }
}

/// Sends `request` and takes the answer, which has to be there at once.
pub(crate) fn send<S>(service: &mut S, request: Request<Body>)
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    match pin!(service.call(request)).poll(&mut cx) {
        Poll::Ready(Ok(response)) => drop(black_box(response)),
        _ => panic!("no answer, or not at once"),
    }
}
