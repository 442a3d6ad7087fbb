//! How a refresh ends for those who wait.

use std::time::Duration;

use oidc_core::{Cause, StoreErrorKind, TokenError, TokenErrorKind};
use tokio::sync::watch;

use crate::{
    drive::Trip,
    flight::{Flight, Outcome},
    random,
    shared::State,
};

impl Trip {
    /// The store did not take the tokens: they are served, and those who waited are let go.
    pub(crate) fn serve_unsaved(&mut self) {
        let mut state = self.shared.state();
        if state.epoch == self.epoch
            && let Some(won) = &self.won
        {
            self.shared.publish(&mut state, won);
            state.unsaved = true;
        }
        let shared = self.shared.clone();
        drop(state);
        self.served = true;
        self.release(&mut shared.state(), Ok(()));
    }

    /// Those who began to wait after the tokens were served, because they have ended since, learn why.
    pub(crate) fn not_saved(&mut self, error: &TokenError) {
        let shared = self.shared.clone();
        tracing::warn!(key = %shared.key, %error, "renewed tokens could not be saved yet");
        if self.served {
            self.release(&mut shared.state(), Err(error.clone()));
        }
    }

    /// Lets those go who wait, while the flight goes on.
    pub(crate) fn release(&mut self, state: &mut State, result: Result<(), TokenError>) {
        let (sender, landing) = watch::channel(None);
        if let Some(flight) = state.flight.as_mut().filter(|flight| flight.id == self.id) {
            flight.landing = landing;
        }
        std::mem::replace(&mut self.landing, sender).send_replace(Some(result));
    }

    /// Notes a failure and how long it stands: as long as the provider wished, at least as long as the back-off.
    pub(crate) fn fail_with(&mut self, error: TokenError, wish: Option<Duration>) -> Duration {
        let shared = &self.shared;
        let failures = shared.state().failures.saturating_add(1);
        let waiting =
            shared.snapshot.load().as_ref().is_none_or(|token| token.good(shared.clock.boot()).is_none());
        let backoff = shared.policy.backoff(failures, waiting, random::number());
        self.pause = wish.unwrap_or_default().max(backoff);
        self.error = Some(error);
        self.pause
    }

    pub(crate) fn land(mut self, flight: &Flight, outcome: Outcome) {
        let shared = self.shared.clone();
        let mut state = shared.state();
        if state.flight.as_ref().is_some_and(|current| current.id == self.id) {
            state.flight = None;
        }
        let result = if state.epoch == self.epoch {
            state.ledger = flight.ledger().clone();
            state.unsaved = false;
            self.conclude(&mut state, outcome)
        } else {
            Ok(())
        };
        drop(state);
        self.landing.send_replace(Some(result));
    }

    fn conclude(&mut self, state: &mut State, outcome: Outcome) -> Result<(), TokenError> {
        let shared = self.shared.clone();
        let revalidate_after = shared.policy.revalidate_after;
        let (error, pause) = match outcome {
            Outcome::Renewed | Outcome::Adopted => {
                if let Some(won) = self.won.take().filter(|_| outcome == Outcome::Renewed) {
                    shared.publish(state, &won);
                }
                tracing::debug!(key = %shared.key, won = outcome == Outcome::Renewed, "tokens renewed");
                state.failures = 0;
                state.failure = None;
                return Ok(());
            }
            Outcome::LoggedOut => {
                shared.snapshot.store(None);
                state.ledger.forget();
                (TokenError::reauth(Cause::LoggedOut), revalidate_after)
            }
            Outcome::Dead(cause) => {
                state.ledger.forget();
                (TokenError::reauth(cause), revalidate_after)
            }
            Outcome::BackOff(pause) => {
                let error = self.error.take().or_else(|| state.failure.take().map(|failure| failure.error));
                (error.unwrap_or_else(|| TokenError::new(TokenErrorKind::NotProcessed)), pause)
            }
            Outcome::Failed | Outcome::StoreFailed => {
                if let Some(won) = self.won.take() {
                    shared.publish(state, &won);
                }
                state.failures = state.failures.saturating_add(1);
                let backoff = shared.policy.backoff(state.failures, true, random::number());
                let busy = || TokenError::new(TokenErrorKind::Store(StoreErrorKind::Busy));
                (self.error.take().unwrap_or_else(busy), self.pause.max(backoff))
            }
        };
        tracing::warn!(key = %shared.key, %error, ?pause, "tokens could not be renewed");
        shared.fail(state, error.clone(), pause);
        Err(error)
    }
}
