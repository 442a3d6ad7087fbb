//! The transport over reqwest.

use std::{net::SocketAddr, process::Command, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use oidc_core::{BodyLimit, Clock, HttpTransport, TransportError, TransportErrorKind as Kind};
use oidc_testkit::ManualClock;
use oidc_transport::{ReqwestTransport, ReqwestTransportBuilder};
use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::peer::{Peer, Then, answer};

pub(crate) fn builder() -> ReqwestTransportBuilder {
    ReqwestTransport::builder(reqwest::Client::builder()).allow_loopback()
}

pub(crate) fn transport() -> ReqwestTransport {
    builder().build().unwrap()
}

pub(crate) fn post(url: &str) -> Request<Bytes> {
    Request::post(url).body(Bytes::from_static(b"refresh_token=canary")).unwrap()
}

pub(crate) async fn send(url: &str) -> Result<Response<Bytes>, TransportError> {
    transport().send(post(url)).await
}

/// Kind, and whether it may have been sent; makes sure that nothing secret is told.
pub(crate) fn failure(answer: Result<Response<Bytes>, TransportError>) -> (Kind, bool) {
    let error = answer.unwrap_err();
    let mut text = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text += &format!("{error} {error:?}");
        cause = error.source();
    }
    assert!(!text.contains("canary"), "{text}");
    (error.kind(), error.may_have_been_sent())
}

#[tokio::test]
async fn a_request_and_its_answer_pass_as_they_are() {
    let peer = Peer::new(&[Then::Answer(answer("418 Teapot", "x-a: b\r\n", b"short and stout"))]).await;
    let answer = send(&peer.url("/token?code=canary")).await.unwrap();
    assert_eq!((answer.status(), &answer.headers()["x-a"]), (StatusCode::IM_A_TEAPOT, &"b".parse().unwrap()));
    assert_eq!(answer.body(), "short and stout");
}

// DIS-08, NET-07
#[tokio::test]
async fn a_redirect_is_an_answer() {
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let target = Peer::new(&[Then::Answer(answer("200 OK", "", b""))]).await;
        let location = format!("location: {}\r\n", target.url("/"));
        let peer = Peer::new(&[Then::Answer(answer(status, &location, b""))]).await;
        assert!(send(&peer.url("/")).await.unwrap().status().is_redirection());
        assert_eq!((peer.requests(), target.connections()), (1, 0));
    }
}

// NET-01, NET-02
#[tokio::test]
async fn one_deadline_ends_silence_and_endless_bodies() {
    for then in [Then::Silence, Then::Drip] {
        let clock = ManualClock::new();
        let peer = Peer::new(&[then]).await;
        let transport =
            builder().clock(Arc::new(clock.clone())).deadline(Duration::from_secs(7)).build().unwrap();
        let mut request = post(&peer.url("/?q=canary"));
        request.extensions_mut().insert(BodyLimit(usize::MAX));
        let (answer, ()) = tokio::join!(transport.send(request), async {
            let deadline = clock.boot().after(Duration::from_secs(7));
            clock.wait_for_sleepers(1).await;
            assert_eq!(clock.next_deadline(), Some(deadline));
            while peer.requests() == 0 {
                tokio::task::yield_now().await;
            }
            clock.advance(Duration::from_secs(7));
        });
        assert_eq!(failure(answer), (Kind::Timeout, true));
    }
}

// NET-05
#[tokio::test]
async fn an_endless_body_is_read_up_to_its_limit() {
    let peer = Peer::new(&[Then::Drip]).await;
    let mut request = post(&peer.url("/"));
    request.extensions_mut().insert(BodyLimit(1_000));
    assert_eq!(failure(transport().send(request).await), (Kind::TooLarge, true));
}

// DIS-10
#[tokio::test]
async fn a_gzip_bomb_stays_packed() {
    let peer =
        Peer::new(&[Then::Answer(answer("200 OK", "content-encoding: gzip\r\n", b"\x1f\x8b not unpacked"))])
            .await;
    let answer = send(&peer.url("/")).await.unwrap();
    assert_eq!((&answer.body()[..2], answer.body().len()), (&b"\x1f\x8b"[..], 15));
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(failure(send(&format!("http://{address}/?code=canary")).await), (Kind::Connect, false));
}

// REF-14: on a new connection
#[tokio::test]
async fn a_reset_after_the_request_may_have_been_sent_and_is_not_repeated() {
    let peer = Peer::new(&[Then::Reset]).await;
    assert_eq!(failure(send(&peer.url("/?code=canary")).await), (Kind::Interrupted, true));
    assert_eq!((peer.connections(), peer.requests()), (1, 1));
}

// REF-14: on a kept connection
#[tokio::test]
async fn a_kept_connection_that_breaks_is_not_replaced_behind_our_back() {
    for then in
        [Then::Reset, Then::AnswerAndClose(Vec::new()), Then::AnswerAndClose(b"HTTP/1.1 200".to_vec())]
    {
        let peer = Peer::new(&[Then::Answer(answer("200 OK", "", b"")), then]).await;
        let transport = transport();
        transport.send(post(&peer.url("/"))).await.unwrap();
        assert_eq!(
            failure(transport.send(post(&peer.url("/?code=canary"))).await),
            (Kind::Interrupted, true)
        );
        assert_eq!((peer.connections(), peer.requests()), (1, 2));
    }
}

