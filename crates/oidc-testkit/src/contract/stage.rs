//! What the checks have in common: a store, a login of its own, and short words for the operations.

use std::{fmt, sync::Arc, time::Duration};

use oidc_core::{
    Issuer, KeyId, Payload, StoreError, Subject, TokenKey, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, WriteId},
};

use super::{Sharing, StorePlace};

/// A lease that does not end while a check runs.
pub(super) const LONG: Duration = Duration::from_secs(3_600);

/// A lease that has ended when it is taken.
pub(super) const ENDED: Duration = Duration::ZERO;

/// A store in its place, and one login.
#[derive(Clone)]
pub(super) struct Stage {
    place: Arc<dyn StorePlace>,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) key: KeyId,
}

impl Stage {
    pub(super) async fn open(place: Arc<dyn StorePlace>) -> Self {
        Self { store: place.open().await, place, key: key("the one") }
    }

    /// The same store, for another login.
    pub(super) fn of(&self, client: &str) -> Self {
        Self { key: key(client), ..self.clone() }
    }

    /// Another instance over the same place; this one where there can only be one at a time.
    pub(super) async fn beside(&self) -> Self {
        if self.place.sharing() < Sharing::Processes {
            return self.clone();
        }
        Self { store: self.place.open().await, ..self.clone() }
    }

    /// The place after this instance has ended; nothing where everything ends with it.
    pub(super) async fn reopened(self) -> Option<Self> {
        let Self { place, store, key } = self;
        if place.sharing() == Sharing::Instance {
            return None;
        }
        drop(store);
        Some(Self { store: place.open().await, place, key })
    }

    pub(super) fn is_shared(&self) -> bool {
        self.place.sharing() == Sharing::Processes
    }

    pub(super) async fn pass(&self, time: Duration) {
        self.place.pass(time).await;
    }

    /// The record; that of nobody where there is none.
    pub(super) async fn record(&self) -> Record {
        ok(self.store.load(&self.key).await).unwrap_or_default()
    }

    pub(super) async fn put(&self, expected: Option<Revision>, id: WriteId, text: &str) -> Put {
        ok(self.store.put(&self.key, expected, id, payload(text)).await)
    }

    /// Starts a login, whatever is there.
    pub(super) async fn log_in(&self, text: &str) -> Revision {
        let expected = self.record().await.revision;
        match self.put(Some(expected), WriteId::random(), text).await {
            Put::Done(revision) => revision,
            Put::Superseded { current } => panic!("nobody else writes, and yet there is {current:?}"),
        }
    }

    pub(super) async fn begin(&self, seen: Option<Revision>, attempt: WriteId, ttl: Duration) -> Begin {
        ok(self.store.begin(&self.key, seen, attempt, ttl).await)
    }

    /// Takes the lease with an attempt of its own, for `ttl`. Says whether the refresh token is in doubt.
    pub(super) async fn hold(&self, ttl: Duration) -> (Lease, bool) {
        match self.begin(None, WriteId::random(), ttl).await {
            Begin::Held { lease, doubt, .. } => (lease, doubt),
            other => panic!("the lease is free, and yet: {other:?}"),
        }
    }

    pub(super) async fn renew(&self, lease: &Lease, ttl: Duration) -> Renew {
        ok(self.store.renew(&self.key, lease, ttl).await)
    }

    pub(super) async fn commit(&self, lease: &Lease, text: &str) -> Commit {
        ok(self.store.commit(&self.key, lease, payload(text)).await)
    }

    pub(super) async fn abandon(&self, lease: &Lease, outcome: Abandon, retry_in: Option<Duration>) {
        ok(self.store.abandon(&self.key, lease, outcome, retry_in).await);
    }

    pub(super) async fn remove(&self, id: WriteId) -> Revision {
        ok(self.store.remove(&self.key, id).await)
    }
}

pub(super) fn key(client: &str) -> KeyId {
    let issuer = Issuer::new("https://id.example").unwrap_or_else(|error| panic!("{error}"));
    TokenKey::new(issuer, client, Subject::App).id()
}

pub(super) fn payload(text: &str) -> Payload {
    Payload::new(text.as_bytes().to_vec())
}

/// What an operation that has no reason to fail brings.
pub(super) fn ok<T>(result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| panic!("an operation failed: {error:?}"))
}

/// The text of a record's payload.
pub(super) fn text(record: &Record) -> Option<String> {
    let payload = record.payload.as_ref()?;
    Some(String::from_utf8_lossy(payload.as_bytes()).into_owned())
}

/// That `found` is what the rules say.
#[track_caller]
pub(super) fn same<T: PartialEq + fmt::Debug>(found: T, expected: T, what: &str) {
    assert!(found == expected, "{what}: found {found:?}, expected {expected:?}");
}
