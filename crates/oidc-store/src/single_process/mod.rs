//! A full token store over a simple one.

mod row;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use oidc_core::{
    Clock, KeyId, Payload, SimpleStore, StoreError, StoreErrorKind, SystemClock, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, StoreTime, WriteId, rules},
};
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use self::row::{Change, Row};
use crate::envelope::{Envelope, Moment};

/// Makes a [`TokenStore`] of a [`SimpleStore`], for tokens that one process uses.
///
/// ```
/// use std::{collections::HashMap, sync::Mutex};
/// use oidc_core::{KeyId, SimpleStore, StoreError};
/// use oidc_store::SingleProcess;
///
/// #[derive(Debug, Default)]
/// struct Notebook(Mutex<HashMap<KeyId, Vec<u8>>>);
///
/// #[async_trait::async_trait]
/// impl SimpleStore for Notebook {
///     async fn load(&self, key: &KeyId) -> Result<Option<Vec<u8>>, StoreError> {
///         Ok(self.0.lock().unwrap().get(key).cloned())
///     }
///
///     async fn save(&self, key: &KeyId, bytes: &[u8]) -> Result<(), StoreError> {
///         self.0.lock().unwrap().insert(*key, bytes.to_vec());
///         Ok(())
///     }
///
///     async fn remove(&self, key: &KeyId) -> Result<(), StoreError> {
///         self.0.lock().unwrap().remove(key);
///         Ok(())
///     }
/// }
///
/// let store = SingleProcess::new(Notebook::default());
/// ```
///
/// **One process.** Each value of this type is an instance with a name of its own, and every record that it
/// saves carries that name. A record that somebody else wrote after this instance had seen it, or that
/// somebody removed, is [`StoreErrorKind::Conflict`] from then on, for this record and until the program
/// starts anew; nothing is overwritten. This finds mistakes, such as two processes on one directory. It does
/// not make them harmless: between two processes there is no lock. Clones are one instance.
///
/// **Restart.** What an earlier instance left is taken over when it is first looked at. Its claim counts as
/// run out: a refresh that was under way when the program ended leaves doubt behind, as the rules of the
/// contract say. Leases end with their instance and are not saved when they are prolonged. Of a back-off
/// there is left what the wall clock says.
///
/// **Signing out** removes what is saved. The tombstone that late answers meet stays in memory as long as
/// this instance: no other process may hold an older revision, and when the program ends, so do all leases
/// and requests that could bring an answer.
///
/// **Damage.** Bytes that are not what was saved, or were saved for another login, are
/// [`StoreErrorKind::Corrupt`] in every operation; they are neither overwritten nor removed. Whoever wants to
/// log in again there removes them from the simple store.
///
/// **Cancellation.** Each operation runs in a task of its own on the current tokio runtime, so that one whose
/// caller went away is finished before the next one for the same login begins. The simple store is never
/// called twice at a time for one login, and none of its futures is dropped but by the end of the runtime.
/// Without a runtime every operation is [`StoreErrorKind::Unavailable`].
///
/// Each operation reads once and writes at most once. For each login that it has seen, an instance keeps less
/// than 400 bytes in memory.
pub struct SingleProcess<S>(Arc<Inner<S>>);

struct Inner<S> {
    simple: S,
    clock: Arc<dyn Clock>,
    instance: WriteId,
    rows: Mutex<HashMap<KeyId, Arc<tokio::sync::Mutex<Row>>>>,
}

impl<S: SimpleStore> SingleProcess<S> {
    /// A new instance over `simple`.
    pub fn new(simple: S) -> Self {
        Self::with_clock(simple, Arc::new(SystemClock::new()))
    }

    /// A new instance whose leases end by `clock`.
    pub fn with_clock(simple: S, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { simple, clock, instance: WriteId::random(), rows: Mutex::default() }))
    }

    /// The simple store.
    pub fn get_ref(&self) -> &S {
        &self.0.simple
    }

    /// Applies a rule to a record where nobody cancels it.
    async fn apply<T: Send + 'static>(
        &self,
        key: &KeyId,
        rule: impl FnOnce(&mut Option<Record>, StoreTime) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let unavailable = |error| StoreError::new(StoreErrorKind::Unavailable).with_source(error);
        let runtime = Handle::try_current().map_err(|error| unavailable(error.to_string()))?;
        let (inner, key) = (Arc::clone(&self.0), *key);
        let done = runtime.spawn(async move { inner.apply(&key, rule).await }).await;
        // A panic of the simple store, or the end of the runtime.
        done.unwrap_or_else(|error| Err(unavailable(error.to_string())))
    }
}

impl<S: SimpleStore> Inner<S> {
    async fn apply<T>(
        &self,
        key: &KeyId,
        rule: impl FnOnce(&mut Option<Record>, StoreTime) -> T,
    ) -> Result<T, StoreError> {
        let row = self.row(key);
        let mut row = row.lock().await;
        let saved = self.simple.load(key).await?.map(Zeroizing::new);
        let now = Moment::now(&*self.clock);
        let before = row.read(key, self.instance, now, saved.as_ref().map(|bytes| bytes.as_slice()))?;
        let mut after = before.clone();
        let outcome = rule(&mut after, now.store);
        let change = row.change(before.as_ref(), after.as_ref());
        match (change, &after) {
            (Change::Save, Some(record)) => {
                self.simple.save(key, &Envelope::seal(key, self.instance, now, record)).await?;
            }
            (Change::Remove, _) => self.simple.remove(key).await?,
            (Change::Save | Change::Nothing, _) => {}
        }
        row.changed(change);
        Ok(outcome)
    }

    fn row(&self, key: &KeyId) -> Arc<tokio::sync::Mutex<Row>> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(rows.entry(*key).or_default())
    }
}

#[async_trait]
impl<S: SimpleStore> TokenStore for SingleProcess<S> {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        self.apply(key, |row, _| row.clone()).await
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        self.apply(key, move |row, _| rules::put(row, expected, id, payload)).await
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        self.apply(key, move |row, now| rules::begin(row, now, seen, attempt, ttl)).await
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        let lease = *lease;
        self.apply(key, move |row, now| rules::renew(row, now, &lease, ttl)).await
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        let lease = *lease;
        self.apply(key, move |row, _| rules::commit(row, &lease, payload)).await
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        let lease = *lease;
        self.apply(key, move |row, now| rules::abandon(row, now, &lease, outcome, retry_in)).await
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        self.apply(key, move |row, _| rules::remove(row, id)).await
    }
}

impl<S> Clone for SingleProcess<S> {
    /// The same instance.
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: fmt::Debug> fmt::Debug for SingleProcess<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleProcess").field("simple", &self.0.simple).finish_non_exhaustive()
    }
}
