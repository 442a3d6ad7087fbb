//! A simple store in memory that outlives its instances and fails on request.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use oidc_core::{Issuer, KeyId, SimpleStore, StoreError, StoreErrorKind, Subject, TokenKey};
use tokio::sync::Semaphore;

/// Clones are one store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pages: Mutex<HashMap<KeyId, Vec<u8>>>,
    busy: Mutex<HashSet<KeyId>>,
    next_write: Mutex<Option<Fault>>,
    /// Writes wait for a permit each.
    pass: Semaphore,
    writes: Mutex<usize>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            pages: Mutex::default(),
            busy: Mutex::default(),
            next_write: Mutex::default(),
            pass: Semaphore::new(Semaphore::MAX_PERMITS),
            writes: Mutex::default(),
        }
    }
}

/// What happens to the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    FailBefore,
    FailAfter,
    Panic,
}

impl Notes {
    pub(crate) fn page(&self, key: &KeyId) -> Option<Vec<u8>> {
        self.0.pages.lock().unwrap().get(key).cloned()
    }

    pub(crate) fn write(&self, key: &KeyId, bytes: Option<Vec<u8>>) {
        let mut pages = self.0.pages.lock().unwrap();
        match bytes {
            Some(bytes) => pages.insert(*key, bytes),
            None => pages.remove(key),
        };
    }

    pub(crate) fn fail_next_write(&self, fault: Fault) {
        *self.0.next_write.lock().unwrap() = Some(fault);
    }

    pub(crate) fn hold_writes(&self) {
        self.0.pass.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn release_writes(&self) {
        self.0.pass.add_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn writes(&self) -> usize {
        *self.0.writes.lock().unwrap()
    }

    /// Notes that a call for this key begins; at the end of the guard it has ended.
    fn enter(&self, key: &KeyId) -> Call<'_> {
        assert!(self.0.busy.lock().unwrap().insert(*key), "two calls at a time for one key");
        Call { notes: self, key: *key }
    }

    async fn change(&self, key: &KeyId, bytes: Option<Vec<u8>>) -> Result<(), StoreError> {
        let _call = self.enter(key);
        *self.0.writes.lock().unwrap() += 1;
        self.0.pass.acquire().await.unwrap().forget();
        self.0.pass.add_permits(1);
        let fault = self.0.next_write.lock().unwrap().take();
        match fault {
            Some(Fault::FailBefore) => return Err(StoreError::new(StoreErrorKind::Full)),
            Some(Fault::Panic) => panic!("as asked for"),
            Some(Fault::FailAfter) | None => self.write(key, bytes),
        }
        if fault.is_some() { Err(StoreError::new(StoreErrorKind::Unavailable)) } else { Ok(()) }
    }
}

struct Call<'a> {
    notes: &'a Notes,
    key: KeyId,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.notes.0.busy.lock().unwrap().remove(&self.key);
    }
}

#[async_trait]
impl SimpleStore for Notes {
    async fn load(&self, key: &KeyId) -> Result<Option<Vec<u8>>, StoreError> {
        let _call = self.enter(key);
        tokio::task::yield_now().await;
        Ok(self.page(key))
    }

    async fn save(&self, key: &KeyId, bytes: &[u8]) -> Result<(), StoreError> {
        self.change(key, Some(bytes.to_vec())).await
    }

    async fn remove(&self, key: &KeyId) -> Result<(), StoreError> {
        self.change(key, None).await
    }
}

pub(crate) fn key(client: &str) -> KeyId {
    TokenKey::new(Issuer::new("https://id.example").unwrap(), client, Subject::App).id()
}
