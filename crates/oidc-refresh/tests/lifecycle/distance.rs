//! How far token requests for one login are apart.
#![allow(clippy::unwrap_used, reason = "what is wrong here is wrong with the test")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use oidc_core::{
    BootTime, Clock, Grant, GrantError, GrantErrorKind, MemoryStore, SavedLogin, Secret, SendGate, Target,
    TokenSet, TokenSource, TokenStore, store::WriteId,
};
use oidc_refresh::{RefreshPolicy, RefreshingSource};
use oidc_testkit::ManualClock;

use crate::support::{LIFE, Scene, StrictGrant, Twist, key, settle, token_of};

// LAY-08
#[test]
fn a_request_that_went_down_with_its_runtime_keeps_its_distance() {
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let clock = ManualClock::new();
    let grant = StrictGrant::with(&clock, false);
    let mut policy = RefreshPolicy::default();
    policy.busy_brief = Duration::ZERO;
    let builder = RefreshingSource::builder(grant.clone()).policy(policy);
    let source = builder.clock(Arc::new(clock.clone())).build().unwrap();
    let ask = || {
        let source = source.clone();
        async move { source.token().await }
    };
    let doomed = runtime();
    doomed.block_on(async {
        grant.close().await;
        tokio::spawn(ask());
        settle().await;
    });
    assert_eq!(grant.sent().len(), 1);
    drop(doomed);
    runtime().block_on(async {
        grant.open();
        let caller = tokio::spawn(ask());
        settle().await;
        clock.advance(Duration::from_millis(999));
        settle().await;
        assert_eq!(grant.sent().len(), 1);
        clock.advance(Duration::from_millis(1));
        assert_eq!(token_of(&caller.await.unwrap().unwrap()), "a1");
    });
}

/// The first answer is lost. While the replay is refused, somebody else signs in with tokens that have ended.
#[derive(Clone, Debug)]
struct Overtaken {
    inner: StrictGrant,
    clock: ManualClock,
    store: Arc<MemoryStore>,
    sent_at: Arc<Mutex<Vec<BootTime>>>,
}

#[async_trait]
impl Grant for Overtaken {
    fn spends(&self) -> bool {
        true
    }

    async fn prepare(&self) -> Result<(), GrantError> {
        Ok(())
    }

    async fn obtain(
        &self,
        target: &Target,
        current: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        let number = {
            let mut sent_at = self.sent_at.lock().unwrap();
            sent_at.push(self.clock.boot());
            sent_at.len()
        };
        if number == 2 {
            let key = key().id();
            let payload = SavedLogin::new(self.inner.login()).to_payload(&key);
            self.clock.advance_wall(LIFE);
            let before = self.store.load(&key).await.unwrap().unwrap_or_default();
            self.store.put(&key, Some(before.revision), WriteId::random(), payload).await.unwrap();
        }
        let answer = self.inner.obtain(target, current, gate).await;
        match number {
            1 => Err(GrantError::new(GrantErrorKind::OutcomeUnknown, "lost")),
            _ => answer,
        }
    }

    async fn discard(&self, refresh: &Secret) {
        self.inner.discard(refresh).await;
    }
}

// LAY-08
#[tokio::test]
async fn after_the_quick_replay_the_distance_is_kept_again() {
    let clock = ManualClock::new();
    let store = Arc::new(MemoryStore::with_clock(Arc::new(clock.clone())));
    let inner = StrictGrant::new(&clock);
    let sent_at = Arc::default();
    let grant = Overtaken { inner, clock: clock.clone(), store: store.clone(), sent_at };
    let source = RefreshingSource::builder(grant.clone()).store(store, key());
    let source = source.clock(Arc::new(clock.clone())).build().unwrap();
    source.sign_in(&grant.inner.login()).await.unwrap();
    clock.advance(LIFE);
    let caller = tokio::spawn(async move { source.token().await });
    while !caller.is_finished() {
        settle().await;
        clock.advance(Duration::from_millis(100));
    }
    caller.await.unwrap().unwrap();
    let sent_at = grant.sent_at.lock().unwrap().clone();
    let distances: Vec<_> = sent_at.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert_eq!(distances[0], Duration::ZERO, "the replay");
    assert!(distances[1..].iter().all(|distance| *distance >= Duration::from_secs(1)), "{distances:?}");
    assert!(!distances[1..].is_empty());
}

// LAY-08
#[tokio::test]
async fn a_token_that_the_provider_gives_again_has_the_life_that_it_says() {
    let Scene { clock, grant, source, .. } = Scene::logged_in().await;
    let first = source.token().await.unwrap().generation();
    clock.advance(LIFE.mul_f64(0.85));
    grant.twist(Twist::SameAccess);
    assert_eq!(token_of(&source.token().await.unwrap()), "a1");
    settle().await;
    assert_eq!(grant.sent(), ["r1"]);
    for _ in 0..6 {
        clock.advance(LIFE / 10);
        let credential = source.token().await.unwrap();
        assert_eq!((token_of(&credential).as_str(), credential.generation()), ("a1", first));
        settle().await;
    }
    assert_eq!(grant.sent(), ["r1"], "it is not due again");
}
