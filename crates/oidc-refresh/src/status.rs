//! What is known of one credential, without secrets.

use std::{fmt, time::Duration};

use oidc_core::{BootTime, Generation, SavedLogin, TokenError};

use crate::{desk::Mode, shared::LoginSource};

/// A look at one source: for health checks, support and logs. Taking it does no I/O and changes nothing.
///
/// `Display` writes it as one line for people.
///
/// ```
/// # fn example(source: oidc_refresh::RefreshingSource) {
/// let status = source.status();
/// println!("{} {status}", source.key()); // … fresh (renewed here), age 12s, refresh in 227s, ends in 283s
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// What a caller would get now.
    pub state: State,
    /// Which credential it is; nothing before the first one.
    pub generation: Option<Generation>,
    /// Where it came from.
    pub origin: Option<Origin>,
    /// How long this process has had it.
    pub age: Option<Duration>,
    /// When it is due to be renewed in the background; zero where it is overdue, nothing where it never is.
    pub refresh_in: Option<Duration>,
    /// When it ends; nothing where nobody knows.
    pub ends_in: Option<Duration>,
    /// When the login ends, where the provider said so: a forecast. Zero where that has passed.
    pub login_ends_in: Option<Duration>,
    /// Whether a refresh is in flight, the write of its tokens included.
    pub refreshing: bool,
    /// Whether the tokens in use could not be saved yet.
    pub unsaved: bool,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// The last failure, if nothing has succeeded since.
    pub last_error: Option<TokenError>,
    /// When the next try is allowed; nothing where it is allowed now.
    pub retry_in: Option<Duration>,
}

impl Status {
    /// Whether a caller would get a credential at once: what a health check asks of a service that is of no use without its token.
    ///
    /// A source that nobody has used yet [waits](State::Waiting): such a service asks for a token once when it starts. A user's
    /// login that is over is no fault of the service, so a pool is better watched by its events and metrics.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Fresh | State::Advisory | State::BackingOff)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state)?;
        if let Some(origin) = self.origin {
            write!(f, " ({origin})")?;
        }
        let times = [
            ("age", self.age),
            ("refresh in", self.refresh_in),
            ("ends in", self.ends_in),
            ("login ends in", self.login_ends_in),
            ("next try in", self.retry_in),
        ];
        for (name, time) in times {
            if let Some(time) = time {
                write!(f, ", {name} {}s", time.as_secs())?;
            }
        }
        for (name, is_so) in [("refreshing", self.refreshing), ("unsaved", self.unsaved)] {
            if is_so {
                write!(f, ", {name}")?;
            }
        }
        if self.failures > 0 {
            write!(f, ", {} failed", self.failures)?;
        }
        match &self.last_error {
            Some(error) => write!(f, ": {error}"),
            None => Ok(()),
        }
    }
}

/// Where a credential came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Another process, or another source of this one, renewed it or began its login.
    Elsewhere,
    /// This source renewed it.
    Refresh,
    /// A login that began here.
    SignIn,
    /// It was in the store when this source was first asked.
    Store,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elsewhere => "renewed elsewhere",
            Self::Refresh => "renewed here",
            Self::SignIn => "login",
            Self::Store => "from the store",
        })
    }
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

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Advisory => "due for renewal",
            Self::Waiting => "waiting",
            Self::BackingOff => "good, but renewing failed",
            Self::Failing => "failing",
            Self::ReauthRequired => "login needed",
            Self::Closed => "closed",
        })
    }
}

impl LoginSource {
    /// What is known of the credential, without secrets. No I/O.
    ///
    /// A health check asks [`Status::is_ready`].
    pub fn status(&self) -> Status {
        let state = self.state();
        let snapshot = self.memory.snapshot_full();
        let now = self.setup.clock.boot();
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
        let login_ends_at = state
            .ledger
            .payload()
            .and_then(|payload| SavedLogin::from_payload(&self.key, payload).ok()?.refresh_ends_at());
        Status {
            state: kind,
            generation: snapshot.as_ref().map(|snapshot| snapshot.credential().generation()),
            origin: snapshot.as_ref().map(|snapshot| snapshot.origin()),
            age: snapshot.as_ref().map(|snapshot| now.since(snapshot.received())),
            refresh_in: snapshot.as_ref().and_then(|snapshot| until(snapshot.timing().refresh_at)),
            ends_in: snapshot.as_ref().and_then(|snapshot| until(snapshot.timing().ends_at)),
            login_ends_in: login_ends_at
                .map(|end| end.duration_since(self.setup.clock.wall()).unwrap_or_default()),
            refreshing: desk.is_in_flight(),
            unsaved: desk.is_unsaved(),
            failures: desk.failures(),
            last_error: failure.map(|failure| failure.error.clone()),
            retry_in: failing.map(|failure| failure.until.since(now)),
        }
    }
}
