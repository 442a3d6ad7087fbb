//! Why what is known of a provider cannot be used.

use std::{error::Error, fmt, time::Duration};

use oidc_core::TransportError;

use crate::json::JsonError;

/// Why there is no usable metadata, or no key set, of a provider. Cheap to clone: one failure is handed to all who wait.
///
/// Branch on [`kind`](Self::kind), or just on [`is_transient`](Self::is_transient). Neither `Display` nor `Debug` nor the chain of
/// sources contains a response body or a URL.
#[derive(Clone, Debug)]
pub struct ProviderError {
    kind: ProviderErrorKind,
    retry_after: Option<Duration>,
    source: Option<TransportError>,
}

/// What kind of failure a [`ProviderError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProviderErrorKind {
    /// The document names a member twice, so that two readers may see two documents.
    DuplicateMember,
    /// A newer document moves an endpoint to an origin that the first one did not have.
    EndpointMoved {
        /// The member of the document.
        field: &'static str,
    },
    /// An endpoint is a URL that secrets and users must not be sent to: not `https`, with user information or a fragment, or not
    /// written as a URL is.
    InsecureEndpoint {
        /// The member of the document.
        field: &'static str,
    },
    /// The document is another issuer's.
    IssuerMismatch,
    /// The document is not what it has to be.
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The provider has no such endpoint.
    MissingEndpoint {
        /// The member of the document.
        field: &'static str,
    },
    /// The provider says that it does not do PKCE with S256 (RFC 7636), and nothing less is done here.
    PkceUnsupported,
    /// The provider answered with a redirect. None is followed.
    Redirected,
    /// The provider answered that there is nothing, or not for us.
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// An endpoint has a query parameter that the protocol itself sets.
    ReservedParameter {
        /// The member of the document.
        field: &'static str,
    },
    /// The document is larger or deeper than any honest one.
    TooLarge,
    /// The provider could not be reached, or is out of order: no connection, no answer, a 5xx, a 429.
    Unreachable,
}

impl ProviderError {
    /// An error of this kind.
    pub(crate) fn new(kind: ProviderErrorKind) -> Self {
        Self { kind, retry_after: None, source: None }
    }

    /// The transport gave no answer.
    pub(super) fn no_answer(source: TransportError) -> Self {
        let kind = match source.kind() {
            oidc_core::TransportErrorKind::TooLarge => ProviderErrorKind::TooLarge,
            _ => ProviderErrorKind::Unreachable,
        };
        Self { source: Some(source), ..Self::new(kind) }
    }

    /// Sets how long the provider is left alone.
    #[must_use]
    pub(super) fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ProviderErrorKind {
        self.kind
    }

    /// Whether trying again later may succeed without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        self.kind == ProviderErrorKind::Unreachable
    }

    /// How long nothing will be sent to the provider for this. `None` where it was not asked, or may be asked at once.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl From<ProviderErrorKind> for ProviderError {
    fn from(kind: ProviderErrorKind) -> Self {
        Self::new(kind)
    }
}

impl From<JsonError> for ProviderErrorKind {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::DuplicateMember => Self::DuplicateMember,
            JsonError::WrongShape => Self::Malformed { reason: "not of the right shape" },
            JsonError::Syntax => Self::Malformed { reason: "not JSON" },
            JsonError::TooLarge => Self::TooLarge,
        }
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ProviderErrorKind as Kind;
        match self.kind {
            Kind::DuplicateMember => f.write_str("the provider's document names a member twice"),
            Kind::EndpointMoved { field } => write!(f, "the provider's {field} moved to an unknown origin"),
            Kind::InsecureEndpoint { field } => write!(f, "the provider's {field} is not a safe URL"),
            Kind::IssuerMismatch => f.write_str("the provider's document is another issuer's"),
            Kind::Malformed { reason } => write!(f, "the provider's document is unusable: {reason}"),
            Kind::MissingEndpoint { field } => write!(f, "the provider has no {field}"),
            Kind::PkceUnsupported => f.write_str("the provider does not support PKCE with S256"),
            Kind::Redirected => f.write_str("the provider answered with a redirect"),
            Kind::Refused { status } => write!(f, "the provider refused its document (status {status})"),
            Kind::ReservedParameter { field } => {
                write!(f, "the provider's {field} has a query parameter that the protocol sets")
            }
            Kind::TooLarge => f.write_str("the provider's document is too large"),
            Kind::Unreachable => f.write_str("the provider could not be reached"),
        }
    }
}

impl Error for ProviderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
