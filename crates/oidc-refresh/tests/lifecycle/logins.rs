//! Where logins begin and end.

use std::{sync::Arc, time::Duration};

use oidc_core::{
    Cause, MemoryStore, Secret, StoreErrorKind, Target, TokenErrorKind, TokenSet, TokenSource, TokenStore,
};
use oidc_refresh::TokenPool;
use oidc_testkit::{FaultStore, ManualClock, StoreFault, StoreOperation};

use crate::support::{Scene, StrictGrant, Unheard, key, settle, sign_out_unheard, source, token_of};

#[tokio::test]
async fn an_imported_refresh_token_is_a_login() {
    let Scene { grant, source, .. } = Scene::new();
    let imported = grant.login().refresh().unwrap().clone();
    source.sign_in(&TokenSet::from_refresh_token(imported)).await.unwrap();
    assert_eq!(token_of(&source.token().await.unwrap()), "a2");
    assert_eq!(grant.sent(), ["r1"]);
}

#[tokio::test]
async fn nobody_logged_in_is_a_typed_answer() {
    let Scene { grant, source, .. } = Scene::new();
    assert_eq!(source.token().await.unwrap_err().reauth_cause(), Some(Cause::LoggedOut));
    assert!(grant.sent().is_empty());
}

// CAN-07, LGO-12, STO-02
#[tokio::test]
async fn a_logout_wins_over_a_refresh_under_way() {
    let Scene { clock, grant, source, .. } = Scene::ended().await;
    grant.close().await;
    let waiting = tokio::spawn({
        let source = source.clone();
        async move { source.token().await }
    });
    settle().await;
    let tokens = source.sign_out().await.unwrap().unwrap();
    assert_eq!(tokens.refresh(), Some(&Secret::from("r1")));
    grant.open();
    settle().await;
    assert_eq!(waiting.await.unwrap().unwrap_err().reauth_cause(), Some(Cause::LoggedOut));
    assert_eq!(grant.discarded(), ["r2"], "what was won is revoked");
    for _ in 0..10 {
        clock.advance(Duration::from_secs(10));
        assert_eq!(source.token().await.unwrap_err().reauth_cause(), Some(Cause::LoggedOut));
    }
    assert_eq!(grant.sent(), ["r1"]);
}

// LGO-13
#[tokio::test]
async fn a_logout_that_the_store_did_not_take_is_final_here_and_made_up_for() {
    let Unheard { clock, here, elsewhere, error, .. } = sign_out_unheard().await;
    assert_eq!(error.kind(), TokenErrorKind::Store(StoreErrorKind::Unavailable));
    assert!(here.peek().is_none());
    assert_eq!(here.token().await.unwrap_err().reauth_cause(), Some(Cause::LoggedOut));
    clock.advance(Duration::from_secs(10));
    settle().await;
    assert_eq!(elsewhere.token().await.unwrap_err().reauth_cause(), Some(Cause::LoggedOut), "made up for");
}

#[tokio::test]
async fn a_login_can_be_started_again_after_its_end() {
    let Scene { grant, source, .. } = Scene::logged_in().await;
    source.sign_out().await.unwrap();
    source.sign_in(&grant.login()).await.unwrap();
    assert_eq!(token_of(&source.token().await.unwrap()), "a2");
}

#[tokio::test]
async fn a_pool_gives_each_login_one_source_and_drops_those_that_nobody_uses() {
    let clock = ManualClock::new();
    let grant = StrictGrant::new(&clock);
    let pool = TokenPool::builder(MemoryStore::with_clock(Arc::new(clock.clone())), grant.clone());
    let pool = pool.clock(Arc::new(clock.clone())).capacity(10).build().unwrap();
    let keys: Vec<_> = (0..100).map(|session| key().with_session(session.to_string())).collect();
    let kept = pool.source(&keys[0]);
    for key in &keys {
        pool.sign_in(key, &grant.login()).await.unwrap();
    }
    assert!(Arc::ptr_eq(&kept, &pool.source(&keys[0])));
    for (index, key) in keys.iter().enumerate() {
        let credential = pool.source(key).token().await.unwrap();
        assert_eq!(token_of(&credential), format!("a{}", index + 1), "dropped ones are read from the store");
    }
    pool.sign_out(&keys[7]).await.unwrap();
    assert!(pool.source(&keys[7]).token().await.is_err());
    assert!(pool.source(&keys[8]).token().await.is_ok());
    pool.shutdown().await.unwrap();
}

