//! Names, the addresses behind them, and the connections to those.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use oidc_core::{Clock, HttpTransport, SystemClock, TransportErrorKind as Kind};
use reqwest::dns::{Name, Resolve, Resolving};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::{
    peer::{Peer, Then, answer},
    reqwest_transport::{Fixed, builder, failure, post, transport},
};

struct Unknown;

impl Resolve for Unknown {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::ready(Err("no such name".into())))
    }
}

/// Never answers.
struct Mute;

impl Resolve for Mute {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::pending())
    }
}

// NET-10
#[tokio::test]
async fn a_name_that_leads_nowhere_is_an_error_before_anything_is_sent() {
    let url = "http://id.example/?code=canary";
    let unknown = builder().resolver(Unknown).build().unwrap();
    assert_eq!(failure(unknown.send(post(url)).await), (Kind::Connect, false));
    let empty = builder().resolver(Fixed(Vec::new())).build().unwrap();
    assert_eq!(failure(empty.send(post(url)).await), (Kind::Connect, false));
    let mute = builder().resolver(Mute).connect_timeout(Duration::from_millis(50)).build().unwrap();
    assert_eq!(failure(mute.send(post(url)).await), (Kind::Timeout, false));
    // RFC 6761 keeps this name from ever being anybody's.
    let answer = transport().send(post("http://nobody.invalid/?code=canary")).await;
    assert_eq!(failure(answer), (Kind::Connect, false));
}

/// An address at which nobody listens: connections to it are refused.
async fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// An address that does not answer at all, as behind a firewall, while what is returned with it lives: a
/// listener that takes nothing, whose queue is full.
async fn black_hole() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let clock = SystemClock::new();
    let mut queue = Vec::new();
    loop {
        tokio::select! {
            stream = TcpStream::connect(address) => queue.push(stream.unwrap()),
            () = clock.sleep_until(clock.boot().after(Duration::from_millis(100))) => break,
        }
    }
    (address, listener, queue)
}

// NET-10
#[tokio::test]
async fn dead_addresses_before_a_living_one_cost_time_within_the_budget_to_connect() {
    let peer = Peer::new(&[Then::Answer(answer("200 OK", "", b"here"))]).await;
    let (silent, _listener, _queue) = black_hole().await;
    let mut refused = Vec::new();
    for _ in 0..19 {
        refused.push(refusing().await);
    }
    let budget = Duration::from_millis(1_000);
    let clock = SystemClock::new();
    // The ports are those of the addresses, because the URL names none.
    for (dead, lives) in
        [(refused.clone(), true), (vec![silent; 4], true), (vec![silent; 4], false), (refused, false)]
    {
        let living = lives.then_some(peer.address);
        let found: Vec<_> = dead.iter().copied().chain(living).collect();
        let transport = builder().resolver(Fixed(found)).connect_timeout(budget).build().unwrap();
        let start = clock.boot();
        let answer = transport.send(post("http://id.example/?code=canary")).await;
        if lives {
            assert_eq!(answer.unwrap().body(), "here");
        } else {
            let (kind, sent) = failure(answer);
            assert!(matches!(kind, Kind::Connect | Kind::Timeout) && !sent, "{kind:?}");
        }
        let took = clock.boot().since(start);
        assert!(took <= budget + Duration::from_millis(500), "{took:?}");
    }
    assert_eq!(peer.requests(), 2);
}

fn get(name: &str, peer: &Peer, token: &str) -> Request<Bytes> {
    let url = format!("http://{name}:{}/", peer.address.port());
    Request::get(url).header("authorization", token).body(Bytes::new()).unwrap()
}

// NET-09
#[tokio::test]
async fn two_names_at_one_address_share_no_connection() {
    let peer = Peer::new(&[Then::Answer(answer("200 OK", "", b""))]).await;
    assert_eq!(peer.address.ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
    let transport = builder().resolver(Fixed(vec![peer.address])).build().unwrap();
    for connections in [1, 2] {
        let name = format!("name{connections}.example");
        for _ in 0..2 {
            transport.send(get(&name, &peer, "Bearer a")).await.unwrap();
            assert_eq!(peer.connections(), connections);
        }
    }
}

// NET-09
#[tokio::test]
async fn a_misdirected_request_is_answered_and_not_sent_anywhere_else() {
    let peer = Peer::new(&[Then::Answer(answer("421 Misdirected Request", "", b"not here"))]).await;
    let transport = transport();
    for requests in 1..=2 {
        let answer = transport.send(post(&peer.url("/"))).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (421, b"not here".as_slice()));
        assert_eq!((peer.connections(), peer.requests()), (1, requests));
    }
}

// NET-14
#[tokio::test]
async fn each_transport_has_connections_of_its_own_and_its_clones_share_them() {
    let peer = Peer::new(&[Then::Answer(answer("200 OK", "", b""))]).await;
    let (one, other) = (transport(), transport());
    for (transport, connections) in [(&one, 1), (&other, 2), (&one.clone(), 2), (&other.clone(), 2)] {
        transport.send(post(&peer.url("/"))).await.unwrap();
        assert_eq!(peer.connections(), connections);
    }
}
