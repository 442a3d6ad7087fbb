//! Clocks that jump, machines that sleep, and tokens that hardly live.
#![allow(clippy::unwrap_used, reason = "what is wrong here is wrong with the test")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use oidc_core::{
    AccessToken, BootTime, Clock, Grant, GrantError, Lifetime, MemoryStore, Secret, SendGate, SystemClock,
    Target, TokenErrorKind, TokenSet, TokenSource,
};
use oidc_refresh::{RefreshingSource, State};
use oidc_testkit::ManualClock;

use crate::support::{LIFE, Scene, StrictGrant, settle, source, token_of};

const HOUR: Duration = Duration::from_secs(3_600);
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

fn jumped(clock: &ManualClock, by: Duration, ahead: bool) -> SystemTime {
    if ahead { clock.wall() + by } else { clock.wall() - by }
}

// CLK-01
#[tokio::test]
async fn a_wall_clock_that_jumps_costs_nothing_and_prolongs_nothing() {
    for (by, ahead) in [(HOUR, true), (TEN_YEARS, true), (HOUR, false), (TEN_YEARS, false)] {
        let Scene { clock, grant, source: mine, store } = Scene::logged_in().await;
        clock.advance(Duration::from_secs(20));
        clock.set_wall(jumped(&clock, by, ahead));
        for _ in 0..50 {
            assert_eq!(token_of(&mine.token().await.unwrap()), "a1");
            settle().await;
            clock.advance(Duration::from_secs(1));
        }
        assert!(grant.sent().is_empty(), "the boot clock says that it is fresh");
        // Who reads the store now has nothing but the wall clock to judge by.
        let other = source(&grant, &store, &clock);
        for _ in 0..20 {
            other.token().await.unwrap();
            settle().await;
            clock.advance(Duration::from_millis(500));
        }
        assert!(grant.sent().len() <= 1, "{:?} after {by:?} ahead: {ahead}", grant.sent());
        clock.advance_boot(LIFE);
        assert_ne!(token_of(&mine.token().await.unwrap()), "a1", "its life is over on the boot clock");
        assert!(grant.sent().len() <= 2);
    }
}

// CLK-02
#[tokio::test]
async fn a_machine_that_slept_wakes_with_tokens_that_have_ended() {
    for only_boot in [false, true] {
        let Scene { clock, grant, source, .. } = Scene::logged_in().await;
        assert!(source.peek().is_some());
        if only_boot {
            clock.advance_boot(HOUR)
        } else {
            clock.advance(HOUR)
        }
        assert!(source.peek().is_none(), "nobody is served in the moment after waking");
        assert_eq!(source.status().ends_in, Some(Duration::ZERO));
        assert_eq!(token_of(&source.token().await.unwrap()), "a2");
        assert_eq!(grant.sent(), ["r1"]);
    }
}

/// Gives tokens of this life, or never answers.
#[derive(Debug)]
struct Brief {
    clock: Arc<dyn Clock>,
    life: Option<Duration>,
    answers: bool,
    asked: Arc<Mutex<Vec<BootTime>>>,
}

#[async_trait]
impl Grant for Brief {
    fn spends(&self) -> bool {
        false
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
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(self.clock.boot());
            asked.len()
        };
        if !self.answers {
            std::future::pending::<()>().await;
        }
        let lifetime = Lifetime::new(self.clock.wall(), self.life);
        Ok(TokenSet::new(AccessToken::bearer(Secret::from(format!("t{number}")), lifetime).unwrap()))
    }
}

