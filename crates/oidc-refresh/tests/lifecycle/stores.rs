//! What happens when the store fails, and when others use it.

use std::{sync::Arc, time::Duration};

use oidc_core::{MemoryStore, StoreErrorKind, TokenErrorKind, TokenSource};
use oidc_testkit::{FaultStore, ManualClock, StoreFault, StoreOperation};

use crate::support::{LIFE, StrictGrant, Twist, settle, source, token_of};

const DOWN: StoreFault = StoreFault::Before(StoreErrorKind::Unavailable);

fn fault_store(clock: &ManualClock) -> Arc<FaultStore<MemoryStore>> {
    Arc::new(FaultStore::new(MemoryStore::with_clock(Arc::new(clock.clone()))))
}

// MPR-01, MPR-02, MPR-09
#[tokio::test]
async fn many_sources_over_one_store_make_one_request() {
    let clock = ManualClock::new();
    let (grant, store) = (StrictGrant::new(&clock), fault_store(&clock));
    let sources: Vec<_> = (0..16).map(|_| source(&grant, &store, &clock)).collect();
    sources[0].sign_in(&grant.login()).await.unwrap();
    for round in 2..6 {
        clock.advance(LIFE);
        let callers: Vec<_> = sources
            .iter()
            .map(|source| {
                let source = source.clone();
                tokio::spawn(async move { token_of(&source.token().await.unwrap()) })
            })
            .collect();
        while callers.iter().any(|caller| !caller.is_finished()) {
            settle().await;
            clock.advance(Duration::from_millis(50));
        }
        for caller in callers {
            assert_eq!(caller.await.unwrap(), format!("a{round}"));
        }
    }
    assert_eq!(grant.sent(), ["r1", "r2", "r3", "r4"]);
}

// REF-04, REF-05, STO-04
#[tokio::test]
async fn tokens_that_could_not_be_saved_are_served_and_saved_later() {
    for fault in [DOWN, StoreFault::After(StoreErrorKind::Unavailable)] {
        let clock = ManualClock::new();
        let (grant, store) = (StrictGrant::new(&clock), fault_store(&clock));
        let first = source(&grant, &store, &clock);
        first.sign_in(&grant.login()).await.unwrap();
        clock.advance(LIFE);
        store.fail_next(StoreOperation::Commit, fault);
        store.fail_next(StoreOperation::Commit, fault);
        assert_eq!(token_of(&first.token().await.unwrap()), "a2", "served before it is saved");
        for _ in 0..3 {
            settle().await;
            clock.advance(Duration::from_secs(1));
        }
        settle().await;
        let second = source(&grant, &store, &clock);
        assert_eq!(token_of(&second.token().await.unwrap()), "a2", "saved in the end");
        assert_eq!(grant.sent(), ["r1"]);
        assert!(grant.discarded().is_empty(), "and never revoked");
    }
}

// STO-06, REF-04
#[tokio::test]
async fn a_store_that_is_down_is_never_taken_for_logged_out() {
    let clock = ManualClock::new();
    let (grant, store) = (StrictGrant::new(&clock), fault_store(&clock));
    let source = source(&grant, &store, &clock);
    source.sign_in(&grant.login()).await.unwrap();
    (0..40).for_each(|_| store.fail_next(StoreOperation::Begin, DOWN));
    (0..40).for_each(|_| store.fail_next(StoreOperation::Load, DOWN));
    for _ in 0..9 {
        clock.advance(Duration::from_secs(10));
        assert_eq!(token_of(&source.token().await.unwrap()), "a1", "served while it is good");
        settle().await;
    }
    clock.advance(LIFE);
    let error = source.token().await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Store(StoreErrorKind::Unavailable));
    assert!(grant.sent().is_empty(), "a user's refresh token is not spent without the store");
    for _ in 0..60 {
        clock.advance(Duration::from_secs(10));
        if source.token().await.is_ok() {
            assert_eq!(grant.sent(), ["r1"]);
            return;
        }
    }
    panic!("does not recover");
}