// NET-08
#[tokio::test]
async fn what_is_not_http_is_an_interruption() {
    for bytes in [&b"hello\r\n\r\n"[..], b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc"] {
        let peer = Peer::new(&[Then::AnswerAndClose(bytes.to_vec())]).await;
        assert_eq!(failure(send(&peer.url("/?code=canary")).await), (Kind::Interrupted, true));
    }
}

// NET-03
#[tokio::test]
async fn a_server_without_tls_gets_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/?code=canary", listener.local_addr().unwrap());
    let (answer, stream) = tokio::join!(send(&url), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    });
    assert_eq!(failure(answer), (Kind::Tls, false));
    drop(stream);
}

#[tokio::test]
async fn a_stalled_handshake_ends_with_the_time_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let transport = builder().connect_timeout(Duration::from_millis(50)).build().unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    assert_eq!(failure(transport.send(post(&url)).await), (Kind::Timeout, false));
}

// DIS-05
#[tokio::test]
async fn addresses_in_urls_are_checked_however_they_are_written() {
    let strict = ReqwestTransport::new().unwrap();
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[fd00::1]",
        "100.64.0.1",
    ] {
        let answer = strict.send(post(&format!("http://{host}:9/?code=canary"))).await;
        assert_eq!(failure(answer), (Kind::AddressDenied, false), "{host}");
    }
    let lax = builder().allow_private_addresses().build().unwrap();
    let answer = lax.send(post("http://169.254.169.254/")).await;
    assert_eq!(failure(answer), (Kind::AddressDenied, false));
}

/// Names that resolve to these addresses.
pub(crate) struct Fixed(pub(crate) Vec<SocketAddr>);

impl reqwest::dns::Resolve for Fixed {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let found = self.0.clone().into_iter();
        Box::pin(std::future::ready(Ok(Box::new(found) as reqwest::dns::Addrs)))
    }
}

// DIS-06
#[tokio::test]
async fn names_are_checked_by_the_address_that_is_used() {
    let peer = Peer::new(&[Then::Answer(answer("200 OK", "", b"here"))]).await;
    let private: SocketAddr = "10.255.255.1:9".parse().unwrap();
    let resolves_to = |found: Vec<SocketAddr>| builder().resolver(Fixed(found)).build().unwrap();

    let mixed = resolves_to(vec![private, peer.address]);
    let answer = mixed.send(post(&format!("http://id.example:{}/", peer.address.port()))).await.unwrap();
    assert_eq!(answer.body(), "here");
    let denied = resolves_to(vec![private]).send(post("http://id.example/?code=canary")).await;
    assert_eq!(failure(denied), (Kind::AddressDenied, false));

    let strict = ReqwestTransport::new().unwrap();
    let local = strict.send(post(&format!("http://localhost:{}/?code=canary", peer.address.port()))).await;
    assert_eq!(failure(local), (Kind::AddressDenied, false));
    assert_eq!(peer.requests(), 1);
}

#[tokio::test]
async fn what_is_no_url_is_not_sent() {
    assert_eq!(failure(send("/token?code=canary").await), (Kind::InvalidRequest, false));
}

// DIS-20
#[tokio::test]
async fn proxies_of_the_environment_are_used_only_when_asked_for() {
    // The environment belongs to the whole process, so this test runs itself again in one of its own.
    if std::env::var_os("ALL_PROXY").as_deref() == Some(NOBODY.as_ref()) {
        return in_an_environment_with_proxies().await;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "reqwest_transport::proxies_of_the_environment_are_used_only_when_asked_for"])
        .envs([("HTTP_PROXY", NOBODY), ("HTTPS_PROXY", NOBODY), ("ALL_PROXY", NOBODY)])
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success() && text.contains("1 passed"), "{text}");
}

const NOBODY: &str = "http://127.0.0.1:9";

async fn in_an_environment_with_proxies() {
    let peer = Peer::new(&[Then::Answer(answer("200 OK", "", b""))]).await;
    let asked = builder().system_proxy(true).build().unwrap();
    for transport in [&transport(), &asked] {
        assert!(transport.send(post(&peer.url("/"))).await.is_ok());
    }
    // Nobody listens where the proxy should be; the peer notes the connection that goes past it.
    let https = format!("https://127.0.0.1:{}/", peer.address.port());
    assert_eq!(failure(asked.send(post(&https)).await), (Kind::Connect, false));
    assert_eq!(peer.connections(), 2);
    let direct = builder().connect_timeout(Duration::from_millis(200)).build().unwrap();
    assert_eq!(failure(direct.send(post(&https)).await), (Kind::Timeout, false));
    assert_eq!(peer.connections(), 3);
}
