//! Keys that come and go.

use std::sync::Arc;

use oidc_core::{
    Issuer, KeyId, MemoryStore, Payload, StoreErrorKind, Subject, TokenKey, TokenStore,
    store::{Begin, Lease, Put, Revision, WriteId},
};
use oidc_store::{Encrypted, EncryptionKey, KeyRing};

pub(crate) type Store = Encrypted<Arc<MemoryStore>>;

fn encryption_key(number: u8) -> EncryptionKey {
    let mut bytes = [number; 32];
    bytes[0] = 0xff;
    EncryptionKey::from_bytes(&bytes).unwrap()
}

/// The keys with these numbers, the current one first.
pub(crate) fn ring(numbers: &[u8]) -> KeyRing {
    let (first, earlier) = numbers.split_first().unwrap();
    let ring = KeyRing::new(encryption_key(*first));
    earlier.iter().fold(ring, |ring, number| ring.with_earlier(encryption_key(*number)))
}

pub(crate) fn key(client: &str) -> KeyId {
    TokenKey::new(Issuer::new("https://id.example").unwrap(), client, Subject::App).id()
}

pub(crate) fn payload(text: &str) -> Payload {
    Payload::new(text.as_bytes().to_vec())
}

pub(crate) async fn log_in(store: &impl TokenStore, key: &KeyId, text: &str) -> Revision {
    let expected = store.load(key).await.unwrap().map(|record| record.revision);
    match store.put(key, expected, WriteId::random(), payload(text)).await.unwrap() {
        Put::Done(revision) => revision,
        Put::Superseded { current } => panic!("{current:?}"),
    }
}

pub(crate) async fn hold(store: &impl TokenStore, key: &KeyId) -> Lease {
    match store.begin(key, None, WriteId::random(), std::time::Duration::from_secs(3)).await.unwrap() {
        Begin::Held { lease, .. } => lease,
        other => panic!("{other:?}"),
    }
}

/// The payload as it is found, or why it is not.
pub(crate) async fn found(store: &impl TokenStore, key: &KeyId) -> Result<Payload, StoreErrorKind> {
    let record = store.load(key).await.map_err(|error| error.kind())?;
    Ok(record.unwrap().payload.unwrap())
}

// CRY-03
#[tokio::test]
async fn a_login_moves_to_the_new_key_when_it_is_next_written() {
    let (memory, key) = (Arc::new(MemoryStore::new()), key("app"));
    let with = |numbers: &[u8]| -> Store { Encrypted::new(memory.clone(), ring(numbers)) };
    log_in(&with(&[1]), &key, "tokens").await;
    let both = with(&[2, 1]);
    assert_eq!(found(&both, &key).await, Ok(payload("tokens")));
    assert_eq!(found(&with(&[2]), &key).await, Err(StoreErrorKind::KeyUnavailable), "not written yet");
    let lease = hold(&both, &key).await;
    both.commit(&key, &lease, payload("newer")).await.unwrap();
    assert_eq!(found(&with(&[2]), &key).await, Ok(payload("newer")));
    assert_eq!(found(&with(&[1]), &key).await, Err(StoreErrorKind::KeyUnavailable));
}

// CRY-03, CRY-04
#[tokio::test]
async fn without_the_key_nobody_is_logged_out_and_nothing_is_overwritten() {
    let (memory, key) = (Arc::new(MemoryStore::new()), key("app"));
    let store: Store = Encrypted::new(memory.clone(), ring(&[1]));
    log_in(&store, &key, "tokens").await;
    let wrong: Store = Encrypted::new(memory, ring(&[2, 3]));
    let revision = Revision::ABSENT;
    let lease = Lease { attempt: WriteId::random(), base: revision };
    let kinds = [
        wrong.load(&key).await.map(drop),
        wrong.put(&key, None, WriteId::random(), payload("x")).await.map(drop),
        wrong.begin(&key, None, WriteId::random(), std::time::Duration::ZERO).await.map(drop),
        wrong.commit(&key, &lease, payload("x")).await.map(drop),
    ]
    .map(|result| result.unwrap_err().kind());
    assert_eq!(kinds, [StoreErrorKind::KeyUnavailable; 4]);
    assert_eq!(found(&store, &key).await, Ok(payload("tokens")));
}