// CLK-04, CLK-05
#[tokio::test]
async fn tokens_of_any_life_are_given_and_cost_a_request_per_second_at_most() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let lives = [
        None,
        seconds(0),
        Some(Duration::from_nanos(1)),
        seconds(1),
        seconds(2),
        seconds(5),
        seconds(u64::from(u32::MAX)),
        seconds(u64::MAX),
        Some(Duration::MAX),
    ];
    for life in lives {
        let (clock, asked) = (ManualClock::new(), Arc::new(Mutex::new(Vec::new())));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let grant = Brief { clock: shared.clone(), life, answers: true, asked: asked.clone() };
        let source = RefreshingSource::builder(grant).clock(shared).build().unwrap();
        let mut callers = Vec::new();
        for _ in 0..120 {
            let source = source.clone();
            callers.push(tokio::spawn(async move { source.token().await }));
            settle().await;
            clock.advance(Duration::from_millis(250));
        }
        for _ in 0..20 {
            settle().await;
            clock.advance(Duration::from_secs(1));
        }
        for caller in callers {
            assert!(caller.await.unwrap().is_ok(), "{life:?}");
        }
        let asked = asked.lock().unwrap();
        let close = asked.windows(2).find(|pair| pair[1].since(pair[0]) < Duration::from_secs(1));
        assert_eq!(close, None, "{life:?}");
        let most = if life.is_some_and(|life| life < Duration::from_secs(10)) { 51 } else { 1 };
        assert!((1..=most).contains(&asked.len()), "{life:?}: {}", asked.len());
    }
}

// CLK-03, CLK-07
#[tokio::test]
async fn no_date_is_special() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let dates = [
        ("1970", at(0)),
        ("before 1970", SystemTime::UNIX_EPOCH - TEN_YEARS),
        ("leap second 2016", at(1_483_228_799)),
        ("2038", at(2_147_483_647 - 50)),
        ("2106", at(4_294_967_295 - 50)),
        ("9999", at(253_402_300_799)),
    ];
    for (name, wall) in dates {
        let clock = ManualClock::at(wall, BootTime::from_origin(HOUR));
        let store = Arc::new(MemoryStore::with_clock(Arc::new(clock.clone())));
        let grant = StrictGrant::new(&clock);
        let first = source(&grant, &store, &clock);
        first.sign_in(&grant.login()).await.unwrap();
        clock.advance(LIFE);
        assert_eq!(token_of(&first.token().await.unwrap()), "a2", "{name}");
        let second = source(&grant, &store, &clock);
        assert_eq!(token_of(&second.token().await.unwrap()), "a2", "{name}");
        assert_eq!(grant.sent(), ["r1"], "{name}");
        assert_eq!(first.status().state, State::Fresh, "{name}");
    }
}

// CLK-08
#[tokio::test(start_paused = true)]
async fn a_test_with_paused_tokio_time_neither_hangs_nor_spins() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let started = clock.boot();
    let silent = Brief { clock: clock.clone(), life: None, answers: false, asked: Arc::default() };
    let source = RefreshingSource::builder(silent).build().unwrap();
    let error = source.token().await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::OutcomeUnknown, "half a minute passed for tokio");
    let brief = Brief { clock: clock.clone(), life: None, answers: true, asked: Arc::default() };
    let source = RefreshingSource::builder(brief).build().unwrap();
    assert_eq!(token_of(&source.token().await.unwrap()), "t1");
    source.shutdown().await.unwrap();
    assert!(clock.boot().since(started) < Duration::from_secs(10), "and none for anybody else");
}

/// A clock that moves on whenever it is asked, as real ones do.
#[derive(Debug)]
struct Running(ManualClock);

#[async_trait]
impl Clock for Running {
    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn boot(&self) -> BootTime {
        self.0.advance_boot(Duration::from_nanos(1));
        self.0.boot()
    }

    async fn sleep_until(&self, deadline: BootTime) {
        self.0.sleep_until(deadline).await;
    }
}

// CLK-04
#[tokio::test]
async fn a_token_that_has_ended_is_not_served_in_the_moment_between_two_looks_at_the_clock() {
    let Scene { clock, grant, store, .. } = Scene::ended().await;
    let after_a_restart = RefreshingSource::builder(grant.clone())
        .store(store.clone(), crate::support::key())
        .clock(Arc::new(Running(clock.clone())))
        .build()
        .unwrap();
    assert_ne!(token_of(&after_a_restart.token().await.unwrap()), "a1");
    assert_eq!(grant.sent().len(), 1);
}
