//! What there is to tell about one refresh.

use std::time::Duration;

use oidc_core::{BootTime, Cause, SavedLogin, TokenError, TokenErrorKind};

use tracing::Span;

use crate::{
    desk::{Desk, Landing},
    drive::Trip,
    event::EventKind,
    flight::Outcome,
    memory::State,
    shared::LoginSource,
    status::Origin,
    telemetry::{self, Unsaved},
};

/// Goes with a refresh and keeps what is told at its end.
pub(crate) struct Account {
    pub(crate) span: Span,
    started: BootTime,
    /// Whether this process knew of the login before.
    known: bool,
    /// The token that was there before.
    generation: Option<u64>,
    ends_in: Option<Duration>,
    unsaved: Option<Unsaved>,
}

impl Account {
    pub(crate) fn open(shared: &LoginSource, state: &State) -> Self {
        Self {
            span: Span::none(),
            started: shared.setup.clock.boot(),
            known: state.ledger.seen().is_some(),
            generation: shared.shown().map(|token| token.generation),
            ends_in: None,
            unsaved: None,
        }
    }

    /// Tokens of the store are taken over. Says where they came from.
    pub(crate) fn adopts(&mut self, shared: &LoginSource, login: &SavedLogin) -> Origin {
        self.ends_in = shared.ending(login).or(self.ends_in);
        if self.known { Origin::Elsewhere } else { Origin::Store }
    }

    /// Tokens were won.
    pub(crate) fn wins(&mut self, shared: &LoginSource, login: &SavedLogin) {
        self.ends_in = shared.ending(login).or(self.ends_in);
    }

    /// What the application is to be told of how it ended for those who waited. `before` is why the login was over before.
    pub(crate) fn news(
        &self,
        shared: &LoginSource,
        desk: &Desk,
        landing: &Landing<TokenError>,
        before: Option<Cause>,
    ) -> Option<EventKind> {
        let now = shared.setup.clock.boot();
        let token = shared.shown();
        let Landing::Failed(error) = landing else {
            let origin = shared.memory.snapshot().as_ref().map(|snapshot| snapshot.origin())?;
            let is_new = token.map(|token| token.generation) != self.generation && origin != Origin::Store;
            return is_new.then_some(EventKind::Refreshed { origin });
        };
        if let Some(cause) = error.reauth_cause() {
            let is_news = before != Some(cause) && (self.known || cause != Cause::LoggedOut);
            return is_news.then_some(EventKind::LoginNeeded { cause });
        }
        Some(EventKind::Failing {
            error: error.clone(),
            failures: desk.failures(),
            retry_in: desk.failure().map_or(Duration::ZERO, |failure| failure.until.since(now)),
            serving: token.is_some_and(|token| token.is_good(now)),
        })
    }
}

impl Trip {
    /// Those who waited have the tokens; whoever watches over the store learns that it has not.
    pub(crate) fn tell_unsaved(&mut self) {
        let shared = self.shared.clone();
        self.account.unsaved.get_or_insert_with(|| Unsaved::new(shared.setup.clock.boot()));
        let error = self.error.clone().unwrap_or_else(|| TokenError::new(TokenErrorKind::Internal));
        shared.tell(EventKind::Unsaved { error });
    }

    /// It is over, and those who waited have been told.
    pub(crate) fn report(mut self, outcome: &Outcome, error: Option<&TokenError>, news: Option<EventKind>) {
        let shared = self.shared.clone();
        let now = shared.setup.clock.boot();
        telemetry::refresh_ended(&self.account.span, outcome, error, now.since(self.account.started));
        let saved = matches!(outcome, Outcome::Renewed | Outcome::Failed);
        let unsaved_since = self.account.unsaved.take().map(|unsaved| unsaved.since);
        let saved =
            unsaved_since.filter(|_| saved).map(|since| EventKind::SavedLate { after: now.since(since) });
        // A process that heard of somebody else's back-off has not failed itself.
        let news =
            news.filter(|news| !matches!((outcome, news), (Outcome::BackOff(_), EventKind::Failing { .. })));
        let ending = self.account.ends_in.map(|ends_in| EventKind::LoginEnding { ends_in });
        drop(self);
        [saved, news, ending].into_iter().flatten().for_each(|kind| shared.tell(kind));
    }
}
