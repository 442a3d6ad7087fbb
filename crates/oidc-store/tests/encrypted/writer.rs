//! Somebody who can write to the store, and has no key.

use std::sync::Arc;

use oidc_core::{MemoryStore, Payload, StoreErrorKind, TokenStore};
use oidc_store::Encrypted;

use crate::keys::{Store, found, hold, key, log_in, payload, ring};

fn store() -> (Arc<MemoryStore>, Store) {
    let memory = Arc::new(MemoryStore::new());
    (memory.clone(), Encrypted::new(memory, ring(&[1])))
}

/// What the store itself has.
async fn sealed(memory: &MemoryStore, client: &str) -> Payload {
    memory.load(&key(client)).await.unwrap().unwrap().payload.unwrap()
}

// CRY-01, LEA-08
#[tokio::test]
async fn the_store_sees_nothing_of_a_payload_but_its_length() {
    let (memory, store) = store();
    log_in(&store, &key("app"), "canary canary canary").await;
    let first = sealed(&memory, "app").await;
    assert!(!String::from_utf8_lossy(first.as_bytes()).contains("canary"));
    log_in(&store, &key("app"), "canary canary canary").await;
    let second = sealed(&memory, "app").await;
    assert_eq!(first.as_bytes().len(), second.as_bytes().len());
    let same = first.as_bytes().iter().zip(second.as_bytes()).skip(17).filter(|(a, b)| a == b).count();
    assert!(same < 10, "no two are alike: {same} bytes are");
}

// CRY-01, STO-12
#[tokio::test]
async fn a_payload_is_good_for_its_login_and_its_revision_only() {
    let (memory, store) = store();
    let revision = log_in(&store, &key("alice"), "alice's").await;
    let alices = sealed(&memory, "alice").await;

    // In another login's place, even with the same revision.
    memory.put(&key("mallory"), None, revision.tag, alices.clone()).await.unwrap();
    assert_eq!(memory.load(&key("mallory")).await.unwrap().unwrap().revision, revision);
    assert_eq!(found(&store, &key("mallory")).await, Err(StoreErrorKind::Corrupt));

    // An earlier one in a later place.
    let lease = hold(&store, &key("alice")).await;
    store.commit(&key("alice"), &lease, payload("newer")).await.unwrap();
    let lease = hold(&*memory, &key("alice")).await;
    memory.commit(&key("alice"), &lease, alices).await.unwrap();
    assert_eq!(found(&store, &key("alice")).await, Err(StoreErrorKind::Corrupt));
}

// CRY-01, STO-07
#[tokio::test]
async fn every_changed_bit_and_every_cut_is_noticed() {
    let (memory, store) = store();
    let revision = log_in(&store, &key("app"), "t").await;
    let whole = sealed(&memory, "app").await.as_bytes().to_vec();
    let flipped = (0..whole.len() * 8).map(|bit| {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let cut = (0..whole.len()).map(|end| whole[..end].to_vec());
    let read = async |bytes: &[u8]| {
        // In the place that it was made for.
        let place = Arc::new(MemoryStore::new());
        place.put(&key("app"), None, revision.tag, Payload::new(bytes.to_vec())).await.unwrap();
        let store: Store = Encrypted::new(place, ring(&[1]));
        found(&store, &key("app")).await
    };
    assert_eq!(read(&whole).await, Ok(payload("t")));
    for bytes in flipped.chain(cut) {
        let kind = read(&bytes).await.unwrap_err();
        let expected = [StoreErrorKind::Corrupt, StoreErrorKind::KeyUnavailable, StoreErrorKind::Version];
        assert!(expected.contains(&kind), "{kind:?}: {bytes:?}");
    }
}

// CRY-09
#[tokio::test]
async fn a_plain_payload_is_damage_unless_it_is_allowed_and_is_encrypted_when_it_is_written() {
    let (memory, store) = store();
    log_in(&*memory, &key("app"), "plain").await;
    assert_eq!(found(&store, &key("app")).await, Err(StoreErrorKind::Corrupt));
    let migrating: Store = Encrypted::new(memory.clone(), ring(&[1])).accept_plain();
    assert_eq!(found(&migrating, &key("app")).await, Ok(payload("plain")));
    let lease = hold(&migrating, &key("app")).await;
    migrating.commit(&key("app"), &lease, payload("newer")).await.unwrap();
    assert_eq!(found(&store, &key("app")).await, Ok(payload("newer")));
}
