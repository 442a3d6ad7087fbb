//! Who speaks for a request.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use oidc_core::{Cause, Credential, Generation, TokenError, TokenSource};

/// In a request's extensions: the source that speaks for this request, in place of the layer's own.
///
/// The layer that attaches the token takes it out of the request before it sends it on.
///
/// ```
/// # use std::sync::Arc;
/// # use oidc_core::TokenSource;
/// use oidc_tower::UseSource;
/// # fn of(source: Arc<dyn TokenSource>) {
/// # let mut request = http::Request::new(());
/// request.extensions_mut().insert(UseSource::new(source));
/// # }
/// ```
#[derive(Clone)]
pub struct UseSource(Arc<dyn TokenSource>);

impl UseSource {
    /// Has `source` speak for the request.
    pub fn new(source: Arc<dyn TokenSource>) -> Self {
        Self(source)
    }

    pub(crate) fn source(&self) -> &dyn TokenSource {
        &*self.0
    }
}

impl fmt::Debug for UseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UseSource").finish_non_exhaustive()
    }
}

/// The source of a layer on which every request brings its own, see
/// [`BearerLayer::per_request`](crate::BearerLayer::per_request).
///
/// It has no token to give: a request that brought no source is one for which nobody is logged in.
#[derive(Clone, Copy, Debug, Default)]
pub struct PerRequest;

#[async_trait]
impl TokenSource for PerRequest {
    fn peek(&self) -> Option<Credential> {
        None
    }

    async fn token(&self) -> Result<Credential, TokenError> {
        Err(TokenError::reauth(Cause::LoggedOut))
    }

    async fn renew(&self, _: Generation) -> Result<Credential, TokenError> {
        Err(TokenError::reauth(Cause::LoggedOut))
    }

    fn reject(&self, _: Generation) {}
}