// REF-16
#[tokio::test]
async fn targets_of_one_login_share_its_refresh_token_in_turn() {
    let clock = ManualClock::new();
    let grant = StrictGrant::new(&clock);
    let pool = TokenPool::builder(MemoryStore::with_clock(Arc::new(clock.clone())), grant.clone());
    let pool = pool.clock(Arc::new(clock.clone())).build().unwrap();
    pool.sign_in(&key(), &grant.login()).await.unwrap();
    let target = |name: &str| Target::granted().with_resource(format!("https://{name}.example")).unwrap();
    let callers: Vec<_> = ["one", "two", "three"]
        .map(|name| {
            let source = pool.source_for(&key(), &target(name));
            tokio::spawn(async move { token_of(&source.token().await.unwrap()) })
        })
        .into();
    while callers.iter().any(|caller| !caller.is_finished()) {
        settle().await;
        clock.advance(Duration::from_millis(50));
    }
    let mut tokens = Vec::new();
    for caller in callers {
        tokens.push(caller.await.unwrap());
    }
    tokens.sort();
    assert_eq!(tokens, ["a2", "a3", "a4"], "each has an access token of its own");
    assert_eq!(grant.sent(), ["r1", "r2", "r3"], "and no refresh token was sent twice");
    assert_eq!(token_of(&pool.source(&key()).token().await.unwrap()), "a1", "the first one is still good");
    pool.sign_out(&key()).await.unwrap();
    for name in ["one", "two", "three"] {
        assert!(pool.source_for(&key(), &target(name)).token().await.is_err());
    }
}

// LGO-13, REF-08
#[tokio::test]
async fn a_logout_that_is_made_up_for_spares_a_login_that_came_after_it() {
    let Unheard { clock, grant, here, elsewhere, .. } = sign_out_unheard().await;
    elsewhere.sign_in(&grant.login()).await.unwrap();
    for _ in 0..5 {
        clock.advance(Duration::from_secs(10));
        settle().await;
    }
    assert_eq!(token_of(&elsewhere.token().await.unwrap()), "a2", "the new login stands");
    assert_eq!(token_of(&here.token().await.unwrap()), "a2", "and is seen here, too");
}

// LGO-12
#[tokio::test]
async fn a_login_that_cannot_be_saved_does_not_bring_back_the_one_that_is_being_signed_out() {
    let clock = ManualClock::new();
    let grant = StrictGrant::new(&clock);
    let store = Arc::new(FaultStore::new(MemoryStore::with_clock(Arc::new(clock.clone()))));
    let source = source(&grant, &store, &clock);
    source.sign_in(&grant.login()).await.unwrap();
    let down = |operation| {
        (0..3).for_each(|_| store.fail_next(operation, StoreFault::Before(StoreErrorKind::Unavailable)));
    };
    down(StoreOperation::Remove);
    down(StoreOperation::Put);
    let mut errors = Vec::new();
    for leaves in [true, false] {
        let (source, tokens) = (source.clone(), grant.login());
        let call = tokio::spawn(async move {
            if leaves { source.sign_out().await.map(drop) } else { source.sign_in(&tokens).await }
        });
        while !call.is_finished() {
            settle().await;
            clock.advance(Duration::from_millis(500));
        }
        errors.push(call.await.unwrap().unwrap_err().kind());
    }
    assert_eq!(errors, [TokenErrorKind::Store(StoreErrorKind::Unavailable); 2]);
    for _ in 0..60 {
        assert_eq!(source.token().await.unwrap_err().reauth_cause(), Some(Cause::LoggedOut));
        settle().await;
        clock.advance(Duration::from_secs(1));
    }
    assert!(store.load(&key().id()).await.unwrap().unwrap().is_tombstone());
    source.sign_in(&grant.login()).await.unwrap();
    assert!(source.token().await.is_ok());
}

// LGO-12
#[tokio::test]
async fn after_a_sign_out_no_target_of_the_login_is_served() {
    let clock = ManualClock::new();
    let grant = StrictGrant::new(&clock);
    let store = Arc::new(FaultStore::new(MemoryStore::with_clock(Arc::new(clock.clone()))));
    let pool = TokenPool::builder(store.clone(), grant.clone());
    let pool = pool.clock(Arc::new(clock.clone())).build().unwrap();
    pool.sign_in(&key(), &grant.login()).await.unwrap();
    let api = Target::granted().with_resource("https://api.example").unwrap();
    pool.source_for(&key(), &api).token().await.unwrap();
    store.fail_next(StoreOperation::Remove, StoreFault::Before(StoreErrorKind::Unavailable));
    let leaving = tokio::spawn({
        let pool = pool.clone();
        async move { pool.sign_out(&key()).await }
    });
    settle().await;
    let meanwhile = pool.source_for(&key(), &api).token().await;
    assert!(meanwhile.is_ok(), "the store does not know yet");
    clock.advance(Duration::from_secs(1));
    leaving.await.unwrap().unwrap();
    let after = pool.source_for(&key(), &api);
    assert!(after.peek().is_none());
    assert_eq!(after.token().await.unwrap_err().reauth_cause(), Some(Cause::LoggedOut));
}
