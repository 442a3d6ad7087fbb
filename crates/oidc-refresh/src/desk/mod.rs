//! All who want one credential, as a machine without I/O: it is told who comes and what happened, and says who is served, who
//! waits and who starts the one refresh.
//!
//! The shell keeps it behind a mutex, the token in a [`Snapshot`](crate::snapshot::Snapshot) beside it, and one channel for
//! those who wait; it changes token and desk under one lock. What one refresh does is the business of
//! [`Flight`](crate::flight::Flight).

#[cfg(test)]
mod model;
mod rest;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod threads;
mod words;

use std::time::Duration;

use oidc_core::{BootTime, TokenError};

pub(crate) use self::{
    rest::Quiet,
    words::{Ending, Entry, Exit, Failure, Landing, Mode, Reason, Ticket, Token, Upkeep},
};
use crate::{
    decide::{Decision, View, decide},
    policy::RefreshPolicy,
};

/// What is known beside the token. `E` is why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Desk<E = TokenError> {
    mode: Mode,
    /// The tokens that are served are not in the store yet.
    unsaved: bool,
    /// Changes when somebody signs in or out here: what a flight brings that began before counts no more.
    epoch: u32,
    /// How many tickets were given out.
    tickets: u32,
    flight: Option<Aloft>,
    /// From here on a token request keeps its distance from the last one.
    next_request_at: BootTime,
    /// What only matters while something goes wrong.
    trouble: Option<Box<Trouble<E>>>,
}

/// The refresh in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Aloft {
    /// What those wait for who come now.
    ticket: Ticket,
    epoch: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Trouble<E> {
    failure: Option<Failure<E>>,
    /// Failures in a row.
    failures: u32,
    /// Tokens in a row that an API rejected soon after they had been won.
    early_rejections: u32,
}

impl<E> Default for Desk<E> {
    fn default() -> Self {
        let (mode, unsaved, epoch, tickets, flight, next_request_at) = Default::default();
        Self { mode, unsaved, epoch, tickets, flight, next_request_at, trouble: None }
    }
}

/// Callers.
impl<E: Reason> Desk<E> {
    /// Somebody comes who can wait.
    pub(crate) fn enter(&mut self, now: BootTime, token: Option<Token>) -> Entry<E> {
        match self.mode {
            Mode::Open => {}
            Mode::SigningOut => return Entry::Fail(E::signed_out()),
            Mode::Closed => return Entry::Fail(E::closed()),
        }
        match (self.decide(now, token), self.flight) {
            (Decision::Serve | Decision::ServeAndRefresh, _) => Entry::Serve,
            (Decision::Join, Some(flight)) => Entry::Wait(flight.ticket),
            (Decision::Join | Decision::Refresh, _) => Entry::Start(self.start()),
            (Decision::Fail, _) => Entry::Fail(self.failure().map_or_else(E::closed, |it| it.error.clone())),
        }
    }

    /// Somebody was served a token that needs attention: whether a refresh is to be started behind their back.
    pub(crate) fn remind(&mut self, now: BootTime, token: Option<Token>) -> Option<Ticket> {
        let due = self.mode == Mode::Open && self.decide(now, token) == Decision::ServeAndRefresh;
        due.then(|| self.start())
    }

    /// What somebody gets whose ticket was called, with the token that is there now.
    pub(crate) fn leave(now: BootTime, token: Option<Token>, landing: Landing<E>) -> Exit<E> {
        match (landing, token) {
            (_, Some(token)) if token.is_good(now) => Exit::Serve,
            (Landing::Over(generation), Some(token)) if token.generation == generation && !token.rejected => {
                Exit::Serve
            }
            (Landing::Failed(error), _) => Exit::Fail(error),
            (Landing::Changed | Landing::Over(_), _) => Exit::Again,
        }
    }

    /// An API rejected `token`, for the first time. Tokens that are rejected as soon as they are won are not won faster and faster.
    pub(crate) fn reject(&mut self, now: BootTime, token: &Token, policy: &RefreshPolicy) {
        if !token.is_early(now, policy) {
            return self.forget_rejections();
        }
        let trouble = self.trouble();
        trouble.early_rejections = trouble.early_rejections.saturating_add(1);
        if let Some(pause) = policy.rejection_pause(trouble.early_rejections) {
            self.fail(now, E::rejected(pause), pause);
        }
    }

