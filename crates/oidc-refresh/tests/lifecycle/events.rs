//! What the application is told.
#![allow(clippy::unwrap_used, reason = "what is wrong here is wrong with the test")]

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use oidc_core::{
    Cause, GrantError, GrantErrorKind, MemoryStore, StoreErrorKind, TokenErrorKind, TokenSource, TokenStore,
};
use oidc_refresh::{Event, EventKind, Origin, RefreshingSource, State, TokenPool};
use oidc_testkit::{FaultStore, ManualClock, StoreFault, StoreOperation};

use crate::support::{LIFE, StrictGrant, Twist, key, settle, source, token_of};

type Told = Arc<Mutex<Vec<EventKind>>>;

/// A source that notes what it tells.
fn listening(
    grant: &StrictGrant,
    store: &Arc<impl TokenStore>,
    clock: &ManualClock,
) -> (RefreshingSource, Told) {
    let told = Told::default();
    let source = listening_with(grant, store, clock, {
        let told = told.clone();
        move |event| told.lock().unwrap().push(event.kind.clone())
    });
    (source, told)
}

fn listening_with(
    grant: &StrictGrant,
    store: &Arc<impl TokenStore>,
    clock: &ManualClock,
    listener: impl Fn(&Event) + Send + Sync + 'static,
) -> RefreshingSource {
    let builder = RefreshingSource::builder(grant.clone()).store(store.clone(), key());
    builder.clock(Arc::new(clock.clone())).on_event(listener).build().unwrap()
}

/// What was told since this was called last.
fn news(told: &Told) -> Vec<String> {
    let name = |event: EventKind| match event {
        EventKind::Refreshed { origin } => format!("refreshed: {origin}"),
        EventKind::Failing { error, failures, retry_in, serving } => {
            format!("failing: {:?} {failures} {} {serving}", error.kind(), retry_in.as_secs())
        }
        EventKind::LoginNeeded { cause } => format!("login needed: {cause:?}"),
        EventKind::LoginEnding { ends_in } => format!("ending: {}", ends_in.as_secs()),
        EventKind::Unsaved { error } => format!("unsaved: {:?}", error.kind()),
        EventKind::SavedLate { after } => format!("saved late: {}", after.as_secs()),
        other => format!("{other:?}"),
    };
    std::mem::take(&mut *told.lock().unwrap()).into_iter().map(name).collect()
}

struct Stage {
    clock: ManualClock,
    grant: StrictGrant,
    store: Arc<FaultStore<MemoryStore>>,
    source: RefreshingSource,
    told: Told,
}

impl Stage {
    async fn logged_in() -> Self {
        let clock = ManualClock::new();
        let store = Arc::new(FaultStore::new(MemoryStore::with_clock(Arc::new(clock.clone()))));
        let grant = StrictGrant::new(&clock);
        let (source, told) = listening(&grant, &store, &clock);
        source.sign_in(&grant.login()).await.unwrap();
        Self { clock, grant, store, source, told }
    }
}

#[tokio::test]
async fn new_tokens_are_told_of_where_they_are_won_and_where_they_are_taken_over() {
    let Stage { clock, grant, store, source: first, told } = Stage::logged_in().await;
    let (second, told_second) = listening(&grant, &store, &clock);
    assert_eq!(token_of(&second.token().await.unwrap()), "a1");
    assert!(news(&told).is_empty() && news(&told_second).is_empty(), "nothing is new");
    clock.advance(LIFE);
    first.token().await.unwrap();
    second.token().await.unwrap();
    settle().await;
    assert_eq!(news(&told), ["refreshed: renewed here"]);
    assert_eq!(news(&told_second), ["refreshed: renewed elsewhere"]);
    let origins = [&first, &second].map(|source| source.status().origin);
    assert_eq!(origins, [Some(Origin::Refresh), Some(Origin::Elsewhere)]);
    // Also where nobody needed it: by a look at the store.
    clock.advance(LIFE.mul_f64(0.75));
    first.token().await.unwrap();
    settle().await;
    clock.advance(LIFE.mul_f64(0.2));
    first.token().await.unwrap();
    settle().await;
    assert_eq!(news(&told), ["refreshed: renewed here"]);
    let _ = second.token().await.unwrap();
    settle().await;
    assert_eq!(news(&told_second), ["refreshed: renewed elsewhere"]);
}

