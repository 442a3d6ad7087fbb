//! What every contender can do.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use http::HeaderValue;

use crate::endpoint::Endpoint;

/// A contender that hands out tokens.
#[async_trait]
pub trait Peer: Sized + Send + Sync + 'static {
    /// Its name.
    const NAME: &'static str;
    /// A token that lives so long is within its refresh window after so long, and not ended yet.
    const WINDOW: (Duration, Duration);
    /// Whether it is there before it has a token.
    const IS_LAZY: bool = true;

    /// A new one that asks this endpoint.
    async fn new(endpoint: Endpoint) -> Self;

    /// The header of a request, ready to attach.
    async fn header(&self) -> Result<HeaderValue, Box<dyn Debug + Send>>;
}

/// The value of the header for this token, in the shortest way that lets no token be logged.
pub fn bearer(token: &str) -> HeaderValue {
    let mut value =
        HeaderValue::try_from(format!("Bearer {token}")).expect("a token that fits into a header");
    value.set_sensitive(true);
    value
}
