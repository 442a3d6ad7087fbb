//! A token store in Redis or Valkey, for logins that many machines share.
//!
//! ```
//! # fn example() -> Result<(), oidc_core::ConfigError> {
//! use oidc_store_redis::RedisStore;
//!
//! let store = RedisStore::builder("redis://127.0.0.1:6379").build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it needs of the server
//!
//! Redis 5 or newer, or Valkey. Each operation is one script on one key, so that it is atomic, and works in a Cluster; the script is
//! loaded again where the server has forgotten it. All times are the server's.
//!
//! **Durability is the server's**, and is what its configuration says: with `appendfsync everysec`, which is usual, a crash loses up
//! to a second of writes; with `always`, none. With replicas, a fail-over loses what had not reached the new primary:
//! [`wait_replicas`](RedisStoreBuilder::wait_replicas) has every write wait for so many. What a fail-over lost nevertheless is written
//! again by the process that wrote it, if it still runs.
//!
//! **Records do not expire**, and the server must not evict them (`maxmemory-policy noeviction`): a login that disappears
//! is one that is logged out. A signed-out login leaves a small record; see [`keep_tombstones`](RedisStoreBuilder::keep_tombstones).
//!
//! # What others see
//!
//! Keys are `prefix:{hash}`, with the hash of the login. Tokens are in the clear, unless the store is wrapped into `Encrypted` of `oidc-store`.
//! A connection that is not encrypted is for loopback only, unless
//! [`allow_unencrypted`](RedisStoreBuilder::allow_unencrypted) says otherwise.
//!
//! # Why the crate `redis`
//!
//! It is the one that the makers of the servers keep up, speaks to single servers and Clusters, and has one multiplexed connection for
//! all tasks, so that nobody waits for a free one. Commands that fail are not sent again by it: whether they may be is
//! decided by those who know the contract.

mod answer;
mod builder;
mod fault;
mod link;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use oidc_core::{
    KeyId, Payload, StoreError, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, WriteId},
};

pub use self::builder::RedisStoreBuilder;
use self::{
    answer::{Answer, hex},
    link::{Link, Operation},
};

/// Keeps logins in Redis or Valkey. See the [front page](crate) for what that promises.
///
/// Clones share one connection, which is made at the first use, and made again when it breaks.
///
/// **Errors.** [`StoreErrorKind::Unavailable`](oidc_core::StoreErrorKind::Unavailable) where the server cannot be reached, does not answer in
/// time, starts up, or is a replica; [`Full`](oidc_core::StoreErrorKind::Full) where it has no memory left;
/// [`Corrupt`](oidc_core::StoreErrorKind::Corrupt) where a key holds something else than a record.
///
/// **Cancellation.** Dropping a future leaves the operation done or not done.
#[derive(Clone)]
pub struct RedisStore {
    link: Link,
    prefix: String,
    /// In milliseconds; empty: for ever.
    keep_tombstones: String,
}

impl RedisStore {
    /// Starts to build a store on the server at `url`: `redis://`, `rediss://` (feature `tls`, on by default; the certificates that the
    /// system trusts are trusted) or `unix://`, with user and password where they are needed.
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url)
    }

    async fn run(
        &self,
        key: &KeyId,
        name: &'static str,
        writes: bool,
        arguments: Vec<Vec<u8>>,
    ) -> Result<Answer, StoreError> {
        // The braces make the hash alone decide where in a Cluster the record is.
        let key = format!("{}:{{{key}}}", self.prefix);
        self.link.run(Operation { key, name, writes, arguments }).await
    }
}

#[async_trait]
impl TokenStore for RedisStore {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        Ok(self.run(key, "load", false, Vec::new()).await?.row())
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        let expected = expected.unwrap_or(Revision::ABSENT);
        let revision = expected.next(id);
        let [counter, tag] = revision_arguments(expected);
        let arguments = vec![counter, tag, number(revision.counter), hex(id), payload.as_bytes().to_vec()];
        let answer = self.run(key, "put", true, arguments).await?;
        Ok(match answer.what() {
            "done" => Put::Done(revision),
            _ => Put::Superseded { current: answer.record },
        })
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        let [counter, tag] = seen.map_or_else(Default::default, revision_arguments);
        let arguments = vec![counter, tag, hex(attempt), milliseconds(ttl)];
        let answer = self.run(key, "begin", true, arguments).await?;
        let (what, retry_in, record) = (answer.what(), answer.time, answer.record.clone());
        Ok(match (what, record.rejected) {
            ("dead", Some(cause)) => Begin::Dead { record, cause },
            ("newer", _) => Begin::Newer { record },
            ("busy", _) => Begin::Busy { record, retry_in },
            ("not yet", _) => Begin::NotYet { record, retry_in },
            (what, _) => Begin::Held {
                lease: Lease { attempt, base: record.revision },
                doubt: what == "doubt",
                record,
            },
        })
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        let [attempt, counter, tag] = lease_arguments(lease);
        let answer = self.run(key, "renew", true, vec![attempt, counter, tag, milliseconds(ttl)]).await?;
        Ok(if answer.what() == "held" { Renew::Held } else { Renew::Lost })
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        let [attempt, counter, tag] = lease_arguments(lease);
        let successor = number(lease.successor().counter);
        let arguments = vec![attempt, counter, tag, successor, payload.as_bytes().to_vec()];
        let answer = self.run(key, "commit", true, arguments).await?;
        Ok(match answer.what() {
            "done" => Commit::Done(lease.successor()),
            _ => Commit::Superseded { current: answer.record },
        })
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        let [attempt, counter, tag] = lease_arguments(lease);
        let outcome = match outcome {
            Abandon::NotSent => "not_sent",
            Abandon::Rejected(cause) => cause.name(),
            _ => "unknown",
        };
        let retry_in = retry_in.map_or_else(Vec::new, milliseconds);
        let arguments = vec![attempt, counter, tag, outcome.into(), retry_in];
        self.run(key, "abandon", true, arguments).await.map(drop)
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        let arguments = vec![hex(id), self.keep_tombstones.clone().into()];
        Ok(self.run(key, "remove", true, arguments).await?.record.revision)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

fn number(number: u64) -> Vec<u8> {
    number.to_string().into()
}

fn milliseconds(duration: Duration) -> Vec<u8> {
    // As much as a script can count with.
    duration.as_millis().min(1 << 50).to_string().into()
}

fn revision_arguments(revision: Revision) -> [Vec<u8>; 2] {
    [number(revision.counter), hex(revision.tag)]
}

fn lease_arguments(lease: &Lease) -> [Vec<u8>; 3] {
    let [counter, tag] = revision_arguments(lease.base);
    [hex(lease.attempt), counter, tag]
}
