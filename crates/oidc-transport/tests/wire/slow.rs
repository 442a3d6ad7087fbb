//! Servers that take their time, and those that are gone when they are needed.

use std::{collections::BTreeSet, time::Duration};

use oidc_core::{Clock, HttpTransport, SystemClock, TransportErrorKind as Kind};

use crate::{
    peer::{Peer, Then, answer},
    reqwest_transport::{builder, failure, post, transport},
};

const DEADLINE: Duration = Duration::from_millis(200);

// NET-01
#[tokio::test]
async fn one_byte_at_a_time_is_no_reason_to_wait_longer() {
    let head = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(2_000));
    let body = format!("{}{}", "HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n", "z".repeat(2_000));
    let head_done = body.find("zz").unwrap();
    let pause = Duration::from_millis(5);
    let (quick, slow) = body.split_at(head_done);
    assert!(quick.ends_with("\r\n\r\n") && slow.len() == 2_000);
    for bytes in [head, body] {
        let peer = Peer::new(&[Then::Slowly(bytes.into_bytes(), pause)]).await;
        let transport = builder().deadline(DEADLINE).build().unwrap();
        let clock = SystemClock::new();
        let start = clock.boot();
        assert_eq!(failure(transport.send(post(&peer.url("/?code=canary"))).await), (Kind::Timeout, true));
        let took = clock.boot().since(start);
        assert!(took >= DEADLINE && took < DEADLINE * 10, "{took:?}");
        assert_eq!(peer.requests(), 1);
    }
}

// NET-02
#[tokio::test]
async fn a_connection_that_went_silent_is_not_used_again() {
    let good = Then::Answer(answer("200 OK", "", b"here"));
    let silences = [Then::Silence, Then::Slowly(b"HTTP/1.1 200 OK\r\nx: y".to_vec(), Duration::from_secs(9))];
    for silence in silences {
        let peer = Peer::new(&[good.clone(), silence, good.clone()]).await;
        let transport = builder().deadline(DEADLINE).build().unwrap();
        transport.send(post(&peer.url("/"))).await.unwrap();
        assert_eq!(failure(transport.send(post(&peer.url("/?code=canary"))).await), (Kind::Timeout, true));
        assert_eq!(transport.send(post(&peer.url("/"))).await.unwrap().body(), "here");
        assert_eq!((peer.connections(), peer.requests()), (2, 3));
    }
}

// REF-14, NET-08: the server closes a kept connection at about the moment at which it is used again
#[tokio::test]
async fn a_connection_that_is_closed_at_the_moment_of_a_request_gets_none_sent_twice() {
    let clock = SystemClock::new();
    let mut endings = BTreeSet::new();
    for round in 0..60 {
        let close = Duration::from_micros(50 * round);
        let peer = Peer::new(&[Then::AnswerAndCloseAfter(answer("200 OK", "", b"here"), close)]).await;
        let transport = transport();
        transport.send(post(&peer.url("/"))).await.unwrap();
        clock.sleep_until(clock.boot().after(Duration::from_millis(1))).await;
        let second = transport.send(post(&peer.url("/?code=canary"))).await;
        // What did not get through may have been seen once; what did was seen once.
        let seen = peer.requests() - 1;
        match second {
            Ok(answer) => assert_eq!((answer.body().as_ref(), seen), (b"here".as_slice(), 1)),
            failed => {
                let (kind, sent) = failure(failed);
                assert!(kind == Kind::Interrupted && seen <= usize::from(sent), "{kind:?} {sent} {seen}");
            }
        }
        endings.insert(peer.connections());
    }
    assert!(endings.contains(&2), "some were closed in time, and replaced by a new one: {endings:?}");
}
