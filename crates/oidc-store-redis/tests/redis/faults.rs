//! Servers that go away, forget, fill up and refuse.

use std::time::Duration;

use oidc_core::{
    Issuer, KeyId, Payload, StoreErrorKind, Subject, TokenKey, TokenStore,
    store::{Begin, Put, WriteId},
};

use crate::server::Server;

fn key() -> KeyId {
    TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::App).id()
}

fn payload(text: &str) -> Payload {
    Payload::new(text.as_bytes().to_vec())
}

async fn log_in(store: &impl TokenStore) {
    let put = store.put(&key(), None, WriteId::random(), payload("canary")).await.unwrap();
    assert!(matches!(put, Put::Done(_)));
}

async fn kind(store: &impl TokenStore) -> Option<StoreErrorKind> {
    store.begin(&key(), None, WriteId::random(), Duration::ZERO).await.err().map(|error| error.kind())
}

// RED-05
#[tokio::test]
async fn a_script_that_the_server_has_forgotten_is_sent_again() {
    let server = Server::start(&[]).await;
    let store = server.store().build().unwrap();
    log_in(&store).await;
    server.cli(&["script", "flush"]);
    assert_eq!(kind(&store).await, None);
}

// RED-05, STO-06
#[tokio::test]
async fn a_server_that_goes_away_is_a_fault_and_one_that_comes_back_is_used() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let store = server.store().timeout(Duration::from_millis(500)).build().unwrap();
    log_in(&store).await;
    server.kill();
    assert_eq!(kind(&store).await, Some(StoreErrorKind::Unavailable));
    assert_eq!(kind(&store).await, Some(StoreErrorKind::Unavailable));
    server.restart().await;
    for _ in 0..100 {
        if let Ok(record) = store.load(&key()).await {
            assert_eq!(record.unwrap().payload, Some(payload("canary")), "what was acknowledged is there");
            return;
        }
    }
    panic!("the server is back, and the store is not");
}

// RED-05
#[tokio::test]
async fn every_refusal_of_the_server_has_its_kind() {
    let server = Server::start(&[]).await;
    let store = server.store().build().unwrap();
    log_in(&store).await;
    let name = server.cli(&["keys", "*"]);

    server.cli(&["config", "set", "maxmemory", "1"]);
    assert_eq!(kind(&store).await, Some(StoreErrorKind::Full));
    assert!(store.load(&key()).await.is_ok(), "reading needs no room");
    server.cli(&["config", "set", "maxmemory", "0"]);

    server.cli(&["replicaof", "127.0.0.1", "1"]);
    assert_eq!(kind(&store).await, Some(StoreErrorKind::Unavailable), "a replica");
    server.cli(&["replicaof", "no", "one"]);
    assert_eq!(kind(&store).await, None);

    server.cli(&["hset", name.trim(), "deadline", "nonsense"]);
    assert_eq!(store.load(&key()).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    server.cli(&["set", name.trim(), "something else"]);
    assert_eq!(store.load(&key()).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
}

// RED-05, LEA-04
#[tokio::test]
async fn a_password_opens_the_server_and_is_in_no_error() {
    let server = Server::start(&["--requirepass", "secret-canary"]).await;
    for (password, fine) in [("secret-canary", true), ("wrong-canary", false)] {
        let url = server.url().replace("//", &format!("//:{password}@"));
        let store = oidc_store_redis::RedisStore::builder(&url).build().unwrap();
        match store.load(&key()).await {
            Ok(found) => assert!(found.is_none() && fine),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                assert!(!fine && !format!("{error:#?} {error}").contains("canary"), "{error:?}");
            }
        }
    }
}

// RED-08
#[cfg(feature = "tls")]
#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_gets_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key_file, made.signing_key.serialize_pem()).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (port, cert, key_file) = (free.to_string(), cert.to_str().unwrap(), key_file.to_str().unwrap());
    let settings = ["--tls-port", &port, "--tls-cert-file", cert, "--tls-key-file", key_file];
    let server =
        Server::start(&[&settings[..], &["--tls-auth-clients", "no", "--tls-ca-cert-file", cert]].concat())
            .await;
    let said = server.cli(&["acl", "log", "reset"]);
    assert_eq!(said.trim(), "OK");
    let url = format!("rediss://:secret-canary@127.0.0.1:{free}");
    let store = oidc_store_redis::RedisStore::builder(&url).build().unwrap();
    let error = store.load(&key()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!format!("{error:#?}").contains("canary"));
    assert_eq!(server.cli(&["acl", "log"]).trim(), "", "nobody tried a password");
}

// RED-02
#[tokio::test]
async fn a_write_that_no_replica_confirms_is_not_taken_for_done() {
    let server = Server::start(&["--repl-diskless-sync-delay", "0"]).await;
    let patience = Duration::from_millis(50);
    let store = server.store().wait_replicas(1, patience).build().unwrap();
    let id = WriteId::random();
    let error = store.put(&key(), None, id, payload("tokens")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    // It is there, and the same login finds itself.
    match store.put(&key(), None, id, payload("tokens")).await {
        Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
        Ok(put) => panic!("{put:?}"),
    }
    assert_eq!(store.load(&key()).await.unwrap().unwrap().login, id);

    let replica = Server::start(&["--replicaof", "127.0.0.1", &server.port().to_string()]).await;
    let patient = server.store().wait_replicas(1, Duration::from_secs(5)).timeout(Duration::from_secs(6));
    let held = patient.build().unwrap().begin(&key(), None, WriteId::random(), Duration::ZERO).await;
    assert!(matches!(held, Ok(Begin::Held { .. })), "{held:?}");
    assert!(replica.cli(&["keys", "*"]).contains(&key().to_string()), "the replica has it");
}

// RED-04
#[tokio::test]
async fn only_tombstones_expire_and_only_if_they_are_told_to() {
    let server = Server::start(&[]).await;
    let store = server.store().keep_tombstones(Duration::from_secs(7_200)).build().unwrap();
    let ttl = || server.cli(&["ttl", server.cli(&["keys", "*"]).trim()]).trim().parse::<i64>().unwrap();
    log_in(&store).await;
    assert_eq!(ttl(), -1);
    store.remove(&key(), WriteId::random()).await.unwrap();
    assert!((7_000..=7_200).contains(&ttl()));
    let Ok(Begin::Held { lease, .. }) = store.begin(&key(), None, WriteId::random(), Duration::ZERO).await
    else {
        panic!("the lease is free");
    };
    store.commit(&key(), &lease, payload("again")).await.unwrap();
    assert_eq!(ttl(), -1, "a login again");
}
