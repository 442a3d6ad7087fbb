//! The transport over a tower service.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::TokioExecutor,
};
use oidc_core::{BodyLimit, HttpTransport, TransportErrorKind as Kind};
use oidc_testkit::ManualClock;
use oidc_transport::TowerTransport;
use tower_service::Service;

use crate::peer::{Peer, Then, answer};

fn hyper() -> TowerTransport<Client<HttpConnector, Full<Bytes>>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    TowerTransport::new(client)
        .not_sent_when(|error| error.downcast_ref::<Error>().is_some_and(Error::is_connect))
}

fn post(url: &str) -> Request<Bytes> {
    Request::post(url).body(Bytes::from_static(b"refresh_token=canary")).unwrap()
}

async fn failure(transport: impl HttpTransport, request: Request<Bytes>) -> (Kind, bool) {
    let error = transport.send(request).await.unwrap_err();
    (error.kind(), error.may_have_been_sent())
}

#[tokio::test]
async fn hyper_s_client_is_a_transport() {
    let peer = Peer::new(&[Then::Answer(answer("200 OK", "", b"here"))]).await;
    assert_eq!(hyper().send(post(&peer.url("/"))).await.unwrap().body(), "here");
    let address = peer.address;
    drop(peer);
    tokio::task::yield_now().await;
    assert_eq!(failure(hyper(), post(&format!("http://{address}/"))).await, (Kind::Connect, false));
}

#[tokio::test]
async fn a_reset_may_have_been_sent_and_long_bodies_end() {
    let peer = Peer::new(&[Then::Reset, Then::Drip]).await;
    assert_eq!(failure(hyper(), post(&peer.url("/"))).await, (Kind::Interrupted, true));
    let mut request = post(&peer.url("/"));
    request.extensions_mut().insert(BodyLimit(100));
    assert_eq!(failure(hyper(), request).await, (Kind::TooLarge, true));
    assert_eq!(peer.requests(), 2);
}

/// Ready at the second poll, and only the instance that was polled may be called.
#[derive(Debug, Default)]
struct Shy {
    polls: usize,
    clones: Arc<AtomicUsize>,
    never_ready: bool,
    never_answers: bool,
}

impl Clone for Shy {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::SeqCst);
        Self { polls: 0, clones: self.clones.clone(), ..*self }
    }
}

impl Service<Request<Full<Bytes>>> for Shy {
    type Response = Response<Full<Bytes>>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.polls += 1;
        if self.never_ready || self.polls < 2 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(self.polls >= 2, "called before it was ready");
        if self.never_answers {
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(Ok(Response::default())))
    }
}

#[tokio::test]
async fn each_request_polls_a_clone_until_it_is_ready() {
    let shy = Shy::default();
    let clones = shy.clones.clone();
    let transport = TowerTransport::new(shy);
    for _ in 0..3 {
        transport.send(post("http://id.example/")).await.unwrap();
    }
    assert_eq!(clones.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn the_deadline_tells_what_was_sent_from_what_was_not() {
    for (shy, sent) in [
        (Shy { never_ready: true, ..Shy::default() }, false),
        (Shy { never_answers: true, ..Shy::default() }, true),
    ] {
        let clock = ManualClock::new();
        let transport =
            TowerTransport::new(shy).clock(Arc::new(clock.clone())).deadline(Duration::from_secs(3));
        let (failed, ()) = tokio::join!(failure(transport, post("http://id.example/")), async {
            clock.wait_for_sleepers(1).await;
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            clock.advance(Duration::from_secs(3));
        });
        assert_eq!(failed, (Kind::Timeout, sent));
    }
}
