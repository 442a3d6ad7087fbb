//! What becomes of requests that the layer has something against.

use std::{error::Error, fmt};

/// What to do with an `Authorization` header that the caller has set, on requests to an allowed origin.
///
/// Whatever is chosen, there are never two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExistingHeader {
    /// The caller's header is sent, and the layer has nothing to do with the request or its answer.
    #[default]
    Keep,
    /// The caller's header is replaced by the token.
    Replace,
    /// The request is not sent: [`RequestError::HasAuthorization`].
    Refuse,
}

/// Why the layer did not send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestError {
    /// The URI has neither scheme nor host, and [`Origins::for_relative`](crate::Origins::for_relative) did not say where
    /// such requests go.
    RelativeUri,
    /// The caller has set `Authorization`, and [`ExistingHeader::Refuse`] is configured.
    HasAuthorization,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RelativeUri => "the request's URI has no scheme and host, and its origin was not named",
            Self::HasAuthorization => "the request has an Authorization header already",
        })
    }
}

impl Error for RequestError {}
