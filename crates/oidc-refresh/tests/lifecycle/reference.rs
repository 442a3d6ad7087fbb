//! What callers get, compared with a small model of what they should, over random sequences of everything that may happen.
#![allow(clippy::unwrap_used, reason = "what is wrong here is wrong with the test")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use oidc_core::{
    AccessToken, Clock, Generation, Grant, GrantError, GrantErrorKind, Lifetime, Secret, SendGate, Target,
    TokenError, TokenErrorKind, TokenSet, TokenSource,
};
use oidc_refresh::{RefreshPolicy, RefreshingSource};
use oidc_testkit::ManualClock;
use proptest::prelude::*;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::support::{settle, token_of};

#[derive(Clone, Copy, Debug)]
enum Event {
    /// Somebody wants a token.
    Come,
    /// The one who has waited longest gives up.
    GiveUp,
    /// An API rejects the token that somebody got last, or one from before.
    Reject { stale: bool },
    /// The provider answers the request that it has.
    Answer { good: bool },
    /// So many milliseconds pass.
    Pass(u64),
}

/// What a caller gets: the number of a token, or an error.
type Got = Result<u32, TokenErrorKind>;

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Come),
        1 => Just(Event::GiveUp),
        3 => prop::bool::weighted(0.2).prop_map(|stale| Event::Reject { stale }),
        3 => any::<bool>().prop_map(|good| Event::Answer { good }),
        2 => prop_oneof![Just(1), Just(999), Just(1_000), Just(5_000), Just(14_999), 1u64..20_000].prop_map(Event::Pass),
    ]
}

/// What should happen. All times are milliseconds.
#[derive(Debug, Default)]
struct Reference {
    now: u64,
    token: Option<Token>,
    wins: u32,
    refresh: Option<Refresh>,
    waiting: VecDeque<usize>,
    callers: usize,
    failure: Option<(TokenErrorKind, u64)>,
    early_rejections: u32,
    /// From here on the next request may be sent.
    next_request_at: u64,
    requests: usize,
    got: Vec<(usize, Got)>,
}

#[derive(Debug)]
struct Token {
    number: u32,
    received: u64,
    rejected: bool,
    /// When a caller may be the one to start the next refresh.
    remind_at: u64,
}

#[derive(Debug, PartialEq)]
enum Refresh {
    Waits,
    Sent,
}

const REFRESH_AFTER: u64 = 80_000;
const ENDS_AFTER: u64 = 95_000;
const EARLY: u64 = 10_000;
const SECOND: u64 = 1_000;
const TOLERATED: u32 = 1;

impl Reference {
    fn come(&mut self) {
        let caller = self.callers;
        self.callers += 1;
        let failing = self.failure.filter(|(_, until)| self.now < *until).map(|(kind, _)| kind);
        match self.token.as_mut().filter(|token| !token.rejected && self.now < token.received + ENDS_AFTER) {
            Some(token) => {
                self.got.push((caller, Ok(token.number)));
                if self.now >= token.remind_at {
                    token.remind_at = self.now + SECOND;
                    if self.refresh.is_none() && failing.is_none() {
                        self.start();
                    }
                }
            }
            None if self.refresh.is_some() => self.waiting.push_back(caller),
            None => match failing {
                Some(kind) => self.got.push((caller, Err(kind))),
                None => {
                    self.waiting.push_back(caller);
                    self.start();
                }
            },
        }
    }

    fn start(&mut self) {
        self.refresh = Some(Refresh::Waits);
        self.send();
    }

    fn send(&mut self) {
        if self.refresh == Some(Refresh::Waits) && self.now >= self.next_request_at {
            self.refresh = Some(Refresh::Sent);
            self.requests += 1;
        }
    }

    fn pass(&mut self, time: u64) {
        self.now += time;
        self.send();
    }

    fn reject(&mut self, number: u32) {
        let Some(token) = self.token.as_mut().filter(|token| token.number == number && !token.rejected)
        else {
            return;
        };
        token.rejected = true;
        self.early_rejections = if self.now < token.received + EARLY { self.early_rejections + 1 } else { 0 };
        if self.early_rejections > TOLERATED {
            self.failure = Some((TokenErrorKind::Rejected, self.now + SECOND));
        }
    }

    fn answer(&mut self, good: bool) {
        self.refresh = None;
        self.next_request_at = self.now + SECOND;
        if good {
            self.wins += 1;
            let (number, received) = (self.wins, self.now);
            self.token =
                Some(Token { number, received, rejected: false, remind_at: received + REFRESH_AFTER });
            self.failure = None;
        } else {
            self.failure = Some((TokenErrorKind::NotProcessed, self.now + SECOND));
        }
        // Whoever waits had nothing when they came; a token that is good now is theirs, else the failure is.
        let got = if good { Ok(self.wins) } else { Err(TokenErrorKind::NotProcessed) };
        self.got.extend(self.waiting.drain(..).map(|caller| (caller, got)));
    }
}

