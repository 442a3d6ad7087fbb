//! A process that may not open any more files.
#![cfg(unix)]

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use oidc_core::{HttpTransport, TransportErrorKind as Kind};
use reqwest::dns::{Name, Resolve, Resolving};

use crate::{
    alone::is_alone,
    peer::{Peer, Then, answer},
    reqwest_transport::{Fixed, builder, failure, post},
};

/// Counts how often it is asked.
struct Counting(Arc<AtomicUsize>, Fixed);

impl Resolve for Counting {
    fn resolve(&self, name: Name) -> Resolving {
        self.0.fetch_add(1, Ordering::SeqCst);
        self.1.resolve(name)
    }
}

// NET-13
#[tokio::test]
async fn without_a_descriptor_to_spare_nothing_is_sent_and_nothing_is_tried_again() {
    let name = "descriptors::without_a_descriptor_to_spare_nothing_is_sent_and_nothing_is_tried_again";
    if !is_alone(name, Some(64)) {
        return;
    }
    let peer = Peer::new(&[Then::Answer(answer("200 OK", "", b"here"))]).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let resolver = Counting(asked.clone(), Fixed(vec![peer.address]));
    let transport = builder().resolver(resolver).build().unwrap();
    let request = || post(&format!("http://id.example:{}/?code=canary", peer.address.port()));

    let mut open = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        open.push(file);
    }
    assert!(open.len() < 64, "the limit holds");
    for tries in 1..=5 {
        assert_eq!(failure(transport.send(request()).await), (Kind::Connect, false));
        assert_eq!(asked.load(Ordering::SeqCst), tries);
    }
    // Where only one is left, it is the connection's own.
    open.truncate(open.len() - 2);
    assert_eq!(transport.send(request()).await.unwrap().body(), "here");
    assert_eq!((peer.connections(), peer.requests()), (1, 1));
}