// REF-03, REF-09
#[tokio::test]
async fn each_failure_is_told_once_and_says_whether_callers_notice() {
    let Stage { clock, grant, source, told, .. } = Stage::logged_in().await;
    let fail = |kind| grant.twist(Twist::Fail(GrantError::new(kind, "told to")));
    fail(GrantErrorKind::NotProcessed);
    clock.advance(LIFE.mul_f64(0.85));
    for _ in 0..10 {
        source.token().await.unwrap();
        settle().await;
    }
    let first = news(&told);
    assert!(matches!(first.as_slice(), [one] if one.starts_with("failing: NotProcessed 1 ")), "{first:?}");
    assert!(first[0].ends_with("true"), "callers have a token: {first:?}");
    fail(GrantErrorKind::Misconfigured);
    clock.advance(LIFE);
    for _ in 0..60 {
        assert!(source.token().await.is_err());
        settle().await;
        clock.advance(Duration::from_millis(990));
    }
    assert_eq!(news(&told), ["failing: Misconfigured 2 60 false"], "the client is rejected, for a minute");
    clock.advance(Duration::from_secs(1));
    source.token().await.unwrap();
    settle().await;
    assert_eq!(news(&told), ["refreshed: renewed here"], "and the refresh token was kept");
}

// REF-07, LGO-11
#[tokio::test]
async fn a_login_that_is_over_is_told_once_in_each_process() {
    let Stage { clock, grant, store, source, told } = Stage::logged_in().await;
    grant.twist(Twist::Fail(GrantError::new(GrantErrorKind::Refused(Cause::GrantRejected), "revoked")));
    clock.advance(LIFE);
    let (restarted, told_again) = listening(&grant, &store, &clock);
    for _ in 0..20 {
        for source in [&source, &restarted] {
            assert!(source.token().await.is_err());
        }
        settle().await;
        clock.advance(Duration::from_secs(3));
    }
    assert_eq!(news(&told), ["login needed: GrantRejected"]);
    assert_eq!(news(&told_again), ["login needed: GrantRejected"]);
    source.sign_in(&grant.login()).await.unwrap();
    restarted.sign_out().await.unwrap();
    clock.advance(Duration::from_secs(5));
    source.token().await.unwrap();
    settle().await;
    assert!(source.token().await.is_err());
    assert_eq!(news(&told), ["login needed: LoggedOut"], "somebody signed out elsewhere");
    assert!(restarted.token().await.is_err());
    assert!(news(&told_again).is_empty(), "who signs out knows it");
    let (stranger, told_stranger) = listening(&grant, &store, &clock);
    assert!(stranger.token().await.is_err());
    settle().await;
    assert!(news(&told_stranger).is_empty(), "there was no login that ended");
}

// REF-04
#[tokio::test]
async fn tokens_that_are_saved_late_are_told_of_twice() {
    let Stage { clock, store, source, told, .. } = Stage::logged_in().await;
    for _ in 0..4 {
        store.fail_next(StoreOperation::Commit, StoreFault::Before(StoreErrorKind::Unavailable));
    }
    clock.advance(LIFE);
    assert_eq!(token_of(&source.token().await.unwrap()), "a2");
    settle().await;
    assert_eq!(news(&told), ["unsaved: Store(Unavailable)"]);
    assert!(source.status().unsaved);
    for _ in 0..4 {
        settle().await;
        clock.advance(Duration::from_millis(500));
    }
    settle().await;
    assert_eq!(news(&told), ["saved late: 2", "refreshed: renewed here"]);
    assert!(!source.status().unsaved);
}

