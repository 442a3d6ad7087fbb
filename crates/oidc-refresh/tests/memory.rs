//! What an idle user costs in memory, counted by the allocator.
#![allow(clippy::unwrap_used, reason = "what is wrong here is wrong with the test")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use allocation_counter::measure;
use async_trait::async_trait;
use oidc_core::{
    AccessToken, Clock, Grant, GrantError, Issuer, KeyId, Lifetime, Payload, Scopes, Secret, SendGate,
    StoreError, Subject, Target, TokenKey, TokenSet, TokenSource, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, WriteId},
};
use oidc_refresh::TokenPool;
use oidc_testkit::ManualClock;

/// Subject, access token, refresh token, scopes, and eight bytes for the end: what nobody can do without.
const RAW: u64 = 36 + 1_200 + 60 + 35 + 8;

const LIFE: Duration = Duration::from_secs(3_600);

/// The provider, and a store that takes everything and keeps nothing: what is counted is the pool alone.
#[derive(Clone, Debug)]
struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: ManualClock,
    serial: AtomicU64,
}

impl World {
    fn new() -> Self {
        Self(Arc::new(Inner { clock: ManualClock::new(), serial: AtomicU64::new(0) }))
    }

    fn pool(&self) -> TokenPool {
        let pool = TokenPool::builder(self.clone(), self.clone()).clock(Arc::new(self.0.clock.clone()));
        pool.build().unwrap()
    }

    fn tokens(&self) -> TokenSet {
        let serial = self.0.serial.fetch_add(1, Ordering::Relaxed);
        let lifetime = Lifetime::new(self.0.clock.wall(), Some(LIFE));
        let access = AccessToken::bearer(Secret::from(format!("{serial:01200}")), lifetime).unwrap();
        TokenSet::new(access.with_scopes(Scopes::parse("openid profile account.read offline")))
            .with_refresh_token(Secret::from(format!("{serial:060}")))
    }
}

#[async_trait]
impl Grant for World {
    fn spends(&self) -> bool {
        true
    }

    async fn prepare(&self) -> Result<(), GrantError> {
        Ok(())
    }

    async fn obtain(
        &self,
        _: &Target,
        _: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        gate.pass()?;
        Ok(self.tokens())
    }
}

#[async_trait]
impl TokenStore for World {
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
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        _: Duration,
    ) -> Result<Begin, StoreError> {
        let revision = seen.unwrap_or_default();
        let login = oidc_core::SavedLogin::new(self.tokens());
        let record = Record { revision, payload: Some(login.to_payload(key)), ..Record::default() };
        Ok(Begin::Held { record, lease: Lease { attempt, base: revision }, doubt: false })
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

fn key(user: u64) -> TokenKey {
    let subject = Subject::user(format!("{user:036}")).unwrap();
    TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", subject)
}

/// What each of `users` takes while `fill` has run: what was asked for, and 12 bytes for each allocation, which is
/// more than glibc's allocator needs for itself and for rounding with a million users.
fn bytes_per_user(pool: &TokenPool, users: u64, fill: impl AsyncFn()) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let counted = measure(|| runtime.block_on(fill()));
    for user in 0..users {
        assert!(pool.source(&key(user)).peek().is_some(), "user {user} has no token");
    }
    u64::try_from(counted.bytes_current + 12 * counted.count_current).unwrap() / users
}

#[test]
fn a_user_who_is_logged_in_and_idle_costs_a_quarter_more_than_the_tokens() {
    let world = World::new();
    let pool = world.pool();
    let users = 6_000;
    let bytes = bytes_per_user(&pool, users, async || {
        for user in 0..users {
            pool.sign_in(&key(user), &world.tokens()).await.unwrap();
        }
    });
    assert!(bytes * 4 <= RAW * 5, "{bytes} bytes, of {RAW} in the strings");
}

/// What is remembered of the revisions that a login has passed is for stores that lose writes; there are eight at most.
#[test]
fn a_user_whose_tokens_were_renewed_often_costs_little_more() {
    let world = World::new();
    let pool = world.pool();
    let users = 300;
    let bytes = bytes_per_user(&pool, users, async || {
        for user in 0..users {
            pool.sign_in(&key(user), &world.tokens()).await.unwrap();
        }
        for _ in 0..10 {
            world.0.clock.advance(LIFE);
            for user in 0..users {
                pool.source(&key(user)).token().await.unwrap();
            }
        }
        // The tasks of the refreshes end after those are served who waited for them.
        tokio::task::yield_now().await;
    });
    assert!(bytes * 10 <= RAW * 14, "{bytes} bytes, of {RAW} in the strings");
}