/// Wins what it is told to win, when it is told to.
#[derive(Clone, Debug, Default)]
struct Scripted(Arc<Mutex<Requests>>);

#[derive(Debug, Default)]
struct Requests {
    open: Vec<oneshot::Sender<Answer>>,
    sent: usize,
}

type Answer = Result<TokenSet, GrantError>;
type Call = JoinHandle<Result<(u32, Generation), TokenError>>;

#[async_trait]
impl Grant for Scripted {
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
        let (answer, answered) = oneshot::channel();
        {
            let mut requests = self.0.lock().unwrap();
            requests.sent += 1;
            requests.open.push(answer);
        }
        answered.await.unwrap()
    }
}

struct Real {
    clock: ManualClock,
    grant: Scripted,
    source: RefreshingSource,
    wins: u32,
    waiting: VecDeque<(usize, Call)>,
    callers: usize,
    /// What was handed out, in order.
    served: Vec<(u32, Generation)>,
    got: Vec<(usize, Got)>,
}

impl Real {
    fn new() -> Self {
        let (clock, grant) = (ManualClock::new(), Scripted::default());
        let mut policy = RefreshPolicy::default();
        // Nothing is left to chance, and nothing is compared with a store in between.
        (policy.jitter, policy.revalidate_after) = (0.0, Duration::from_secs(86_400));
        (policy.backoff_cap, policy.backoff_cap_waiting) = (policy.backoff_start, policy.backoff_start);
        (policy.request_timeout, policy.tolerated_rejections) = (Duration::from_secs(600), TOLERATED);
        let builder = RefreshingSource::builder(grant.clone()).policy(policy).clock(Arc::new(clock.clone()));
        let (source, waiting) = (builder.build().unwrap(), VecDeque::new());
        let (served, got) = Default::default();
        Self { clock, grant, source, wins: 0, waiting, callers: 0, served, got }
    }

    fn come(&mut self) {
        let source = self.source.clone();
        let call = async move {
            let credential = source.token().await?;
            let number = token_of(&credential).trim_start_matches('a').parse().unwrap();
            Ok((number, credential.generation()))
        };
        self.waiting.push_back((self.callers, tokio::spawn(call)));
        self.callers += 1;
    }

    fn answer(&mut self, good: bool) {
        let Some(answer) = self.grant.0.lock().unwrap().open.pop() else { return };
        self.wins += u32::from(good);
        let lifetime = Lifetime::new(self.clock.wall(), Some(Duration::from_secs(100)));
        let access = AccessToken::bearer(Secret::from(format!("a{}", self.wins)), lifetime).unwrap();
        let failure = || GrantError::new(GrantErrorKind::NotProcessed, "told to");
        let _ = answer.send(good.then(|| TokenSet::new(access)).ok_or_else(failure));
    }

    /// Lets everything happen that can, and collects what callers got.
    async fn settle(&mut self) {
        settle().await;
        for (caller, call) in std::mem::take(&mut self.waiting) {
            if !call.is_finished() {
                self.waiting.push_back((caller, call));
                continue;
            }
            let result = call.await.unwrap();
            if let Ok(served) = &result {
                self.served.push(*served);
            }
            self.got.push((caller, result.map(|(number, _)| number).map_err(|error| error.kind())));
        }
    }
}

async fn compare(events: &[Event]) -> Result<(), TestCaseError> {
    let (mut real, mut reference) = (Real::new(), Reference::default());
    for (step, event) in events.iter().enumerate() {
        match *event {
            Event::Come => {
                reference.come();
                real.come();
            }
            Event::GiveUp => {
                reference.waiting.pop_front();
                if let Some((_, call)) = real.waiting.pop_front() {
                    call.abort();
                }
            }
            Event::Reject { stale } => {
                let reported = if stale { real.served.first() } else { real.served.last() };
                if let Some((number, generation)) = reported {
                    reference.reject(*number);
                    real.source.reject(*generation);
                }
            }
            Event::Answer { good } if reference.refresh == Some(Refresh::Sent) => {
                reference.answer(good);
                real.answer(good);
            }
            Event::Answer { .. } => {}
            Event::Pass(time) => {
                reference.pass(time);
                real.clock.advance(Duration::from_millis(time));
            }
        }
        real.settle().await;
        prop_assert_eq!(&real.got, &reference.got, "after {} of {:?}: {:?}", step, events, reference);
        let requests = real.grant.0.lock().unwrap().sent;
        prop_assert_eq!(requests, reference.requests, "after {} of {:?}: {:?}", step, events, reference);
        prop_assert!(real.served.is_sorted_by_key(|(_, generation)| *generation));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    // REF-01, REF-02, REF-03, REF-21, CAN-01, LAY-08
    #[test]
    fn everybody_gets_what_the_reference_says(events in prop::collection::vec(any_event(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(compare(&events))?;
    }
}