// REF-06: a refusal after somebody else renewed is not the end
#[tokio::test]
async fn a_refusal_of_an_old_refresh_token_leads_to_the_new_one() {
    let clock = ManualClock::new();
    let (grant, store) = (StrictGrant::new(&clock), fault_store(&clock));
    let (first, second) = (source(&grant, &store, &clock), source(&grant, &store, &clock));
    first.sign_in(&grant.login()).await.unwrap();
    assert_eq!(token_of(&second.token().await.unwrap()), "a1");
    clock.advance(LIFE);
    // The first one's answer is on its way for longer than its claim lasts: the second takes over, in doubt.
    grant.with_grace();
    grant.close().await;
    (0..10).for_each(|_| store.fail_next(StoreOperation::Renew, DOWN));
    let slow = tokio::spawn({
        let first = first.clone();
        async move { first.token().await }
    });
    settle().await;
    clock.advance(Duration::from_secs(4));
    let quick = tokio::spawn({
        let second = second.clone();
        async move { second.token().await }
    });
    settle().await;
    grant.open();
    for _ in 0..20 {
        settle().await;
        clock.advance(Duration::from_millis(50));
    }
    let (slow, quick) = (slow.await.unwrap().unwrap(), quick.await.unwrap().unwrap());
    assert_eq!(token_of(&slow), token_of(&quick), "both end with what the store has");
    assert_eq!(grant.sent(), ["r1", "r1"]);
}

// LGO-11
#[tokio::test]
async fn a_logout_elsewhere_is_seen_after_a_look() {
    let clock = ManualClock::new();
    let (grant, store) = (StrictGrant::new(&clock), fault_store(&clock));
    let (here, elsewhere) = (source(&grant, &store, &clock), source(&grant, &store, &clock));
    here.sign_in(&grant.login()).await.unwrap();
    assert!(here.peek().is_some());
    elsewhere.sign_out().await.unwrap();
    clock.advance(Duration::from_secs(5));
    let _ = here.peek();
    settle().await;
    assert!(here.peek().is_none());
    assert!(here.token().await.unwrap_err().reauth_cause().is_some());
    assert!(grant.sent().is_empty());
}

// 0 store operations for a fresh token, but for one look per `revalidate_after`; 2 per refresh
#[tokio::test]
async fn a_fresh_token_costs_the_store_one_look_now_and_then_and_a_refresh_two_operations() {
    let clock = ManualClock::new();
    let (grant, store) = (StrictGrant::new(&clock), fault_store(&clock));
    let source = source(&grant, &store, &clock);
    source.sign_in(&grant.login()).await.unwrap();
    let before = store.total();
    for _ in 0..40 {
        for _ in 0..100 {
            assert!(source.peek().is_some());
        }
        settle().await;
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(store.count(StoreOperation::Load), 1 + 7, "one of the login, one every 5 s");
    assert_eq!(store.total() - before, 7);
    clock.advance(LIFE);
    let before = store.total();
    source.token().await.unwrap();
    assert_eq!(store.total() - before, 2);
}

// REF-08
#[tokio::test]
async fn a_new_login_is_not_overwritten_by_a_late_refresh_of_the_old_one() {
    let clock = ManualClock::new();
    let (grant, store) = (StrictGrant::new(&clock), fault_store(&clock));
    let (old, new) = (source(&grant, &store, &clock), source(&grant, &store, &clock));
    old.sign_in(&grant.login()).await.unwrap();
    clock.advance(LIFE);
    grant.close().await;
    let late = tokio::spawn({
        let old = old.clone();
        async move { old.token().await }
    });
    settle().await;
    grant.twist(Twist::LoseAnswer);
    let tokens = grant.login();
    new.sign_in(&tokens).await.unwrap();
    grant.open();
    settle().await;
    assert_eq!(token_of(&late.await.unwrap().unwrap()), "a2", "the late one adopts the new login");
    assert_eq!(token_of(&new.token().await.unwrap()), "a2");
}
