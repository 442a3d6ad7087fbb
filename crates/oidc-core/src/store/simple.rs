//! The store that takes three methods to write.

use async_trait::async_trait;

use super::StoreError;
use crate::KeyId;

/// Somewhere to keep bytes under a key: all that a program needs whose tokens no other process uses.
///
/// `SingleProcess` in `oidc-store` makes a [`TokenStore`](super::TokenStore) of it: it keeps the leases in the process and never calls two methods
/// for one key at the same time. The bytes are secret, and opaque: they are returned as they were saved.
///
/// When `save` returns `Ok`, the bytes are as durable as this store makes them, and an earlier value is still there if it
/// fails. Dropping a future may leave the operation done or not done, never half done.
#[async_trait]
pub trait SimpleStore: std::fmt::Debug + Send + Sync + 'static {
    /// The bytes last saved under `key`; `None` where there are none.
    ///
    /// # Errors
    /// [`StoreError`] where it is not known whether there are any: never `Ok(None)`, which means "nobody is logged in".
    async fn load(&self, key: &KeyId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces what is saved under `key`.
    ///
    /// # Errors
    /// [`StoreError`] where it may not be saved.
    async fn save(&self, key: &KeyId, bytes: &[u8]) -> Result<(), StoreError>;

    /// Deletes what is saved under `key`, which is how a sign-out is kept; fine where there is nothing.
    ///
    /// # Errors
    /// [`StoreError`] where it may still be there.
    async fn remove(&self, key: &KeyId) -> Result<(), StoreError>;
}
