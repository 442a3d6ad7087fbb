//! What reqwest's errors mean.

use std::{error::Error, fmt, iter};

use oidc_core::{TransportError, TransportErrorKind};

use super::resolver::AddressDenied;

/// Why an HTTP client could not be built.
#[derive(Debug)]
pub struct BuildError(reqwest::Error);

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the HTTP client cannot be built")
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl From<reqwest::Error> for BuildError {
    fn from(error: reqwest::Error) -> Self {
        Self(error.without_url())
    }
}

/// Whatever went wrong while connecting went wrong before anything of the request was sent; of all else
/// nobody knows.
pub(super) fn classify(error: reqwest::Error) -> TransportError {
    let failure = if error.is_builder() {
        TransportError::not_sent(TransportErrorKind::InvalidRequest)
    } else if error.is_connect() {
        TransportError::not_sent(why_not_connected(&error))
    } else if error.is_timeout() {
        TransportError::maybe_sent(TransportErrorKind::Timeout)
    } else {
        TransportError::maybe_sent(TransportErrorKind::Interrupted)
    };
    failure.with_source(error.without_url())
}

fn why_not_connected(error: &reqwest::Error) -> TransportErrorKind {
    if causes(error).any(|cause| cause.is::<AddressDenied>()) {
        TransportErrorKind::AddressDenied
    } else if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if causes(error).any(is_tls) {
        TransportErrorKind::Tls
    } else {
        TransportErrorKind::Connect
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// rustls reports by way of I/O errors, one in the other, and the source of an I/O error is not the error
/// within it but the source of that one.
fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    let within = |error: &std::io::Error| error.get_ref().is_some_and(|error| is_tls(error));
    cause.is::<rustls::Error>() || cause.downcast_ref::<std::io::Error>().is_some_and(within)
}
