//! The store of one process that keeps nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{
    Abandon, Begin, Commit, Lease, Payload, Put, Record, Renew, Revision, StoreError, StoreTime, TokenStore,
    WriteId, rules,
};
use crate::{BootTime, Clock, KeyId, SystemClock};

/// Keeps logins in memory: for tests, for tokens that can be had again, and as the reference that every other store
/// is compared with. A restart forgets everything.
#[derive(Debug)]
pub struct MemoryStore {
    rows: Mutex<HashMap<KeyId, Option<Record>>>,
    clock: Arc<dyn Clock>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// An empty store whose leases end by `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { rows: Mutex::default(), clock }
    }

    fn with_row<T>(&self, key: &KeyId, rule: impl FnOnce(&mut Option<Record>, StoreTime) -> T) -> T {
        let since_origin = self.clock.boot().since(BootTime::default());
        let now = StoreTime(0).after(since_origin);
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rule(rows.entry(*key).or_default(), now)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        Ok(self.with_row(key, |row, _| row.clone()))
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        Ok(self.with_row(key, |row, _| rules::put(row, expected, id, payload)))
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        Ok(self.with_row(key, |row, now| rules::begin(row, now, seen, attempt, ttl)))
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        Ok(self.with_row(key, |row, now| rules::renew(row, now, lease, ttl)))
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        Ok(self.with_row(key, |row, _| rules::commit(row, lease, payload)))
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        self.with_row(key, |row, now| rules::abandon(row, now, lease, outcome, retry_in));
        Ok(())
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        Ok(self.with_row(key, |row, _| rules::remove(row, id)))
    }
}