// REF-18
#[tokio::test]
async fn the_end_of_a_login_is_told_ahead_and_causes_no_storm() {
    let Stage { clock, grant, source, told, .. } = Stage::logged_in().await;
    let ends_at = oidc_core::Clock::wall(&clock) + Duration::from_secs(120);
    source.sign_in(&grant.login().with_refresh_end(ends_at)).await.unwrap();
    assert_eq!(source.status().login_ends_in, Some(Duration::from_secs(120)));
    let use_it_until = async |end: u64| {
        for _ in 0..end / 5 {
            clock.advance(Duration::from_secs(5));
            source.token().await.unwrap();
            settle().await;
        }
    };
    use_it_until(55).await;
    assert!(news(&told).is_empty(), "it has more than half of its life to go");
    use_it_until(15).await;
    assert_eq!(news(&told), ["ending: 60"]);
    // The provider prolongs the session no more: with new tokens it names the same end.
    source.sign_in(&grant.login().with_refresh_end(ends_at + Duration::from_secs(1))).await.unwrap();
    use_it_until(45).await;
    assert!(news(&told).is_empty(), "it is known");
    assert_eq!(source.status().login_ends_in, Some(Duration::from_secs(6)));
    clock.advance(Duration::from_secs(3_600));
    grant.twist(Twist::Fail(GrantError::new(GrantErrorKind::Refused(Cause::GrantRejected), "session ended")));
    for _ in 0..100 {
        assert!(source.token().await.is_err());
        settle().await;
        clock.advance(Duration::from_millis(300));
    }
    assert_eq!(grant.sent().len(), 1, "the end costs one request");
    assert_eq!(news(&told), ["login needed: GrantRejected"]);
}

// REF-19
#[tokio::test]
async fn a_listener_that_panics_harms_nobody() {
    let Stage { clock, grant, store, .. } = Stage::logged_in().await;
    let source = listening_with(&grant, &store, &clock, |_| panic!("told to"));
    for round in 2..5 {
        clock.advance(LIFE);
        assert_eq!(token_of(&source.token().await.unwrap()), format!("a{round}"));
        settle().await;
    }
    assert_eq!(source.status().state, State::Fresh);
    source.shutdown().await.unwrap();
}

// REF-20
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_may_use_the_source_that_it_is_told_of() {
    let Stage { clock, grant, store, .. } = Stage::logged_in().await;
    let (seen, saw) = mpsc::channel();
    let source = listening_with(&grant, &store, &clock, move |event| {
        let source = event.source.clone();
        let token = futures_util::FutureExt::now_or_never(source.token()).unwrap().unwrap();
        assert!(source.peek().is_some() && source.key() == key().id());
        let seen = seen.clone();
        let before = (token_of(&token), source.status().state);
        tokio::spawn(async move {
            source.sign_out().await.unwrap();
            let _ = seen.send((before, source.status().state));
        });
    });
    clock.advance(LIFE);
    let _ = source.token().await;
    let saw = tokio::task::spawn_blocking(move || saw.recv_timeout(Duration::from_secs(20)));
    let (before, after) = saw.await.unwrap().expect("the listener is not stuck");
    assert_eq!(before, ("a2".to_owned(), State::Fresh));
    assert_eq!(after, State::ReauthRequired);
}

// REF-05, REF-20
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_does_not_return_delays_neither_tokens_nor_their_write() {
    let Stage { clock, grant, store, .. } = Stage::logged_in().await;
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let blocked = listening_with(&grant, &store, &clock, move |_| {
        let _ = held.lock().unwrap().recv_timeout(Duration::from_secs(20));
    });
    clock.advance(LIFE);
    assert_eq!(token_of(&blocked.token().await.unwrap()), "a2", "while the listener goes on");
    let other = source(&grant, &store, &clock);
    assert_eq!(token_of(&other.token().await.unwrap()), "a2", "and the store has it");
    clock.advance(LIFE);
    assert_eq!(token_of(&other.token().await.unwrap()), "a3");
    assert_eq!(token_of(&blocked.token().await.unwrap()), "a3");
    drop(release);
    blocked.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_pool_says_whose_login_it_is() {
    let clock = ManualClock::new();
    let (grant, told) = (StrictGrant::new(&clock), Arc::new(Mutex::new(Vec::new())));
    let store = MemoryStore::with_clock(Arc::new(clock.clone()));
    let pool = TokenPool::builder(store, grant.clone())
        .clock(Arc::new(clock.clone()))
        .on_event({
            let told = told.clone();
            move |event| told.lock().unwrap().push((event.source.key(), event.source.status().state))
        })
        .build()
        .unwrap();
    pool.sign_in(&key(), &grant.login()).await.unwrap();
    grant.twist(Twist::Fail(GrantError::new(GrantErrorKind::Refused(Cause::GrantRejected), "revoked")));
    clock.advance(LIFE);
    let error = pool.source(&key()).token().await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::ReauthRequired(Cause::GrantRejected));
    settle().await;
    assert_eq!(told.lock().unwrap().as_slice(), [(key().id(), State::ReauthRequired)]);
}
