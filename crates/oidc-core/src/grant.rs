//! How tokens are won.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use crate::{BootTime, Cause, Clock, Secret, Target, TokenSet};

/// One way of winning tokens from a provider: a refresh token, client credentials, an assertion.
///
/// The caller, usually `oidc-refresh`, decides when, holds the lease, runs the request where nobody cancels it, retries and saves.
/// An implementation sends at most one token request per [`obtain`](Self::obtain) and keeps no tokens.
#[async_trait]
pub trait Grant: fmt::Debug + Send + Sync + 'static {
    /// Whether [`obtain`](Self::obtain) uses up the refresh token of the login. If not (client credentials), tokens can be won again at
    /// any time, and a login that nobody started is no obstacle.
    fn spends(&self) -> bool;

    /// Does everything slow that needs no refresh token: discovery, keys, assertions. Called before the lease is taken.
    ///
    /// # Errors
    /// [`GrantError`]; nothing was spent.
    async fn prepare(&self) -> Result<(), GrantError>;

    /// Sends the token request for `target`; `current` are the tokens of the login as the store has them.
    ///
    /// Calls [`gate.pass()`](SendGate::pass) immediately before the request leaves, and does not send if that fails. What is not in the
    /// answer (a refresh token that did not change) is not in the result either.
    ///
    /// # Errors
    /// [`GrantError`]. An answer that is odd beside its refresh token keeps the refresh token in [`GrantError::salvage`].
    async fn obtain(
        &self,
        target: &Target,
        current: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError>;

    /// Revokes a refresh token that was won for a login that has been signed out meanwhile. Best effort; by default nothing.
    async fn discard(&self, refresh: &Secret) {
        let _ = refresh;
    }
}

#[async_trait]
impl<G: Grant + ?Sized> Grant for Arc<G> {
    fn spends(&self) -> bool {
        (**self).spends()
    }

    async fn prepare(&self) -> Result<(), GrantError> {
        (**self).prepare().await
    }

    async fn obtain(
        &self,
        target: &Target,
        current: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        (**self).obtain(target, current, gate).await
    }

    async fn discard(&self, refresh: &Secret) {
        (**self).discard(refresh).await;
    }
}

/// The last look at the lease before a request leaves: open only while the claim cannot have ended.
///
/// Clones share one gate.
#[derive(Clone, Debug)]
pub struct SendGate {
    clock: Arc<dyn Clock>,
    state: Arc<GateState>,
}

#[derive(Debug)]
struct GateState {
    closes_at: AtomicU64,
    passed: AtomicBool,
}

impl SendGate {
    /// A gate that closes at `closes_at` on the boot clock.
    pub fn new(clock: Arc<dyn Clock>, closes_at: BootTime) -> Self {
        let gate = Self {
            clock,
            state: Arc::new(GateState { closes_at: AtomicU64::new(0), passed: AtomicBool::new(false) }),
        };
        gate.keep_open_until(closes_at);
        gate
    }

    /// Moves the closing time: the lease was renewed.
    pub fn keep_open_until(&self, closes_at: BootTime) {
        let nanoseconds = u64::try_from(closes_at.since_origin().as_nanos()).unwrap_or(u64::MAX);
        self.state.closes_at.store(nanoseconds, Ordering::Release);
    }

    /// Closes the gate for good: the lease was lost.
    pub fn close(&self) {
        self.state.closes_at.store(0, Ordering::Release);
    }

    /// Asks to send, and remembers that it was granted.
    ///
    /// # Errors
    /// A [`GrantError`] of the kind [`NotProcessed`](GrantErrorKind::NotProcessed) where the lease may have ended.
    pub fn pass(&self) -> Result<(), GrantError> {
        let closes_at = Duration::from_nanos(self.state.closes_at.load(Ordering::Acquire));
        if self.clock.boot().since_origin() >= closes_at {
            return Err(GrantError::new(
                GrantErrorKind::NotProcessed,
                "the lease may have ended before the request left",
            ));
        }
        self.state.passed.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether [`pass`](Self::pass) was ever granted: from then on the request may have left.
    pub fn was_passed(&self) -> bool {
        self.state.passed.load(Ordering::Acquire)
    }
}

/// Why a grant gave no tokens.
#[derive(Clone)]
pub struct GrantError {
    kind: GrantErrorKind,
    reason: &'static str,
    code: Option<String>,
    status: Option<u16>,
    retry_after: Option<Duration>,
    salvage: Option<Box<TokenSet>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What kind of failure a [`GrantError`] is, by what it means for the refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GrantErrorKind {
    /// The provider rejects this client or request (`invalid_client`, `invalid_scope`, a 4xx without an OAuth error). The
    /// refresh token is kept.
    Misconfigured,
    /// Provably not processed: nothing was sent, or the provider said so (429, `temporarily_unavailable`). The refresh token is kept.
    NotProcessed,
    /// The provider may have processed the request: bytes may have reached it, and no usable answer came back.
    OutcomeUnknown,
    /// The refresh token, code or assertion is refused for good.
    Refused(Cause),
}

impl GrantError {
    /// An error of this kind. `reason` is fixed text for people.
    pub fn new(kind: GrantErrorKind, reason: &'static str) -> Self {
        Self { kind, reason, code: None, status: None, retry_after: None, salvage: None, source: None }
    }

    /// Adds the provider's error code. Kept only where it looks like one: up to 64 characters of letters, digits, `_`, `-` and `.`.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        let is_code = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if !code.is_empty() && code.len() <= 64 && code.bytes().all(is_code) {
            self.code = Some(code.to_owned());
        }
        self
    }

    /// Adds the HTTP status of the answer.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds how long the provider asked to be left alone.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// Adds what was good in an answer that was not: it is saved before anything else happens.
    #[must_use]
    pub fn with_salvage(mut self, salvage: TokenSet) -> Self {
        self.salvage = Some(Box::new(salvage));
        self
    }

    /// Adds the cause. It must not contain secrets, bodies or URL queries.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> GrantErrorKind {
        self.kind
    }

    /// The provider's error code, where it sent one that looks like one.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// How long the provider asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What was good in an answer that was not, such as a new refresh token beside an unusable access token.
    pub fn salvage(&self) -> Option<&TokenSet> {
        self.salvage.as_deref()
    }
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        match (&self.code, self.status) {
            (Some(code), Some(status)) => write!(f, " ({code}, status {status})"),
            (Some(code), None) => write!(f, " ({code})"),
            (None, Some(status)) => write!(f, " (status {status})"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantError")
            .field("kind", &self.kind)
            .field("reason", &self.reason)
            .field("code", &self.code)
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("salvage", &self.salvage.is_some())
            .field("source", &self.source)
            .finish()
    }
}

impl Error for GrantError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
