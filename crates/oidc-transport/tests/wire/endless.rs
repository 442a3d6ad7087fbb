//! Servers that never come to an end.

use std::time::Duration;

use oidc_core::{HttpTransport, TransportErrorKind as Kind};

use crate::{
    alone::is_alone,
    peer::{Peer, Then, answer},
    reqwest_transport::{builder, failure, post},
};

const MEBIBYTE: usize = 1 << 20;
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// What is sent once, what again and again, and how that ends.
fn endless() -> Vec<(&'static str, Vec<u8>, Kind)> {
    let long = || vec![b'x'; 64 * 1024];
    let header = |name: &str| format!("{name}: {}\r\n", "y".repeat(60_000)).into_bytes();
    let chunk = [b"10000\r\n".as_slice(), &long(), b"\r\n"].concat();
    vec![
        ("", long(), Kind::Interrupted),
        ("HTTP/1.1 200 ", long(), Kind::Interrupted),
        ("HTTP/1.1 200 OK\r\nx: ", long(), Kind::Interrupted),
        ("HTTP/1.1 200 OK\r\n", header("x"), Kind::Interrupted),
        ("HTTP/1.1 200 OK\r\n", b"x: y\r\n".repeat(1_000), Kind::Interrupted),
        ("", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(100), Kind::Timeout),
        ("", b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), Kind::Timeout),
        (CHUNKED, chunk.clone(), Kind::TooLarge),
        (CHUNKED, format!("100\r\n{}\r\n", "x".repeat(256)).repeat(100).into_bytes(), Kind::TooLarge),
        // One chunk that calls itself as long as can be.
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffff0\r\n", long(), Kind::TooLarge),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1", b";x=y".repeat(1_000), Kind::Interrupted),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
            header("x"),
            Kind::Interrupted,
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n", long(), Kind::TooLarge),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", long(), Kind::TooLarge),
        // Packed as it is, it counts as it is.
        ("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n", long(), Kind::TooLarge),
    ]
}

// NET-04, NET-05
#[tokio::test]
async fn what_has_no_end_costs_little_memory_and_is_not_waited_for() {
    if !is_alone("endless::what_has_no_end_costs_little_memory_and_is_not_waited_for", None) {
        return;
    }
    let transport = builder().deadline(Duration::from_millis(300)).build().unwrap();
    // The first exchange sets up what every one needs.
    let small = Peer::new(&[Then::Answer(answer("200 OK", "", b"here"))]).await;
    transport.send(post(&small.url("/"))).await.unwrap();
    let before = most_memory();
    for (once, again, kind) in endless() {
        let peer = Peer::new(&[Then::Endless(once, again.clone())]).await;
        let what = format!("{once:?} and then {:?}", String::from_utf8_lossy(&again[..again.len().min(40)]));
        let answer = transport.send(post(&peer.url("/?code=canary"))).await;
        assert_eq!(failure(answer), (kind, true), "{what}");
        assert_eq!(peer.requests(), 1, "{what}");
        // All but what is thrown away as it comes. The sockets on both sides hold some of it.
        if kind != Kind::Timeout {
            assert!(peer.endless_bytes() < 12 * MEBIBYTE, "{what}: {}", peer.endless_bytes());
        }
        let grown = most_memory() - before;
        assert!(grown <= 8 * MEBIBYTE, "{what}: {grown}");
    }
}

/// The most memory that this process has ever had at a time; zero where the system does not tell.
fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or(0, |line| line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024)
}
