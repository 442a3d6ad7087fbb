//! What is known of one credential, without secrets.

use std::time::Duration;

use oidc_core::{BootTime, Generation, TokenError};

use crate::{desk::Mode, shared::Shared};

/// A look at one source: for health checks, support and logs. Taking it does no I/O and changes nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// What a caller would get now.
    pub state: State,
    /// Which credential it is; nothing before the first one.
    pub generation: Option<Generation>,
    /// How long this process has had it.
    pub age: Option<Duration>,
    /// When it is due to be renewed in the background; zero where it is overdue, nothing where it never is.
    pub refresh_in: Option<Duration>,
    /// When it ends; nothing where nobody knows.
    pub ends_in: Option<Duration>,
    /// Whether a refresh is in flight, the write of its tokens included.
    pub refreshing: bool,
    /// Whether the tokens in use could not be saved yet.
    pub unsaved: bool,
    /// Failures in a row.
    pub failures: u32,
    /// The last failure, if nothing has succeeded since.
    pub last_error: Option<TokenError>,
    /// When the next try is allowed; nothing where it is allowed now.
    pub retry_in: Option<Duration>,
}

/// What a caller would get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// A credential, at once.
    Fresh,
    /// A credential, at once; it is due for renewal.
    Advisory,
    /// Nothing yet: the caller would wait for a refresh, or for the store.
    Waiting,
    /// A credential, at once, although the last refresh failed.
    BackingOff,
    /// The last error, until the next try is allowed.
    Failing,
    /// An error that asks for a new login.
    ReauthRequired,
    /// An error: the source was shut down.
    Closed,
}

impl Shared {
    pub(crate) fn status(&self) -> Status {
        let state = self.state();
        let snapshot = self.snapshot.load_full();
        let now = self.clock.boot();
        let until = |time: BootTime| (time != BootTime::NEVER).then(|| time.since(now));
        let desk = &state.desk;
        let failure = desk.failure();
        let failing = failure.filter(|failure| now < failure.until);
        let good = snapshot.as_ref().filter(|snapshot| snapshot.good(now).is_some());
        let kind = match (good, failing) {
            _ if desk.mode() == Mode::Closed => State::Closed,
            _ if desk.mode() == Mode::SigningOut => State::ReauthRequired,
            (Some(_), Some(_)) => State::BackingOff,
            (Some(snapshot), None) if now < snapshot.timing().refresh_at => State::Fresh,
            (Some(_), None) => State::Advisory,
            (None, Some(failure)) if failure.error.reauth_cause().is_some() => State::ReauthRequired,
            (None, Some(_)) if !desk.is_in_flight() => State::Failing,
            (None, _) => State::Waiting,
        };
        Status {
            state: kind,
            generation: snapshot.as_ref().map(|snapshot| snapshot.credential().generation()),
            age: snapshot.as_ref().map(|snapshot| now.since(snapshot.received())),
            refresh_in: snapshot.as_ref().and_then(|snapshot| until(snapshot.timing().refresh_at)),
            ends_in: snapshot.as_ref().and_then(|snapshot| until(snapshot.timing().ends_at)),
            refreshing: desk.is_in_flight(),
            unsaved: desk.is_unsaved(),
            failures: desk.failures(),
            last_error: failure.map(|failure| failure.error.clone()),
            retry_in: failing.map(|failure| failure.until.since(now)),
        }
    }
}
