//! Payloads that only those can read who have the key.

mod key;
mod seal;

use std::time::Duration;

use async_trait::async_trait;
use oidc_core::{
    KeyId, Payload, StoreError, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, WriteId},
};

pub use self::key::{EncryptionKey, KeyRing};
use self::seal::{open, seal};

/// Encrypts what another store keeps.
///
/// ```
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use oidc_store::{Encrypted, EncryptionKey, FileStore, KeyRing};
///
/// let keys = KeyRing::new(EncryptionKey::from_env("MY_TOOL_KEY")?);
/// let store = Encrypted::new(FileStore::new("/home/alice/.local/state/my-tool/logins"), keys);
/// # Ok(())
/// # }
/// ```
///
/// **What is protected.** The payload, which holds all tokens, with AES-256-GCM-SIV and a random nonce (RFC 8452). The login and the
/// revision are authenticated with it: whoever can write to the store cannot put a payload in the place of another login's, or in
/// that of another revision, unnoticed. They can still delete records, sign out, block refreshes, or bring a whole record back as it
/// was; the last is noticed by processes that remember a later revision. Keys are hashes of who is logged in; the rest of a record
/// (revision, claim, doubt) is in the clear, because the store works with it.
///
/// **Keys.** New payloads are encrypted with the first key of the [`KeyRing`], old ones are read with any of it. To change the
/// key, put a new one in front and keep the old one: a login changes to the new key when it is next refreshed. A payload whose key is not
/// in the ring is [`StoreErrorKind::KeyUnavailable`](oidc_core::StoreErrorKind::KeyUnavailable), never "nobody is logged in", and is not overwritten.
///
/// **Damage** is [`StoreErrorKind::Corrupt`](oidc_core::StoreErrorKind::Corrupt), and so is a payload that is not encrypted, unless
/// [`accept_plain`](Self::accept_plain) allows those for the time of a migration.
#[derive(Debug)]
pub struct Encrypted<S> {
    inner: S,
    keys: KeyRing,
    plain: bool,
}

impl<S: TokenStore> Encrypted<S> {
    /// Encrypts what `inner` keeps.
    pub fn new(inner: S, keys: KeyRing) -> Self {
        Self { inner, keys, plain: false }
    }

    /// Reads payloads that are not encrypted, too: for a store that was used without encryption before. They are encrypted when
    /// they are next written. Until this is taken away again, whoever can write to the store can put in payloads of their own.
    #[must_use]
    pub fn accept_plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// The store inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    fn read(&self, key: &KeyId, mut record: Record) -> Result<Record, StoreError> {
        if let Some(sealed) = &record.payload {
            record.payload = Some(open(&self.keys, key, record.revision, sealed, self.plain)?);
        }
        Ok(record)
    }
}

#[async_trait]
impl<S: TokenStore> TokenStore for Encrypted<S> {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        let record = self.inner.load(key).await?;
        record.map(|record| self.read(key, record)).transpose()
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        let revision = expected.unwrap_or(Revision::ABSENT).next(id);
        let sealed = seal(&self.keys, key, revision, &payload)?;
        Ok(match self.inner.put(key, expected, id, sealed).await? {
            Put::Done(revision) => Put::Done(revision),
            Put::Superseded { current } => Put::Superseded { current: self.read(key, current)? },
        })
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        let read = |record| self.read(key, record);
        Ok(match self.inner.begin(key, seen, attempt, ttl).await? {
            Begin::Held { record, lease, doubt } => Begin::Held { record: read(record)?, lease, doubt },
            Begin::Newer { record } => Begin::Newer { record: read(record)? },
            Begin::Busy { record, retry_in } => Begin::Busy { record: read(record)?, retry_in },
            Begin::NotYet { record, retry_in } => Begin::NotYet { record: read(record)?, retry_in },
            Begin::Dead { record, cause } => Begin::Dead { record: read(record)?, cause },
        })
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        self.inner.renew(key, lease, ttl).await
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        let sealed = seal(&self.keys, key, lease.successor(), &payload)?;
        Ok(match self.inner.commit(key, lease, sealed).await? {
            Commit::Done(revision) => Commit::Done(revision),
            Commit::Superseded { current } => Commit::Superseded { current: self.read(key, current)? },
        })
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        self.inner.abandon(key, lease, outcome, retry_in).await
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        self.inner.remove(key, id).await
    }
}
