//! Which requests can be sent a second time.

use std::sync::Arc;

use http::{Extensions, HeaderName, HeaderValue, Method, Request, Uri, Version};
use http_body::Body;

/// Decides which requests can be sent once more after a 401, and with what body.
///
/// The layer asks before it sends a request for the first time; after an answer the body would be gone. It copies the head
/// (method, URI, version, headers, extensions) itself.
///
/// Sending twice is safe as far as HTTP goes: a server that answers 401 has not done what it was asked (RFC 9110 §15.5.2).
/// Where an API does not keep to that, `copy` can look at the method.
///
/// ```
/// use http::Request;
/// use oidc_tower::Replay;
///
/// /// Sends again what does the same when it is done twice.
/// #[derive(Clone)]
/// struct ReplayIdempotent;
///
/// impl<B: Clone> Replay<B> for ReplayIdempotent {
///     fn copy(&self, request: &Request<B>) -> Option<B> {
///         request.method().is_idempotent().then(|| request.body().clone())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot replay request bodies of type `{B}`",
    note = "`BearerLayer::with_replay` takes `ReplayNever` for any body, and `ReplayClone` for bodies that are `Clone`"
)]
pub trait Replay<B>: Send + Sync + 'static {
    /// A second body for `request`, the same as its own, or nothing where it can be sent only once.
    fn copy(&self, request: &Request<B>) -> Option<B>;
}

/// Sends requests without a body again: the default. Other requests are sent once.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplayEmpty;

impl<B: Body + Default> Replay<B> for ReplayEmpty {
    fn copy(&self, request: &Request<B>) -> Option<B> {
        request.body().is_end_stream().then(B::default)
    }
}

/// Sends every request again, with a clone of its body: for bodies whose clones yield the same bytes and are cheap, such as
/// `Full<Bytes>`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplayClone;

impl<B: Clone> Replay<B> for ReplayClone {
    fn copy(&self, request: &Request<B>) -> Option<B> {
        Some(request.body().clone())
    }
}

/// Sends every request once. Requests cost no allocation then; after a 401 the next call gets another token.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplayNever;

impl<B> Replay<B> for ReplayNever {
    fn copy(&self, _: &Request<B>) -> Option<B> {
        None
    }
}

impl<B, R: Replay<B> + ?Sized> Replay<B> for Arc<R> {
    fn copy(&self, request: &Request<B>) -> Option<B> {
        (**self).copy(request)
    }
}

/// In a request's extensions: this one is sent once, whatever the layer's [`Replay`] says.
///
/// ```
/// # let mut request = http::Request::new(());
/// request.extensions_mut().insert(oidc_tower::SendOnce);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SendOnce;

/// What a request is sent again with: an instance of the client that was not polled, and the request without a token.
///
/// Boxed, so that requests that are sent once do not carry the room for it.
pub(crate) struct Again<Svc, B> {
    pub(crate) service: Svc,
    pub(crate) request: HeadCopy<B>,
}

/// A request with the head of another. Its headers are a plain list, because that takes one allocation and a map takes two.
pub(crate) struct HeadCopy<B> {
    method: Method,
    uri: Uri,
    version: Version,
    headers: Vec<(HeaderName, HeaderValue)>,
    extensions: Extensions,
    body: B,
}

impl<B> HeadCopy<B> {
    pub(crate) fn of(request: &Request<B>, body: B) -> Self {
        let mut headers = Vec::with_capacity(request.headers().len());
        headers.extend(request.headers().iter().map(|(name, value)| (name.clone(), value.clone())));
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers,
            extensions: request.extensions().clone(),
            body,
        }
    }

    pub(crate) fn into_request(self) -> Request<B> {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        *request.extensions_mut() = self.extensions;
        for (name, value) in self.headers {
            request.headers_mut().append(name, value);
        }
        request
    }
}
