//! What was built wrong, and what goes wrong for those who wait for a token.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::{GrantError, GrantErrorKind, StoreError, StoreErrorKind};

/// Something was configured in a way that cannot work. Found when it is built, before any I/O.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value that must not be empty is empty.
    Empty {
        /// The setting.
        field: &'static str,
    },
    /// A value is out of its range or contradicts another one.
    Invalid {
        /// The setting.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A setting that is needed is missing.
    Missing {
        /// The setting.
        field: &'static str,
    },
    /// An extra parameter has the name of one that the protocol sets itself.
    ReservedParameter {
        /// The parameter.
        name: String,
    },
    /// A URL is not what it has to be.
    Url {
        /// The setting.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { field } => write!(f, "{field} is empty"),
            Self::Invalid { field, reason } => write!(f, "{field}: {reason}"),
            Self::Missing { field } => write!(f, "{field} is missing"),
            Self::ReservedParameter { name } => write!(f, "the parameter {name:?} is set by the protocol"),
            Self::Url { field, reason } => write!(f, "{field} is not a usable URL: {reason}"),
        }
    }
}

impl Error for ConfigError {}

/// Why a refresh token is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The provider refused the refresh token, and nothing was in doubt: revoked, ended, or used elsewhere.
    GrantRejected,
    /// Nobody is logged in: there was no login, it was signed out, or it has no refresh token.
    LoggedOut,
    /// The provider's answer belonged to another user.
    RefreshMismatch,
    /// The provider refused the refresh token after an earlier answer had been lost: by a crash, a pause or the network.
    RefreshOutcomeUnknown,
}

impl Cause {
    /// The name by which records keep it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GrantRejected => "grant_rejected",
            Self::LoggedOut => "logged_out",
            Self::RefreshMismatch => "refresh_mismatch",
            Self::RefreshOutcomeUnknown => "refresh_outcome_unknown",
        }
    }

    /// The cause with this [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::GrantRejected, Self::LoggedOut, Self::RefreshMismatch, Self::RefreshOutcomeUnknown]
            .into_iter()
            .find(|cause| cause.name() == name)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GrantRejected => "the provider refused the refresh token",
            Self::LoggedOut => "nobody is logged in",
            Self::RefreshMismatch => "the refreshed tokens belong to another user",
            Self::RefreshOutcomeUnknown => {
                "the provider refused the refresh token after an earlier answer had been lost"
            }
        })
    }
}

/// Why there is no token. Cheap to clone: one failure is handed to all who wait.
///
/// Branch on [`kind`](Self::kind), or just on [`is_transient`](Self::is_transient). Neither `Display` nor `Debug` nor
/// the chain of sources contains a secret, a response body or a URL query.
#[derive(Clone)]
pub struct TokenError(Arc<Inner>);

struct Inner {
    kind: TokenErrorKind,
    retry_after: Option<Duration>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of failure a [`TokenError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The provider rejects this client or its request, whoever logs in. The login is kept; someone has to change the
    /// configuration.
    Misconfigured,
    /// The provider did not process the request: unreachable, overloaded, or nothing was sent. Trying again is safe.
    NotProcessed,
    /// The provider may have processed the request, and its answer did not arrive or could not be used.
    OutcomeUnknown,
    /// Someone has to log in again; no token request will be sent for this login any more.
    ReauthRequired(Cause),
    /// The source was shut down, or there is no runtime to renew the token on.
    Closed,
    /// The API goes on rejecting tokens, the newest included: renewing them does not help.
    Rejected,
    /// The token store failed. It says nothing about the login.
    Store(StoreErrorKind),
    /// A part that was brought along (grant, store, hook) panicked.
    Internal,
}

impl TokenError {
    /// An error of this kind.
    pub fn new(kind: TokenErrorKind) -> Self {
        Self(Arc::new(Inner { kind, retry_after: None, source: None }))
    }

    /// The user has to log in again.
    pub fn reauth(cause: Cause) -> Self {
        Self::new(TokenErrorKind::ReauthRequired(cause))
    }

    /// An error of this kind that may pass after `retry_after`.
    pub fn with_retry_after(kind: TokenErrorKind, retry_after: Duration) -> Self {
        Self(Arc::new(Inner { kind, retry_after: Some(retry_after), source: None }))
    }

    /// An error of this kind, with the cause for [`source`](Error::source) and the time after which it may pass.
    pub fn with_source(
        kind: TokenErrorKind,
        retry_after: Option<Duration>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner { kind, retry_after, source: Some(source.into()) }))
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> TokenErrorKind {
        self.0.kind
    }

    /// Whether trying again later may succeed without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self.0.kind {
            TokenErrorKind::NotProcessed | TokenErrorKind::OutcomeUnknown | TokenErrorKind::Rejected => true,
            TokenErrorKind::Store(kind) => kind.is_transient(),
            TokenErrorKind::Closed
            | TokenErrorKind::Internal
            | TokenErrorKind::Misconfigured
            | TokenErrorKind::ReauthRequired(_) => false,
        }
    }

    /// Why the user has to log in again, if that is what it is.
    pub fn reauth_cause(&self) -> Option<Cause> {
        match self.0.kind {
            TokenErrorKind::ReauthRequired(cause) => Some(cause),
            _ => None,
        }
    }

    /// How long after the failure the next attempt will be made at the earliest.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            TokenErrorKind::Closed => f.write_str("no token: the source is closed"),
            TokenErrorKind::Internal => f.write_str("no token: a part of the program panicked"),
            TokenErrorKind::Misconfigured => f.write_str("no token: the provider rejects this client"),
            TokenErrorKind::NotProcessed => {
                f.write_str("no token: the provider could not be reached or did not answer")
            }
            TokenErrorKind::OutcomeUnknown => f.write_str("no token: the provider's answer was lost"),
            TokenErrorKind::Rejected => f.write_str("the API rejects tokens that are fresh"),
            TokenErrorKind::ReauthRequired(cause) => write!(f, "login needed: {cause}"),
            TokenErrorKind::Store(kind) => write!(f, "no token: the token store failed ({kind})"),
        }
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenError")
            .field("kind", &self.0.kind)
            .field("retry_after", &self.0.retry_after)
            .field("source", &self.0.source)
            .finish()
    }
}

impl Error for TokenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::with_source(TokenErrorKind::Store(error.kind()), None, error)
    }
}

impl From<GrantError> for TokenError {
    fn from(error: GrantError) -> Self {
        let kind = match error.kind() {
            GrantErrorKind::Misconfigured => TokenErrorKind::Misconfigured,
            GrantErrorKind::NotProcessed => TokenErrorKind::NotProcessed,
            GrantErrorKind::OutcomeUnknown => TokenErrorKind::OutcomeUnknown,
            GrantErrorKind::Refused(cause) => TokenErrorKind::ReauthRequired(cause),
        };
        Self::with_source(kind, error.retry_after(), error)
    }
}
