//! What logs, metrics and the application are told. The rest of the crate says what happened, and nothing about how it is told.

mod ending;
mod meter;
mod short;

use std::time::Duration;

use oidc_core::{
    BootTime, Cause, GrantError, GrantErrorKind, KeyId, SavedLogin, StoreErrorKind, TargetId, TokenError,
    TokenErrorKind, TokenSet, store::WriteId,
};
use tracing::{Span, field::Empty};

#[cfg(feature = "metrics")]
pub use self::meter::describe_metrics;
pub(crate) use self::{ending::Endings, short::Short};
use crate::{
    event::{Event, EventKind},
    flight::{Flight, Outcome},
    shared::LoginSource,
    single::RefreshingSource,
};

/// The span of one refresh. It is nobody's child, because it outlives the request that started it.
pub(crate) fn refresh_span(
    key: &KeyId,
    target: TargetId,
    attempt: WriteId,
    flight: &Flight,
    asked_by: Span,
) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "refresh",
        key = %Short(key.as_bytes()),
        target = %Short(target.as_bytes()),
        attempt = %Short(&attempt.0),
        revision = flight.ledger().seen().map(|revision| revision.counter),
        outcome = Empty,
        cause = Empty,
        took_ms = Empty,
    );
    span.follows_from(asked_by);
    span
}

/// The refresh of `span` ended.
pub(crate) fn refresh_ended(span: &Span, outcome: &Outcome, error: Option<&TokenError>, took: Duration) {
    let name = match outcome {
        Outcome::Renewed => "renewed",
        Outcome::Adopted => "adopted",
        Outcome::LoggedOut => "logged_out",
        Outcome::Dead(_) => "refused",
        Outcome::BackOff(_) => "backing_off",
        Outcome::Failed => "failed",
        Outcome::StoreFailed => "store_failed",
    };
    span.record("outcome", name);
    span.record("took_ms", u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    if let Some(error) = error {
        span.record("cause", tracing::field::display(error));
    }
    let label = Some(("outcome", name));
    meter::count(meter::REFRESHES, label);
    meter::observe(meter::REFRESH_SECONDS, label, took);
}

/// A token request was sent, and this came of it.
pub(crate) fn token_request(result: &Result<TokenSet, GrantError>, took: Duration) {
    let outcome = match result.as_ref().map_err(GrantError::kind) {
        Ok(_) => "won",
        Err(GrantErrorKind::Misconfigured) => "misconfigured",
        Err(GrantErrorKind::NotProcessed) => "not_processed",
        Err(GrantErrorKind::OutcomeUnknown) => "unknown",
        Err(GrantErrorKind::Refused(_)) => "refused",
        Err(_) => "other",
    };
    let label = Some(("outcome", outcome));
    meter::count(meter::TOKEN_REQUESTS, label);
    meter::observe(meter::TOKEN_REQUEST_SECONDS, label, took);
    match result {
        Ok(_) => tracing::debug!(outcome, ?took, "token request"),
        Err(error) => tracing::debug!(outcome, ?took, %error, "token request"),
    }
}

/// An operation of the store failed.
pub(crate) fn store_fault(error: &TokenError) {
    let kind = match error.kind() {
        TokenErrorKind::Store(StoreErrorKind::Busy) => "busy",
        TokenErrorKind::Store(StoreErrorKind::Conflict) => "conflict",
        TokenErrorKind::Store(StoreErrorKind::Corrupt) => "corrupt",
        TokenErrorKind::Store(StoreErrorKind::Full) => "full",
        TokenErrorKind::Store(StoreErrorKind::Insecure) => "insecure",
        TokenErrorKind::Store(StoreErrorKind::KeyUnavailable) => "key_unavailable",
        TokenErrorKind::Store(StoreErrorKind::Unavailable) => "unavailable",
        TokenErrorKind::Store(StoreErrorKind::Version) => "version",
        TokenErrorKind::Internal => "panic",
        _ => "other",
    };
    meter::count(meter::STORE_FAULTS, Some(("kind", kind)));
    tracing::debug!(kind, %error, "the token store failed");
}

/// A token that ends at `ends_at` is used now. For paths that are not hot.
pub(crate) fn used(ends_at: BootTime, now: BootTime) {
    if ends_at != BootTime::NEVER {
        meter::observe(meter::REMAINING_SECONDS, None, ends_at.since(now));
    }
}

/// An API rejected a token.
pub(crate) fn rejected(key: &KeyId) {
    meter::count(meter::REJECTIONS, None);
    tracing::debug!(key = %Short(key.as_bytes()), "an API rejected the token");
}

/// Tokens that are in use and not in the store; counted for as long as this lives.
pub(crate) struct Unsaved {
    pub(crate) since: BootTime,
}

impl Unsaved {
    pub(crate) fn new(since: BootTime) -> Self {
        meter::adjust(meter::UNSAVED, 1.0);
        Self { since }
    }
}

impl Drop for Unsaved {
    fn drop(&mut self) {
        meter::adjust(meter::UNSAVED, -1.0);
    }
}

impl LoginSource {
    /// Tells logs, metrics and the application. Not to be called under a lock, nor before those are answered who wait.
    pub(crate) fn tell(&self, kind: EventKind) {
        log(&self.key, &kind);
        if let EventKind::LoginNeeded { cause } = kind {
            meter::count(meter::LOGINS_NEEDED, Some(("cause", cause_name(cause))));
        }
        if let Ok(source) = self.handle() {
            self.setup.listener.tell(|| Event { source: RefreshingSource(source), kind });
        }
    }

    /// How soon `login` ends, if that is to be told now. Says so once.
    pub(crate) fn ending(&self, login: &SavedLogin) -> Option<Duration> {
        let now = self.setup.clock.wall();
        self.setup.listener.endings().news(&self.key, login, &self.setup.target, now, &self.setup.policy)
    }
}

fn log(key: &KeyId, kind: &EventKind) {
    let key = Short(key.as_bytes());
    match kind {
        EventKind::Refreshed { origin } => tracing::debug!(%key, %origin, "new tokens are in use"),
        EventKind::Failing { error, failures, retry_in, serving } if error.is_transient() => {
            tracing::warn!(%key, %error, failures, ?retry_in, serving, "tokens could not be renewed");
        }
        EventKind::Failing { error, failures, retry_in, serving } => {
            tracing::error!(%key, %error, failures, ?retry_in, serving, "tokens cannot be renewed: see to it");
        }
        EventKind::LoginNeeded { cause } => tracing::warn!(%key, %cause, "a new login is needed"),
        EventKind::LoginEnding { ends_in } => tracing::info!(%key, ?ends_in, "the login ends soon"),
        EventKind::Unsaved { error } => {
            tracing::error!(%key, %error, "renewed tokens could not be saved yet")
        }
        EventKind::SavedLate { after } => tracing::info!(%key, ?after, "renewed tokens are saved now"),
    }
}

fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::GrantRejected => "grant_rejected",
        Cause::LoggedOut => "logged_out",
        Cause::RefreshMismatch => "refresh_mismatch",
        Cause::RefreshOutcomeUnknown => "refresh_outcome_unknown",
        _ => "other",
    }
}
