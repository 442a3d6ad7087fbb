//! The store of one run, and what a process sees of it and of the wire until it dies.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use oidc_core::{
    HttpTransport, KeyId, Payload, StoreError, TokenStore, TransportError,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, WriteId},
};
use oidc_testkit::FaultStore;

use crate::{flaw::Flaw, wire::Wire};

/// Store and wire of one run, which all its processes share, and a count of what is under way in them.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) store: FaultStore<Arc<dyn TokenStore>>,
    pub(crate) wire: Wire,
    pub(crate) flaw: Flaw,
    pub(crate) in_flight: AtomicUsize,
    /// Whether the process dies to which the fault happens.
    pub(crate) is_deadly: AtomicBool,
}

impl Shelf {
    pub(crate) fn new(store: Arc<dyn TokenStore>, wire: Wire, flaw: Flaw) -> Self {
        let (in_flight, is_deadly) = Default::default();
        Self { store: FaultStore::new(store), wire, flaw, in_flight, is_deadly }
    }

    /// Whether the operation that is to fail has come.
    pub(crate) fn met(&self) -> bool {
        self.store.pending_faults() == 0 && self.wire.faults.pending_faults() == 0
    }
}

/// What one process sees of them. Once it is dead it does nothing any more and learns nothing, and what it began goes on.
#[derive(Clone, Debug)]
pub(crate) struct Outlet {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) is_dead: Arc<AtomicBool>,
}

impl Outlet {
    async fn alive<T>(&self, operation: impl Future<Output = T>) -> T {
        if self.is_dead.load(SeqCst) {
            pending::<()>().await;
        }
        let counted = Counted::new(&self.shelf.in_flight);
        let done = operation.await;
        drop(counted);
        if self.shelf.is_deadly.load(SeqCst) && self.shelf.met() {
            self.is_dead.store(true, SeqCst);
        }
        if self.is_dead.load(SeqCst) {
            pending::<()>().await;
        }
        done
    }
}

#[async_trait]
impl HttpTransport for Outlet {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.alive(self.shelf.wire.send(request)).await
    }
}

#[async_trait]
impl TokenStore for Outlet {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        let loaded = self.alive(self.shelf.store.load(key)).await;
        if self.shelf.flaw == Flaw::ReadsNothing { loaded.or(Ok(None)) } else { loaded }
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        if self.shelf.flaw == Flaw::DropsLogins {
            return Ok(Put::Done(expected.unwrap_or_default().next(id)));
        }
        self.alive(self.shelf.store.put(key, expected, id, payload)).await
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        self.alive(self.shelf.store.begin(key, seen, attempt, ttl)).await
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        self.alive(self.shelf.store.renew(key, lease, ttl)).await
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        if self.shelf.flaw == Flaw::DropsCommits {
            return Ok(Commit::Done(lease.successor()));
        }
        self.alive(self.shelf.store.commit(key, lease, payload)).await
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        self.alive(self.shelf.store.abandon(key, lease, outcome, retry_in)).await
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        if self.shelf.flaw == Flaw::DropsSignOuts {
            return Ok(Revision::default().next(id));
        }
        self.alive(self.shelf.store.remove(key, id)).await
    }
}

/// Counts what is under way, also where it panics or is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