    fn decide(&self, now: BootTime, token: Option<Token>) -> Decision {
        let failing_until = self.failure().map(|failure| failure.until);
        decide(View { now, token, in_flight: self.flight.is_some(), failing_until })
    }
}

/// The refresh in flight.
impl<E: Reason> Desk<E> {
    fn start(&mut self) -> Ticket {
        let ticket = self.next_ticket();
        self.flight = Some(Aloft { ticket, epoch: self.epoch });
        ticket
    }

    fn next_ticket(&mut self) -> Ticket {
        self.tickets = self.tickets.wrapping_add(1);
        Ticket(self.tickets)
    }

    /// The store lost what this process wrote: a refresh is to be started that repairs it.
    pub(crate) fn repair(&mut self, epoch: u32) -> Option<Ticket> {
        self.may_adopt(epoch).then(|| self.start())
    }

    /// Whether what the flight of `ticket` brings still counts: nobody signed in or out since it began.
    pub(crate) fn counts(&self, ticket: Ticket) -> bool {
        self.flight.is_some_and(|flight| flight.ticket == ticket && flight.epoch == self.epoch)
    }

    /// How long to wait before the next token request, so that requests for one login keep their distance.
    pub(crate) fn distance(&self, now: BootTime) -> Duration {
        self.next_request_at.since(now)
    }

    /// A token request was sent, or ended.
    pub(crate) fn requested(&mut self, now: BootTime, policy: &RefreshPolicy) {
        self.next_request_at = now.after(policy.min_interval);
    }

    /// The flight goes on, but its tokens, `token` among them, are served already. Says what those are told who wait, and the
    /// ticket for those who come from now on.
    pub(crate) fn serve_unsaved(
        &mut self,
        ticket: Ticket,
        now: BootTime,
        token: Option<Token>,
        policy: &RefreshPolicy,
    ) -> (Landing<E>, Ticket) {
        let landing = if self.counts(ticket) {
            self.unsaved = true;
            Self::arrived(now, token, policy)
        } else {
            Landing::Changed
        };
        (landing, self.release(ticket))
    }

    /// Those who wait for `ticket` are let go, and the flight goes on. Gives the ticket for those who come from now on.
    pub(crate) fn release(&mut self, ticket: Ticket) -> Ticket {
        let next = self.next_ticket();
        if let Some(flight) = self.flight.as_mut().filter(|flight| flight.ticket == ticket) {
            flight.ticket = next;
        }
        next
    }

    /// The flight is over. `token` is what is there now, its tokens included. Says what those are told who wait.
    pub(crate) fn land(
        &mut self,
        ticket: Ticket,
        now: BootTime,
        token: Option<Token>,
        ending: Ending<E>,
        policy: &RefreshPolicy,
    ) -> Landing<E> {
        if !self.counts(ticket) {
            self.lose(ticket);
            return Landing::Changed;
        }
        self.flight = None;
        let served = std::mem::take(&mut self.unsaved);
        match ending {
            Ending::Renewed => {
                self.succeed();
                let landing = match Self::arrived(now, token, policy) {
                    // It has been served while it was good: it did not end on its way.
                    Landing::Over(_) if served => Landing::Changed,
                    landing => landing,
                };
                if let Landing::Failed(error) = &landing {
                    self.fail(now, error.clone(), policy.backoff_start);
                }
                landing
            }
            Ending::Denied { error, pause } => {
                self.fail(now, error.clone(), pause);
                Landing::Failed(error)
            }
            Ending::Failed { error, pause } => {
                let trouble = self.trouble();
                trouble.failures = trouble.failures.saturating_add(1);
                self.fail(now, error.clone(), pause);
                Landing::Failed(error)
            }
        }
    }

    /// The flight is gone without a word: the next caller starts another.
    pub(crate) fn lose(&mut self, ticket: Ticket) {
        self.flight = self.flight.filter(|flight| flight.ticket != ticket);
    }

    /// What tokens that have just arrived mean to those who wait. A provider that gives the very token that an API has rejected
    /// is not asked again at once.
    fn arrived(now: BootTime, token: Option<Token>, policy: &RefreshPolicy) -> Landing<E> {
        match token {
            Some(token) if token.rejected => Landing::Failed(E::rejected(policy.backoff_start)),
            Some(token) if !token.is_good(now) => Landing::Over(token.generation),
            _ => Landing::Changed,
        }
    }
}

