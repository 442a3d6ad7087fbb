//! The state that is explored: the desk, the token, those who come, and what must not be forgotten about the past.

use std::{
    hash::{Hash, Hasher},
    sync::{LazyLock, atomic::AtomicU64},
    time::Duration,
};

use oidc_core::BootTime;

use super::{
    caller::Caller,
    logins::{Logins, Record},
    promises,
    scenario::{Budget, Scenario, Start},
    trip::Trip,
};
use crate::{
    attention::{Attention, Number},
    decide::Timing,
    desk::{Desk, Reason, Token},
    policy::RefreshPolicy,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) now: BootTime,
    pub(super) desk: Desk<Why>,
    pub(super) token: Option<Held>,
    /// In a fixed order: who is who does not matter.
    pub(super) callers: Vec<Caller>,
    pub(super) trips: Vec<Trip>,
    pub(super) logins: Logins,
    pub(super) left: Budget,
    pub(super) seen: Seen,
}

/// The token that is there, with the part of the snapshot that the hot path reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) generation: u64,
    pub(super) timing: Timing,
    pub(super) received: BootTime,
    pub(super) attention: Attention<Plain>,
    /// What it is in the store.
    pub(super) record: Record,
    /// It was over when it arrived.
    pub(super) over: bool,
}

/// What the past demands of the present. None of it is known to the desk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    /// The first promise that was broken.
    pub(super) broken: Option<&'static str>,
    /// How often somebody signed in or out.
    pub(super) era: u8,
    /// No refresh may start before this moment.
    pub(super) quiet_until: BootTime,
    pub(super) requested_at: Option<BootTime>,
    pub(super) generations: u64,
    /// The newest generation that anybody got.
    pub(super) served: u64,
    /// The generations that were reported as rejected, one bit each.
    pub(super) reported: u32,
    /// An API rejects whatever is won.
    pub(super) in_vain: bool,
    /// Logins up to this one have ended here.
    pub(super) ended: u8,
    pub(super) closed: bool,
    /// What happened at least once.
    pub(super) events: Events,
}

/// What has to happen somewhere, if the exploration is to mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Events {
    pub(super) renewed: bool,
    pub(super) shared: bool,
    pub(super) late: bool,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Why {
    Closed,
    SignedOut,
    Rejected,
    Down,
    Dead,
    Internal,
}

/// What the provider gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Good,
    /// Over when it arrives.
    Over,
    /// The access token of before, with a new life.
    Same,
}

/// An atomic number that can be copied and compared.
#[derive(Debug)]
pub(super) struct Plain(AtomicU64);

pub(super) const REFRESH_AFTER: Duration = Duration::from_secs(4);
pub(super) const LIFE: Duration = Duration::from_secs(6);
pub(super) const PAUSE: Duration = Duration::from_secs(2);

pub(super) static POLICY: LazyLock<RefreshPolicy> = LazyLock::new(|| RefreshPolicy {
    tolerated_rejections: 1,
    revalidate_after: Duration::from_secs(3),
    ..RefreshPolicy::default()
});

