//! What an application is told about a login while it lives.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use oidc_core::{Cause, TokenError};

use crate::{
    single::RefreshingSource,
    status::Origin,
    telemetry::{Endings, Short},
};

/// Something happened to a login that nobody may be waiting for. Carries no secrets.
///
/// A source or a pool reports its events to the function given to
/// [`on_event`](crate::RefreshingSourceBuilder::on_event). It is called in the task of the refresh, after the tokens are written
/// and those who waited have been answered, and under no lock: it may use [`source`](Self::source) as it likes. It should return
/// soon, for the task and its thread wait for it; what takes longer belongs into a task of its own or behind a channel. Where it
/// panics, the event is lost and nothing else.
///
/// ```
/// use oidc_refresh::{Event, EventKind, RefreshingSource};
/// # fn example(builder: oidc_refresh::RefreshingSourceBuilder) {
/// let builder = builder.on_event(|event: &Event| match &event.kind {
///     EventKind::LoginNeeded { cause } => println!("{} has to log in again: {cause}", event.source.key()),
///     EventKind::Failing { error, serving: false, .. } => println!("no token for now: {error}"),
///     _ => {}
/// });
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Whose login it is: its [`key`](crate::LoginSource::key) is what an application can look its user up by, and a new login can
    /// be [started](crate::LoginSource::sign_in) with it.
    pub source: RefreshingSource,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a login.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// New tokens are in use.
    Refreshed {
        /// Who won them.
        origin: Origin,
    },
    /// A refresh failed. The login is kept, and the next try comes when somebody needs a token after `retry_in`. Told at each
    /// failure, which the back-off keeps apart.
    ///
    /// An error that [is not transient](TokenError::is_transient) does not pass by itself: with
    /// [`Misconfigured`](oidc_core::TokenErrorKind::Misconfigured) the provider rejects the client, and somebody has to look at its
    /// secret, its scopes or its registration.
    Failing {
        /// Why.
        error: TokenError,
        /// How many failures in a row it makes.
        failures: u32,
        /// How long nobody tries again.
        retry_in: Duration,
        /// Whether callers still get a good token.
        serving: bool,
    },
    /// The login is over, and only its user can begin a new one: hand the key to the part of the application that can show the user
    /// where to log in. It starts a login as the first one was started (`client.login()` of `oidc-flow`), and gives the tokens
    /// that come of it to `sign_in` of the pool or of the event's source; whoever waits for a token from then on gets it.
    ///
    /// Told once, also where it is noticed after a restart; not told for a
    /// [`sign_out`](crate::LoginSource::sign_out) of this very source. The access token, if there is one, is served until its end.
    LoginNeeded {
        /// Why.
        cause: Cause,
    },
    /// The login ends soon, says the provider. Told once for each end, not before
    /// [`login_ending`](crate::RefreshPolicy::login_ending), and only while the login is in use.
    LoginEnding {
        /// When, from now on.
        ends_in: Duration,
    },
    /// Renewed tokens are in use, but the store did not take them. Writing them is tried until it succeeds; if this process ended
    /// before that, the login could be lost.
    Unsaved {
        /// Why.
        error: TokenError,
    },
    /// The tokens of an [`Unsaved`](Self::Unsaved) are in the store now.
    SavedLate {
        /// How long that took.
        after: Duration,
    },
}

/// Who is told, and what was told. One for all sources of a pool.
#[derive(Clone, Default)]
pub(crate) struct Listener(Arc<Inner>);

#[derive(Default)]
struct Inner {
    function: Option<Box<Function>>,
    endings: Endings,
}

type Function = dyn Fn(&Event) + Send + Sync;

impl Listener {
    pub(crate) fn new(function: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { function: Some(Box::new(function)), endings: Endings::default() }))
    }

    /// Calls the function, whatever it does. The event is made only where there is one.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        let Some(function) = &self.0.function else { return };
        let event = event();
        if catch_unwind(AssertUnwindSafe(|| function(&event))).is_err() {
            let key = event.source.key();
            tracing::error!(key = %Short(key.as_bytes()), "the function that is told of events panicked");
        }
    }

    pub(crate) fn endings(&self) -> &Endings {
        &self.0.endings
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("is_set", &self.0.function.is_some()).finish_non_exhaustive()
    }
}