/// Logins.
impl<E: Reason> Desk<E> {
    /// What is compared with later, to see whether somebody signed in or out.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether what the store said may be believed: nobody signed in or out since `epoch`, and no refresh knows better.
    pub(crate) fn may_adopt(&self, epoch: u32) -> bool {
        self.mode == Mode::Open && self.epoch == epoch && self.flight.is_none()
    }

    /// A login ends here, and the store is to be told. Gives the epoch in which that is so.
    pub(crate) fn sign_out(&mut self) -> u32 {
        self.next_epoch();
        if self.mode == Mode::Open {
            self.mode = Mode::SigningOut;
        }
        self.epoch
    }

    /// The store knows of the sign-out of `epoch`: that stands for `pause`. Says whether somebody signed in meanwhile, so that nobody
    /// here knows who was last.
    #[must_use]
    pub(crate) fn signed_out(&mut self, epoch: u32, now: BootTime, pause: Duration) -> bool {
        if self.epoch != epoch {
            return self.mode == Mode::Open;
        }
        if self.mode == Mode::SigningOut {
            self.mode = Mode::Open;
            self.next_epoch();
            self.fail(now, E::signed_out(), pause);
        }
        false
    }

    /// Nothing is known any more. Gives the epoch in which that is so. A sign-out goes on, for what it ends is still in the store.
    pub(crate) fn forget(&mut self) -> u32 {
        if self.mode != Mode::SigningOut {
            self.next_epoch();
            self.end_failure();
        }
        self.epoch
    }

    /// A login begins, unless somebody signed in or out since `epoch`. A sign-out that began before has lost its object.
    pub(crate) fn begin(&mut self, epoch: u32) -> bool {
        let begins = self.epoch == epoch;
        if begins {
            self.next_epoch();
            self.trouble = None;
            if self.mode == Mode::SigningOut {
                self.mode = Mode::Open;
            }
        }
        begins
    }

    /// The tokens of the store are taken over.
    pub(crate) fn adopt(&mut self) {
        self.next_epoch();
        self.end_failure();
    }

    /// No more credentials.
    pub(crate) fn close(&mut self) {
        self.mode = Mode::Closed;
    }

    fn next_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.unsaved = false;
    }
}

/// Failures.
impl<E: Reason> Desk<E> {
    /// Notes that `error` stands for `pause`.
    pub(crate) fn fail(&mut self, now: BootTime, error: E, pause: Duration) {
        self.trouble().failure = Some(Failure { error, until: now.after(pause) });
    }

    fn succeed(&mut self) {
        if let Some(trouble) = &mut self.trouble {
            trouble.failures = 0;
        }
        self.end_failure();
    }

    fn end_failure(&mut self) {
        self.change_trouble(|trouble| trouble.failure = None);
    }

    /// A token did its duty, or nobody rejected it before the next one came: what is rejected from here on begins a new row.
    pub(crate) fn forget_rejections(&mut self) {
        self.change_trouble(|trouble| trouble.early_rejections = 0);
    }

    fn change_trouble(&mut self, change: impl FnOnce(&mut Trouble<E>)) {
        self.trouble = self.trouble.take().and_then(|mut trouble| {
            change(&mut trouble);
            trouble.is_something().then_some(trouble)
        });
    }

    fn trouble(&mut self) -> &mut Trouble<E> {
        self.trouble
            .get_or_insert_with(|| Box::new(Trouble { failure: None, failures: 0, early_rejections: 0 }))
    }
}

/// What others want to know.
impl<E> Desk<E> {
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn is_unsaved(&self) -> bool {
        self.unsaved
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        self.flight.is_some()
    }

    /// The last failure, if nothing has succeeded since.
    pub(crate) fn failure(&self) -> Option<&Failure<E>> {
        self.trouble.as_ref()?.failure.as_ref()
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.trouble.as_ref().map_or(0, |trouble| trouble.failures)
    }
}

impl<E> Trouble<E> {
    fn is_something(&self) -> bool {
        self.failure.is_some() || self.failures > 0 || self.early_rejections > 0
    }
}
