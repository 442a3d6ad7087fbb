//! The desk under its lock and the attention beside it, in threads whose every interleaving at a lock, a wake-up or an atomic
//! number a random scheduler may choose. A failure prints the schedule, and `shuttle::replay` repeats it.
//!
//! Only what stands on these primitives can be seen this way: the real desk and the real attention, in a shell of a few lines.
//! `ArcSwap` and tokio's channels are not, so the order of publishing and calling is that of the shell, and not it itself.

use std::{collections::HashMap, sync::Arc, time::Duration};

use oidc_core::BootTime;
use shuttle::{
    sync::{
        Condvar, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use super::{Desk, Ending, Entry, Exit, Landing, Reason, Ticket, Token};
use crate::{
    attention::{Attention, Number},
    decide::Timing,
    policy::RefreshPolicy,
};

impl Number for AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn get(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn swap(&self, value: u64) -> u64 {
        self.swap(value, Ordering::Relaxed)
    }

    fn change(&self, from: u64, to: u64) -> bool {
        self.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Why;

impl Reason for Why {
    fn closed() -> Self {
        Self
    }

    fn signed_out() -> Self {
        Self
    }

    fn rejected(_: Duration) -> Self {
        Self
    }
}

/// The shell: one lock, one place to wait.
struct Shell {
    state: Mutex<State>,
    called: Condvar,
    flights: AtomicUsize,
    aloft: AtomicUsize,
    fails: bool,
}

struct State {
    desk: Desk<Why>,
    token: Option<Token>,
    calls: HashMap<Ticket, Landing<Why>>,
}

const NOW: Duration = Duration::from_secs(100);

fn now() -> BootTime {
    BootTime::from_origin(NOW)
}

impl Shell {
    fn new(fails: bool) -> Arc<Self> {
        let state = State { desk: Desk::default(), token: None, calls: HashMap::new() };
        Arc::new(Self {
            state: Mutex::new(state),
            called: Condvar::new(),
            flights: AtomicUsize::new(0),
            aloft: AtomicUsize::new(0),
            fails,
        })
    }

    /// What a caller gets: a generation or nothing.
    fn token(self: &Arc<Self>) -> Option<u64> {
        loop {
            let mut state = self.state.lock().unwrap();
            let token = state.token;
            let ticket = match state.desk.enter(now(), token) {
                Entry::Serve => return token.map(|token| token.generation),
                Entry::Fail(Why) => return None,
                Entry::Wait(ticket) => ticket,
                Entry::Start(ticket) => {
                    let shell = self.clone();
                    thread::spawn(move || shell.fly(ticket));
                    ticket
                }
            };
            while !state.calls.contains_key(&ticket) {
                state = self.called.wait(state).unwrap();
            }
            let (landing, token) = (state.calls[&ticket].clone(), state.token);
            match Desk::leave(now(), token, landing) {
                Exit::Serve => return token.map(|token| token.generation),
                Exit::Fail(Why) => return None,
                Exit::Again => {}
            }
        }
    }

    /// As the shell does it: the desk first, under the lock, and then the call.
    fn fly(&self, ticket: Ticket) {
        assert_eq!(self.aloft.fetch_add(1, Ordering::SeqCst), 0, "two refreshes at once");
        self.flights.fetch_add(1, Ordering::SeqCst);
        thread::yield_now();
        self.aloft.fetch_sub(1, Ordering::SeqCst);
        let policy = RefreshPolicy::default();
        let landing = {
            let mut state = self.state.lock().unwrap();
            let ending = if self.fails {
                Ending::Failed { error: Why, pause: Duration::from_secs(1) }
            } else {
                let generation = state.token.map_or(1, |token| token.generation + 1);
                let timing = Timing { refresh_at: BootTime::NEVER, ends_at: BootTime::NEVER };
                state.token = Some(Token { generation, timing, received: now(), rejected: false });
                Ending::Renewed
            };
            let token = state.token;
            state.desk.land(ticket, now(), token, ending, &policy)
        };
        self.state.lock().unwrap().calls.insert(ticket, landing);
        self.called.notify_all();
    }

    fn reject(&self, generation: u64) {
        let mut state = self.state.lock().unwrap();
        let Some(mut token) = state.token.filter(|token| token.generation == generation && !token.rejected)
        else {
            return;
        };
        token.rejected = true;
        state.token = Some(token);
        state.desk.reject(now(), &token, &RefreshPolicy::default());
    }
}

const SCHEDULES: usize = 2_000;

// REF-01
#[test]
fn four_threads_share_one_refresh_and_all_are_woken() {
    for fails in [false, true] {
        let callers = move || {
            let shell = Shell::new(fails);
            let callers = (0..4).map(|_| {
                let shell = shell.clone();
                thread::spawn(move || shell.token())
            });
            let got: Vec<_> =
                callers.collect::<Vec<_>>().into_iter().map(|caller| caller.join().unwrap()).collect();
            assert_eq!(got, [if fails { None } else { Some(1) }; 4]);
            assert_eq!(shell.flights.load(Ordering::SeqCst), 1);
        };
        shuttle::check_random(callers, SCHEDULES);
        shuttle::check_pct(callers, SCHEDULES, 3);
    }
}

// REF-21
#[test]
fn threads_that_report_one_token_get_one_new_one() {
    let reporters = || {
        let shell = Shell::new(false);
        assert_eq!(shell.token(), Some(1));
        let reporters = (0..3).map(|_| {
            let shell = shell.clone();
            thread::spawn(move || {
                shell.reject(1);
                shell.token()
            })
        });
        let got: Vec<_> =
            reporters.collect::<Vec<_>>().into_iter().map(|caller| caller.join().unwrap()).collect();
        assert_eq!(got, [Some(2); 3]);
        assert_eq!(shell.flights.load(Ordering::SeqCst), 2);
    };
    shuttle::check_random(reporters, SCHEDULES);
    shuttle::check_pct(reporters, SCHEDULES, 3);
}

// REF-03, REF-21
#[test]
fn of_several_threads_one_claims_attention_and_no_claim_undoes_a_rejection() {
    let race = || {
        let attention = Arc::new(Attention::<AtomicU64>::at(now()));
        let claims = Arc::new(AtomicUsize::new(0));
        let claimers = (0..3).map(|_| {
            let (attention, claims) = (attention.clone(), claims.clone());
            thread::spawn(move || {
                if attention.claim(now(), now().after(Duration::from_secs(1))) {
                    claims.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        let claimers: Vec<_> = claimers.collect();
        let rejecter = {
            let attention = attention.clone();
            thread::spawn(move || assert!(attention.reject()))
        };
        claimers.into_iter().chain([rejecter]).for_each(|thread| thread.join().unwrap());
        assert!(claims.load(Ordering::SeqCst) <= 1);
        assert!(attention.is_rejected() && !attention.is_quiet(now()));
    };
    shuttle::check_random(race, SCHEDULES);
    shuttle::check_pct(race, SCHEDULES, 3);
}
