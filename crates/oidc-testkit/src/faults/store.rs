//! A store that fails before or after it did what was asked.

use std::time::Duration;

use async_trait::async_trait;
use oidc_core::{
    KeyId, Payload, StoreError, StoreErrorKind, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, WriteId},
};

use super::script::Script;

/// Hands everything to another store, and fails where the script says so.
///
/// ```
/// use oidc_core::{MemoryStore, StoreErrorKind};
/// use oidc_testkit::{FaultStore, StoreFault, StoreOperation};
///
/// let store = FaultStore::new(MemoryStore::new());
/// // The next commit is done, but whoever asked for it never learns.
/// store.fail_next(StoreOperation::Commit, StoreFault::After(StoreErrorKind::Unavailable));
/// ```
#[derive(Debug)]
pub struct FaultStore<S> {
    inner: S,
    script: Script<StoreOperation, StoreFault>,
}

/// An operation of [`TokenStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreOperation {
    /// [`TokenStore::load`].
    Load,
    /// [`TokenStore::put`].
    Put,
    /// [`TokenStore::begin`].
    Begin,
    /// [`TokenStore::renew`].
    Renew,
    /// [`TokenStore::commit`].
    Commit,
    /// [`TokenStore::abandon`].
    Abandon,
    /// [`TokenStore::remove`].
    Remove,
}

/// What goes wrong with one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFault {
    /// It is not done, and fails.
    Before(StoreErrorKind),
    /// It is done, and fails: the ambiguous error of a connection that broke before the answer.
    After(StoreErrorKind),
    /// It is not done, and the store panics, without a message on standard error.
    Panic,
}

impl<S> FaultStore<S> {
    /// Wraps `inner`; without a script everything passes.
    pub fn new(inner: S) -> Self {
        Self { inner, script: Script::new() }
    }

    /// Lets the operation with this number fail, counted from 1 over all operations in the life of the store.
    pub fn fail_nth(&self, number: u64, fault: StoreFault) {
        self.script.fail_nth(number, fault);
    }

    /// Lets the next such operation fail. Called several times: the next ones, in this order.
    pub fn fail_next(&self, operation: StoreOperation, fault: StoreFault) {
        self.script.fail_next(operation, fault);
    }

    /// How often this operation was asked for.
    pub fn count(&self, operation: StoreOperation) -> u64 {
        self.script.count(operation)
    }

    /// How many operations were asked for.
    pub fn total(&self) -> u64 {
        self.script.total()
    }

    /// How many faults still wait for their operation.
    pub fn pending_faults(&self) -> usize {
        self.script.pending()
    }

    /// The inner store.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    async fn run<T>(
        &self,
        operation: StoreOperation,
        done: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match self.script.enter(operation) {
            Some(StoreFault::Before(kind)) => Err(StoreError::new(kind)),
            Some(StoreFault::After(kind)) => done.await.and(Err(StoreError::new(kind))),
            Some(StoreFault::Panic) => std::panic::resume_unwind(Box::new("a fault on request")),
            None => done.await,
        }
    }
}

#[async_trait]
impl<S: TokenStore> TokenStore for FaultStore<S> {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        self.run(StoreOperation::Load, self.inner.load(key)).await
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        self.run(StoreOperation::Put, self.inner.put(key, expected, id, payload)).await
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        self.run(StoreOperation::Begin, self.inner.begin(key, seen, attempt, ttl)).await
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        self.run(StoreOperation::Renew, self.inner.renew(key, lease, ttl)).await
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        self.run(StoreOperation::Commit, self.inner.commit(key, lease, payload)).await
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        self.run(StoreOperation::Abandon, self.inner.abandon(key, lease, outcome, retry_in)).await
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        self.run(StoreOperation::Remove, self.inner.remove(key, id)).await
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use futures_util::FutureExt;
    use oidc_core::{Issuer, MemoryStore, Subject, TokenKey};

    use super::*;

    fn key() -> KeyId {
        TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::App).id()
    }

    async fn put(store: &FaultStore<MemoryStore>, id: WriteId) -> Result<Put, StoreError> {
        store.put(&key(), None, id, Payload::new(b"tokens".to_vec())).await
    }

    #[tokio::test]
    async fn a_fault_before_leaves_nothing_behind() {
        let store = FaultStore::new(MemoryStore::new());
        store.fail_next(StoreOperation::Put, StoreFault::Before(StoreErrorKind::Full));
        let error = put(&store, WriteId::random()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full);
        assert_eq!(store.load(&key()).await.unwrap().and_then(|record| record.payload), None);
    }

    #[tokio::test]
    async fn a_panic_leaves_a_store_that_works() {
        let store = FaultStore::new(MemoryStore::new());
        store.fail_next(StoreOperation::Put, StoreFault::Panic);
        let id = WriteId::random();
        assert!(AssertUnwindSafe(put(&store, id)).catch_unwind().await.is_err());
        assert!(matches!(put(&store, id).await.unwrap(), Put::Done(_)));
    }

    #[tokio::test]
    async fn a_fault_after_hides_what_was_done() {
        let store = FaultStore::new(MemoryStore::new());
        store.fail_nth(1, StoreFault::After(StoreErrorKind::Unavailable));
        let id = WriteId::random();
        assert!(put(&store, id).await.unwrap_err().kind().is_transient());
        assert!(matches!(put(&store, id).await.unwrap(), Put::Superseded { current } if current.login == id));
        assert_eq!((store.count(StoreOperation::Put), store.total(), store.pending_faults()), (2, 2, 0));
    }
}
