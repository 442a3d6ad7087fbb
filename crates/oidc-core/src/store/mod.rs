//! The contract of a token store.

mod codec;
mod error;
mod memory;
mod record;
pub mod rules;
mod simple;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

pub use self::{
    codec::RecordError,
    error::{StoreError, StoreErrorKind},
    memory::MemoryStore,
    record::{Claim, Lease, Payload, Record, Revision, StoreTime, WriteId},
    simple::SimpleStore,
};
use crate::{Cause, KeyId};

/// Keeps logins, and makes refreshing one a transaction that tasks, processes and machines share.
///
/// Spending a refresh token is a side effect on somebody else's server that cannot be undone. So a refresh is
/// [`begin`](Self::begin), the request to the provider, [`commit`](Self::commit): two round trips, and between them the
/// record says who is spending what. The rules are written down once, as code, in [`rules`]; an implementation either
/// calls them or does exactly the same.
///
/// What every implementation keeps:
/// - **Each operation is atomic** and, when it returns `Ok`, durable as far as the store promises durability at all.
/// - **The payload is opaque**; it is stored and returned byte for byte.
/// - **The time is the store's own.** Deadlines are never compared with a caller's clock.
/// - **Only `put`, `commit` and `remove` change the revision**, to a value that the caller knows beforehand.
/// - **A record that was ever written never disappears**: `remove` leaves a tombstone, which must outlive every process
///   that could still hold an older revision in memory.
/// - **A fault is an error**, never "there is no such login".
///
/// Retrying: an operation may be repeated after an error; each is written so that repeating it does no harm, and the caller
/// does so where the contract asks for it. An implementation itself may retry only within one operation.
///
/// Cancellation: dropping a future may leave the operation done or not done, never half done.
#[async_trait]
pub trait TokenStore: std::fmt::Debug + Send + Sync + 'static {
    /// Reads the record, tombstones included; `None` where there never was one.
    ///
    /// # Errors
    /// [`StoreError`], as for every operation.
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError>;

    /// Starts a login: writes `payload` as revision `expected.next(id)`, where `expected: None` stands for
    /// [`Revision::ABSENT`]. Clears claim, doubt, rejection and back-off.
    ///
    /// [`Put::Superseded`] changes nothing. The caller tries again with the current revision only if the current record is
    /// neither a tombstone nor another login; `current.login == id` means that an earlier try was the one.
    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError>;

    /// Takes the lease, marks the refresh token as being spent and reads the record, in one step. Works on records that
    /// are absent or tombstones.
    ///
    /// In this order: a rejected record is [`Begin::Dead`]; one that is [news](Revision::is_news_to) to `seen` is
    /// [`Begin::Newer`]; a live claim of another attempt is [`Begin::Busy`]; a back-off that has not ended is
    /// [`Begin::NotYet`]; all else is [`Begin::Held`]. A claim that ran out leaves doubt behind. The same `attempt` gets
    /// its lease again with a new deadline: its first answer was lost, or it replays.
    ///
    /// The holder sends the refresh token of the returned record, never one from memory, and only while the claim, counted from
    /// before this call, cannot have ended.
    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError>;

    /// Prolongs a claim while the provider is slow.
    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError>;

    /// Writes the successor as revision [`lease.successor()`](Lease::successor) if the record is still at `lease.base`:
    /// neither owner nor deadline of the lease count, because a late but valid successor must land. Clears rejection and back-off and its own
    /// claim, keeps a foreign claim and the doubt.
    ///
    /// After an error the caller keeps the tokens and repeats the *same* commit; [`Commit::Superseded`] whose current revision
    /// is `lease.successor()` means that it was done.
    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError>;

    /// Gives the lease back without a successor and says what became of the refresh token. Clears its own claim whatever the
    /// revision; all else happens only if the record is still at `lease.base`. With `retry_in`, nobody refreshes for so long,
    /// or for longer where a longer pause was noted before.
    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError>;

    /// Signs out: a tombstone with a revision of its own, tagged `id`, that keeps the counter going and the `login`. Returns that
    /// revision.
    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError>;
}

/// What [`TokenStore::put`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// Written, as this revision.
    Done(Revision),
    /// Nothing written: the record is another one than expected.
    Superseded {
        /// The record as it is.
        current: Record,
    },
}

/// What [`TokenStore::begin`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The lease is held.
    Held {
        /// The record, whose refresh token is the one to send.
        record: Record,
        /// The lease.
        lease: Lease,
        /// Whether an earlier send of this refresh token, or of the one before, has an unknown outcome.
        doubt: bool,
    },
    /// Nothing taken: somebody else has already refreshed. Adopt the record.
    Newer {
        /// The record as it is.
        record: Record,
    },
    /// Nothing taken: somebody else is refreshing.
    Busy {
        /// The record as it is.
        record: Record,
        /// When their claim ends, unless they renew it.
        retry_in: Duration,
    },
    /// Nothing taken: a back-off or `Retry-After` has not ended.
    NotYet {
        /// The record as it is.
        record: Record,
        /// When it ends.
        retry_in: Duration,
    },
    /// Nothing taken: the provider refused this refresh token for good.
    Dead {
        /// The record as it is.
        record: Record,
        /// Why.
        cause: Cause,
    },
}

/// What [`TokenStore::renew`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renew {
    /// The claim has its new deadline.
    Held,
    /// The claim is gone, or the record is another one: do not send.
    Lost,
}

/// What [`TokenStore::commit`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Written, as this revision.
    Done(Revision),
    /// Nothing written: the record is another one.
    Superseded {
        /// The record as it is.
        current: Record,
    },
}

/// What became of a refresh token that has no successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Abandon {
    /// Nothing was sent.
    NotSent,
    /// It was sent, or may have been, and no usable answer came.
    Unknown,
    /// The provider refused it for good. [`Cause::GrantRejected`] is recorded as [`Cause::RefreshOutcomeUnknown`] where
    /// the record is [in doubt](Record::in_doubt).
    Rejected(Cause),
}

#[async_trait]
impl<S: TokenStore + ?Sized> TokenStore for Arc<S> {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        (**self).load(key).await
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        (**self).put(key, expected, id, payload).await
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        (**self).begin(key, seen, attempt, ttl).await
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        (**self).renew(key, lease, ttl).await
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        (**self).commit(key, lease, payload).await
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        (**self).abandon(key, lease, outcome, retry_in).await
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        (**self).remove(key, id).await
    }
}
