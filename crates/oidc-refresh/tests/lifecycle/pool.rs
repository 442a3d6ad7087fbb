//! Many users in one pool: what it keeps, what it drops, and that dropping loses nothing.
#![allow(clippy::unwrap_used, reason = "what is wrong here is wrong with the test")]

use std::{sync::Arc, time::Duration};

use oidc_core::{MemoryStore, StoreErrorKind, TokenErrorKind, TokenKey, TokenSource, TokenStore};
use oidc_refresh::{State, TokenPool};
use oidc_testkit::{FaultStore, ManualClock, StoreFault, StoreOperation};

use crate::support::{LIFE, StrictGrant, key, settle, source, token_of};

const CAPACITY: usize = 20;

/// A pool that holds few users over a store that fails when told to.
struct Crowd {
    clock: ManualClock,
    grant: StrictGrant,
    store: Arc<FaultStore<MemoryStore>>,
    pool: TokenPool,
}

impl Crowd {
    fn new() -> Self {
        let clock = ManualClock::new();
        let grant = StrictGrant::new(&clock);
        let store = Arc::new(FaultStore::new(MemoryStore::with_clock(Arc::new(clock.clone()))));
        let pool = Self::pool(&clock, &grant, store.clone());
        Self { clock, grant, store, pool }
    }

    fn pool(clock: &ManualClock, grant: &StrictGrant, store: impl TokenStore) -> TokenPool {
        let pool = TokenPool::builder(store, grant.clone()).clock(Arc::new(clock.clone()));
        pool.capacity(CAPACITY).build().unwrap()
    }

    /// Many others come and go.
    fn press(&self) {
        for user in 0..10 * CAPACITY {
            self.pool.source(&other(user));
        }
        assert!(self.pool.len() <= CAPACITY + 2, "{}", self.pool.len());
    }

    /// A user asks for a token and gives up.
    async fn ask_and_give_up(&self) {
        let source = self.pool.source(&key());
        let caller = tokio::spawn(async move { source.token().await });
        settle().await;
        caller.abort();
        settle().await;
    }
}

fn other(user: usize) -> TokenKey {
    key().with_session(user.to_string())
}

#[tokio::test]
async fn users_who_come_and_go_are_dropped_and_find_their_tokens_again() {
    let Crowd { grant, pool, store, .. } = Crowd::new();
    for user in 0..200 {
        pool.source(&other(user)).sign_in(&grant.login()).await.unwrap();
        assert!(pool.len() <= CAPACITY + 1, "{}", pool.len());
    }
    let loads = store.count(StoreOperation::Load);
    for user in 0..200 {
        let credential = pool.source(&other(user)).token().await.unwrap();
        assert_eq!(token_of(&credential), format!("a{}", user + 1));
        assert!(pool.len() <= CAPACITY + 1, "{}", pool.len());
    }
    let dropped = store.count(StoreOperation::Load) - loads;
    assert!((180..=200).contains(&dropped), "{dropped} were read again");
    assert!(grant.sent().is_empty(), "and nobody had to ask the provider");
}

#[tokio::test]
async fn a_handle_that_is_held_stays_the_one_source_of_its_login() {
    let crowd = Crowd::new();
    let held = crowd.pool.source(&key());
    held.sign_in(&crowd.grant.login()).await.unwrap();
    crowd.press();
    assert!(Arc::ptr_eq(&held, &crowd.pool.source(&key())));
    assert!(held.peek().is_some());
}

// REF-04, REF-05
#[tokio::test]
async fn tokens_that_are_not_saved_yet_survive_the_pressure_of_other_users() {
    let crowd = Crowd::new();
    crowd.pool.sign_in(&key(), &crowd.grant.login()).await.unwrap();
    crowd.clock.advance(LIFE);
    for _ in 0..5 {
        crowd.store.fail_next(StoreOperation::Commit, StoreFault::Before(StoreErrorKind::Unavailable));
    }
    assert_eq!(token_of(&crowd.pool.source(&key()).token().await.unwrap()), "a2");
    crowd.press();
    assert!(crowd.pool.source(&key()).status().unsaved);
    assert_eq!(token_of(&crowd.pool.source(&key()).token().await.unwrap()), "a2");
    for _ in 0..10 {
        settle().await;
        crowd.clock.advance(Duration::from_millis(500));
    }
    crowd.press();
    let elsewhere = source(&crowd.grant, &crowd.store, &crowd.clock);
    assert_eq!(token_of(&elsewhere.token().await.unwrap()), "a2", "saved late");
    assert_eq!(crowd.grant.sent(), ["r1"]);
}

