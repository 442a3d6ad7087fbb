//! How requests reach the provider.

use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// Sends one HTTP request to a provider and hands back its answer. Bring your own, or take one from `oidc-transport`.
///
/// The requests carry client secrets, codes and refresh tokens. An implementation
/// - follows no redirect: a 3xx is an answer like any other;
/// - sends the request once: no retry, no replay on another connection once a byte was written;
/// - keeps the whole exchange within one deadline, slow bodies included (default of ours: 30 s);
/// - reads at most [`BodyLimit`] bytes of the decoded body (from the request's extensions, default 256 KiB);
/// - checks the server's certificate, and logs neither bodies nor headers nor URL queries.
///
/// Answers with any status are `Ok`. Dropping the future may abort the exchange; whoever must not lose an answer
/// runs it where nobody drops it.
#[async_trait]
pub trait HttpTransport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request` and waits for the whole answer.
    ///
    /// # Errors
    /// [`TransportError`], which says whether the request may have been sent. An implementation that does not know
    /// says yes.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

#[async_trait]
impl<T: HttpTransport + ?Sized> HttpTransport for Arc<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

/// In a request's extensions: how many bytes of the decoded response body are read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

impl BodyLimit {
    /// The limit of `request`: its extension, or the default.
    pub fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or_default()
    }
}

impl Default for BodyLimit {
    /// 256 KiB.
    fn default() -> Self {
        Self(256 * 1024)
    }
}

/// Why an exchange gave no answer.
#[derive(Clone)]
pub struct TransportError {
    kind: TransportErrorKind,
    may_have_been_sent: bool,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What kind of failure a [`TransportError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The address is not one that this transport connects to.
    AddressDenied,
    /// No connection.
    Connect,
    /// The deadline passed.
    Timeout,
    /// No secure connection: the handshake failed or the certificate is not good.
    Tls,
    /// The answer is larger than allowed.
    TooLarge,
    /// The connection broke, or what came was not HTTP.
    Interrupted,
    /// The request itself cannot be sent.
    InvalidRequest,
}

impl TransportError {
    /// A failure before any byte of the request was written.
    pub fn not_sent(kind: TransportErrorKind) -> Self {
        Self { kind, may_have_been_sent: false, source: None }
    }

    /// A failure after which the provider may have the request.
    pub fn maybe_sent(kind: TransportErrorKind) -> Self {
        Self { kind, may_have_been_sent: true, source: None }
    }

    /// Adds the cause. It must not contain secrets, bodies or URL queries.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// Whether the provider may have received the request. Only `false` is certain.
    pub fn may_have_been_sent(&self) -> bool {
        self.may_have_been_sent
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::AddressDenied => "the address is not allowed",
            TransportErrorKind::Connect => "no connection to the provider",
            TransportErrorKind::Interrupted => "the connection to the provider broke",
            TransportErrorKind::InvalidRequest => "the request cannot be sent",
            TransportErrorKind::Timeout => "the provider did not answer in time",
            TransportErrorKind::Tls => "no secure connection to the provider",
            TransportErrorKind::TooLarge => "the provider's answer is too large",
        })
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportError")
            .field("kind", &self.kind)
            .field("may_have_been_sent", &self.may_have_been_sent)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
