//! How a refresh ends for those who wait.

use std::time::Duration;

use oidc_core::{StoreErrorKind, TokenError, TokenErrorKind};
use tokio::sync::watch;

use crate::{
    desk::{Ending, Landing, Reason, Ticket},
    drive::Trip,
    flight::{Flight, Outcome},
    memory::{Open, State},
    random,
    status::Origin,
};

impl Trip {
    /// The store did not take the tokens: they are served, and those who waited are let go.
    pub(crate) fn serve_unsaved(&mut self) {
        let shared = self.shared.clone();
        let mut state = shared.state();
        if state.desk.counts(self.ticket)
            && let Some(won) = &self.won
        {
            shared.publish_won(&mut state, won);
        }
        let now = shared.setup.clock.boot();
        let (landing, next) =
            state.desk.serve_unsaved(self.ticket, now, shared.shown(), &shared.setup.policy);
        self.served = true;
        self.call(&mut state, landing, next);
    }

    /// Those who began to wait after the tokens were served, because they have ended since, learn why.
    pub(crate) fn not_saved(&mut self, error: &TokenError) {
        let shared = self.shared.clone();
        tracing::debug!(%error, "renewed tokens could not be saved yet");
        if self.served {
            let mut state = shared.state();
            let next = state.desk.release(self.ticket);
            self.call(&mut state, Landing::Failed(error.clone()), next);
        }
    }

    /// Lets those go who wait, while the flight goes on.
    fn call(&mut self, state: &mut State, landing: Landing<TokenError>, next: Ticket) {
        let (caller, call) = watch::channel(None);
        state.call = Some(call);
        self.ticket = next;
        std::mem::replace(&mut self.caller, caller).send_replace(Some(landing));
    }

    /// Notes a failure and how long it stands: as long as the provider wished, at least as long as the back-off.
    pub(crate) fn fail_with(&mut self, error: TokenError, wish: Option<Duration>) -> Duration {
        let shared = &self.shared;
        let failures = shared.state().desk.failures().saturating_add(1);
        let waiting = !shared.shown().is_some_and(|token| token.is_good(shared.setup.clock.boot()));
        let backoff = shared.setup.policy.backoff(failures, waiting, random::number());
        self.pause = wish.unwrap_or_default().max(backoff);
        self.error = Some(error);
        self.pause
    }

    pub(crate) fn land(mut self, flight: &Flight, outcome: Outcome) {
        let shared = self.shared.clone();
        let mut state = shared.state();
        let before = state.desk.failure().and_then(|failure| failure.error.reauth_cause());
        let counts = state.desk.counts(self.ticket);
        let ending = if counts {
            state.ledger = flight.ledger().clone();
            self.conclude(&mut state, &outcome)
        } else {
            Ending::Renewed
        };
        let now = shared.setup.clock.boot();
        let landing = state.desk.land(self.ticket, now, shared.shown(), ending, &shared.setup.policy);
        let news = counts.then(|| self.account.news(&shared, &state.desk, &landing, before)).flatten();
        state.hang_up();
        drop(state);
        let error = match &landing {
            Landing::Failed(error) => Some(error.clone()),
            Landing::Changed | Landing::Over(_) => None,
        };
        self.caller.send_replace(Some(landing));
        self.report(&outcome, error.as_ref(), news);
    }

    fn conclude(&mut self, state: &mut Open<'_>, outcome: &Outcome) -> Ending<TokenError> {
        let shared = self.shared.clone();
        let standing = shared.setup.policy.revalidate_after;
        match outcome {
            Outcome::Renewed | Outcome::Adopted => {
                if let Some(won) = self.won.take().filter(|_| *outcome == Outcome::Renewed) {
                    self.account.wins(&shared, &won);
                    if !self.served {
                        shared.publish_won(state, &won);
                    }
                }
                state.refused = None;
                Ending::Renewed
            }
            Outcome::LoggedOut => {
                state.show(None);
                state.ledger.forget();
                Ending::Denied { error: TokenError::signed_out(), pause: standing }
            }
            Outcome::Dead(cause) => {
                state.ledger.forget();
                Ending::Denied { error: TokenError::reauth(*cause), pause: standing }
            }
            Outcome::BackOff(pause) => {
                let last = || state.desk.failure().map(|failure| failure.error.clone());
                let error = self.error.take().or_else(last);
                let unknown = || TokenError::new(TokenErrorKind::NotProcessed);
                Ending::Denied { error: error.unwrap_or_else(unknown), pause: *pause }
            }
            Outcome::Failed | Outcome::StoreFailed => {
                if let Some(won) = self.won.take() {
                    shared.publish(state, &won, Origin::Refresh);
                }
                let failures = state.desk.failures().saturating_add(1);
                let backoff = shared.setup.policy.backoff(failures, true, random::number());
                let busy = || TokenError::new(TokenErrorKind::Store(StoreErrorKind::Busy));
                Ending::Failed {
                    error: self.error.take().unwrap_or_else(busy),
                    pause: self.pause.max(backoff),
                }
            }
        }
    }
}