// CAN-01, REF-01
#[tokio::test]
async fn a_refresh_that_nobody_waits_for_is_joined_after_the_pressure_of_other_users() {
    let crowd = Crowd::new();
    crowd.pool.sign_in(&key(), &crowd.grant.login()).await.unwrap();
    crowd.clock.advance(LIFE);
    crowd.grant.close().await;
    crowd.ask_and_give_up().await;
    crowd.press();
    assert!(crowd.pool.source(&key()).status().refreshing);
    crowd.grant.open();
    assert_eq!(token_of(&crowd.pool.source(&key()).token().await.unwrap()), "a2");
    assert_eq!(crowd.grant.sent(), ["r1"]);
}

// MPR-01: what a pool has dropped, or another one has, meets the flight in the store
#[tokio::test]
async fn two_sources_of_one_login_in_one_process_make_one_request() {
    let crowd = Crowd::new();
    crowd.pool.sign_in(&key(), &crowd.grant.login()).await.unwrap();
    crowd.clock.advance(LIFE);
    crowd.grant.close().await;
    crowd.ask_and_give_up().await;
    let second = Crowd::pool(&crowd.clock, &crowd.grant, crowd.store.clone()).source(&key());
    let caller = tokio::spawn(async move { token_of(&second.token().await.unwrap()) });
    settle().await;
    crowd.grant.open();
    while !caller.is_finished() {
        settle().await;
        crowd.clock.advance(Duration::from_millis(50));
    }
    assert_eq!(caller.await.unwrap(), "a2");
    assert_eq!(crowd.grant.sent(), ["r1"]);
}

// REF-11: a failure stands for its back-off, however many users there are
#[tokio::test]
async fn pressure_makes_no_failure_forgotten_before_its_back_off_ends() {
    let crowd = Crowd::new();
    let login = crowd.grant.login();
    crowd.pool.sign_in(&key(), &login).await.unwrap();
    crowd.clock.advance(LIFE);
    crowd.store.fail_next(StoreOperation::Begin, StoreFault::Before(StoreErrorKind::Unavailable));
    assert!(crowd.pool.source(&key()).token().await.is_err());
    crowd.press();
    assert_eq!(crowd.pool.source(&key()).status().state, State::Failing);
    crowd.clock.advance(Duration::from_secs(60));
    crowd.press();
    assert_eq!(crowd.pool.source(&key()).status().state, State::Waiting, "and then it is dropped");
}

// LGO-13
#[tokio::test]
async fn a_sign_out_under_way_survives_the_pressure_of_other_users() {
    let crowd = Crowd::new();
    crowd.pool.sign_in(&key(), &crowd.grant.login()).await.unwrap();
    for _ in 0..5 {
        crowd.store.fail_next(StoreOperation::Remove, StoreFault::Before(StoreErrorKind::Unavailable));
    }
    let leaving = tokio::spawn({
        let pool = crowd.pool.clone();
        async move { pool.sign_out(&key()).await }
    });
    settle().await;
    leaving.abort();
    settle().await;
    crowd.press();
    assert_eq!(crowd.pool.source(&key()).status().state, State::ReauthRequired);
    for _ in 0..10 {
        settle().await;
        crowd.clock.advance(Duration::from_secs(10));
    }
    assert!(source(&crowd.grant, &crowd.store, &crowd.clock).token().await.is_err(), "made up for");
}

#[tokio::test]
async fn a_pool_that_is_shut_down_waits_for_what_is_in_flight_and_stays_closed() {
    let crowd = Crowd::new();
    let idle = crowd.pool.source(&other(0));
    idle.sign_in(&crowd.grant.login()).await.unwrap();
    crowd.pool.sign_in(&key(), &crowd.grant.login()).await.unwrap();
    let held = crowd.pool.source(&key());
    crowd.clock.advance(LIFE);
    crowd.grant.close().await;
    crowd.ask_and_give_up().await;
    let closing = tokio::spawn({
        let pool = crowd.pool.clone();
        async move { pool.shutdown().await }
    });
    settle().await;
    assert!(!closing.is_finished());
    crowd.grant.open();
    closing.await.unwrap().unwrap();
    for source in [idle, held, crowd.pool.source(&other(99))] {
        assert_eq!(source.status().state, State::Closed);
        assert_eq!(source.token().await.unwrap_err().kind(), TokenErrorKind::Closed);
    }
    let elsewhere = source(&crowd.grant, &crowd.store, &crowd.clock);
    assert_eq!(token_of(&elsewhere.token().await.unwrap()), "a3", "what was in flight was saved");
}

#[tokio::test]
async fn a_login_at_a_closed_pool_is_an_error() {
    let crowd = Crowd::new();
    crowd.pool.shutdown().await.unwrap();
    let error = crowd.pool.sign_in(&key(), &crowd.grant.login()).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Closed);
}
