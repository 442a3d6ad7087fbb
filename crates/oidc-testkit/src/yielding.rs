//! More moments at which a call can be dropped.

use std::{future::Future, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use oidc_core::{
    Grant, GrantError, HttpTransport, KeyId, Payload, Secret, SendGate, StoreError, Target, TokenSet,
    TokenStore, TransportError,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, WriteId},
};
use tokio::task::yield_now;

/// Hands everything to a [`TokenStore`], an [`HttpTransport`] or a [`Grant`], and lets others have a few turns before each
/// operation and after it.
///
/// What answers at once leaves no moment at which its caller could be dropped, or somebody else come in between, and so a test with
/// a store in memory misses what happens with one in a network. For [`every_drop`](crate::every_drop), which has an example.
/// Has to run on tokio.
#[derive(Clone, Debug)]
pub struct Yielding<T>(T);

impl<T> Yielding<T> {
    /// How many turns others have before an operation, and again after it.
    pub const TURNS: usize = 3;

    /// Wraps `inner`.
    pub fn new(inner: T) -> Self {
        Self(inner)
    }

    /// What was wrapped.
    pub fn get_ref(&self) -> &T {
        &self.0
    }
}

async fn around<O>(operation: impl Future<Output = O>) -> O {
    turns().await;
    let output = operation.await;
    turns().await;
    output
}

async fn turns() {
    for _ in 0..Yielding::<()>::TURNS {
        yield_now().await;
    }
}

#[async_trait]
impl<T: HttpTransport> HttpTransport for Yielding<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        around(self.0.send(request)).await
    }
}

#[async_trait]
impl<G: Grant> Grant for Yielding<G> {
    fn spends(&self) -> bool {
        self.0.spends()
    }

    async fn prepare(&self) -> Result<(), GrantError> {
        around(self.0.prepare()).await
    }

    async fn obtain(
        &self,
        target: &Target,
        current: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        around(self.0.obtain(target, current, gate)).await
    }

    async fn discard(&self, refresh: &Secret) {
        around(self.0.discard(refresh)).await;
    }
}

#[async_trait]
impl<S: TokenStore> TokenStore for Yielding<S> {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        around(self.0.load(key)).await
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        around(self.0.put(key, expected, id, payload)).await
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        around(self.0.begin(key, seen, attempt, ttl)).await
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        around(self.0.renew(key, lease, ttl)).await
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        around(self.0.commit(key, lease, payload)).await
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        around(self.0.abandon(key, lease, outcome, retry_in)).await
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        around(self.0.remove(key, id)).await
    }
}
