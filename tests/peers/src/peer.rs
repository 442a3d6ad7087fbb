//! What every contender can do.

use std::{fmt::Debug, time::Duration};

use http::HeaderValue;

use crate::endpoint::Endpoint;

/// A contender that hands out tokens. No future is boxed: what a contender is measured with must cost nothing.
pub trait Peer: Sized + Send + Sync + 'static {
    /// Its name.
    const NAME: &'static str;
    /// A token that lives so long is within its refresh window after so long, and not ended yet.
    const WINDOW: (Duration, Duration);
    /// Whether it is there before it has a token.
    const IS_LAZY: bool = true;

    /// A new one that asks this endpoint.
    fn new(endpoint: Endpoint) -> impl Future<Output = Self> + Send;

    /// The header of a request, ready to attach.
    fn header(&self) -> impl Future<Output = Result<HeaderValue, Box<dyn Debug + Send>>> + Send;
}

/// The value of the header for this token, in the shortest way that lets no token be logged.
pub fn bearer(token: &str) -> HeaderValue {
    let mut value =
        HeaderValue::try_from(format!("Bearer {token}")).expect("a token that fits into a header");
    value.set_sensitive(true);
    value
}