impl World {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let start = BootTime::from_origin(Duration::from_secs(100));
        let logins = Logins::default();
        let mut world = Self {
            now: start,
            desk: Desk::default(),
            token: None,
            callers: vec![Caller::new(scenario.asks); usize::from(scenario.callers)],
            trips: Vec::new(),
            left: scenario.budget,
            seen: Seen {
                broken: None,
                era: 0,
                quiet_until: start,
                requested_at: None,
                generations: 0,
                served: 0,
                reported: 0,
                in_vain: false,
                ended: 0,
                closed: false,
                events: Events::default(),
            },
            logins,
        };
        if let Some(record) = world.logins.row {
            world.publish(record, Kind::Good);
        }
        world.now = match scenario.start {
            Start::Fresh => start,
            Start::Due => start.after(REFRESH_AFTER),
            Start::Ended => start.after(LIFE),
        };
        world
    }

    pub(super) fn what_is_there(&self) -> Option<Token> {
        self.token.as_ref().map(Held::token)
    }

    /// As the shell does it: a token that is there already keeps its generation, and stays rejected if it was.
    pub(super) fn publish(&mut self, record: Record, kind: Kind) {
        if self.seen.closed {
            return;
        }
        if let Some(held) = self.token.as_mut().filter(|held| held.record == record) {
            held.record = record;
            return;
        }
        let again = self.token.as_mut().filter(|_| kind == Kind::Same);
        if let Some(held) = again {
            held.record = record;
            if !held.attention.is_rejected() {
                held.timing =
                    Timing { refresh_at: self.now.after(REFRESH_AFTER), ends_at: self.now.after(LIFE) };
                held.attention = Attention::at(self.now.after(POLICY.revalidate_after));
                held.over = false;
            }
            return;
        }
        self.seen.generations += 1;
        let over = kind == Kind::Over;
        let (refresh_at, ends_at) = match kind {
            Kind::Over => (self.now, self.now),
            Kind::Good | Kind::Same => (self.now.after(REFRESH_AFTER), self.now.after(LIFE)),
        };
        let look_at = self.now.after(POLICY.revalidate_after);
        self.token = Some(Held {
            generation: self.seen.generations,
            timing: Timing { refresh_at, ends_at },
            received: self.now,
            attention: Attention::at(refresh_at.min(ends_at).min(look_at)),
            record,
            over,
        });
    }

    /// The next moment that matters to anybody.
    pub(super) fn next_moment(&self) -> Option<BootTime> {
        let token = self.token.iter().flat_map(|held| [held.timing.refresh_at, held.timing.ends_at]);
        let look = self.token.iter().map(|held| held.received.after(POLICY.revalidate_after));
        let failure = self.desk.failure().map(|failure| failure.until);
        let quiet = Some(self.seen.quiet_until);
        token
            .chain(look)
            .chain(failure)
            .chain(quiet)
            .chain(self.next_request())
            .filter(|at| *at > self.now)
            .min()
    }

    /// When a flight that waits may send its request.
    pub(super) fn next_request(&self) -> Option<BootTime> {
        let waits = self.trips.iter().any(|trip| trip.is_ready());
        waits.then(|| self.now.after(self.desk.distance(self.now)))
    }

    pub(super) fn breaks(&mut self, promise: &'static str) {
        self.seen.broken.get_or_insert(promise);
    }

    /// Notes that somebody signed in or out.
    pub(super) fn next_era(&mut self) {
        self.seen.era += 1;
        self.seen.quiet_until = self.now;
    }

    /// Somebody gets the token that is there; `judge` is the one that may be over.
    pub(super) fn hand_out(&mut self, judge: Option<u64>) -> Option<u64> {
        let Some(held) = self.token.clone() else {
            self.breaks(promises::GOOD_TOKENS);
            return None;
        };
        let generation = held.generation;
        let over = judge == Some(generation) && held.over;
        let ended = self.now >= held.timing.ends_at && !over;
        if ended || self.seen.reported & (1 << generation) != 0 {
            self.breaks(promises::GOOD_TOKENS);
        }
        if generation < self.seen.served {
            self.breaks(promises::RISING);
        }
        if held.record.login <= self.seen.ended || self.seen.closed {
            self.breaks(promises::RIGHT_LOGIN);
        }
        self.seen.served = generation;
        Some(generation)
    }
}

impl Held {
    pub(super) fn token(&self) -> Token {
        let Self { generation, timing, received, .. } = *self;
        Token { generation, timing, received, rejected: self.attention.is_rejected() }
    }
}

impl Reason for Why {
    fn closed() -> Self {
        Self::Closed
    }

    fn signed_out() -> Self {
        Self::SignedOut
    }

    fn rejected(_: Duration) -> Self {
        Self::Rejected
    }
}

impl Number for Plain {
    fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    fn get(&self) -> u64 {
        self.0.get()
    }

    fn swap(&self, value: u64) -> u64 {
        Number::swap(&self.0, value)
    }

    fn change(&self, from: u64, to: u64) -> bool {
        self.0.change(from, to)
    }
}

impl Clone for Plain {
    fn clone(&self) -> Self {
        Self::new(self.get())
    }
}

impl PartialEq for Plain {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Plain {}

impl Hash for Plain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}
