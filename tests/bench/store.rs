//! A store that takes everything and keeps nothing.

use std::time::Duration;

use async_trait::async_trait;
use oidc_core::{
    KeyId, Payload, StoreError, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, WriteId},
};

/// Stands for a database elsewhere, whose memory is not this process's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forgetful;

#[async_trait]
impl TokenStore for Forgetful {
    async fn load(&self, _: &KeyId) -> Result<Option<Record>, StoreError> {
        Ok(None)
    }

    async fn put(
        &self,
        _: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        _: Payload,
    ) -> Result<Put, StoreError> {
        Ok(Put::Done(expected.unwrap_or_default().next(id)))
    }

    async fn begin(
        &self,
        _: &KeyId,
        _: Option<Revision>,
        attempt: WriteId,
        _: Duration,
    ) -> Result<Begin, StoreError> {
        let lease = Lease { attempt, base: Revision::ABSENT };
        Ok(Begin::Held { record: Record::default(), lease, doubt: false })
    }

    async fn renew(&self, _: &KeyId, _: &Lease, _: Duration) -> Result<Renew, StoreError> {
        Ok(Renew::Held)
    }

    async fn commit(&self, _: &KeyId, lease: &Lease, _: Payload) -> Result<Commit, StoreError> {
        Ok(Commit::Done(lease.successor()))
    }

    async fn abandon(&self, _: &KeyId, _: &Lease, _: Abandon, _: Option<Duration>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn remove(&self, _: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        Ok(Revision::ABSENT.next(id))
    }
}
