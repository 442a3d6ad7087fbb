//! What happens to a request before it is sent.

use std::{
    fmt, mem,
    task::{Context, Poll},
};

use http::{Request, Response};
use oidc_core::TokenSource;
use tower_service::Service;

use crate::{
    BoxError, Replay, ReplayEmpty, ResponseFuture,
    resend::send_late,
    shared::{Handle, Login, Shared, Token},
};

/// The service that [`BearerLayer`](crate::BearerLayer) makes of a client.
///
/// It is ready when the client is. Cloning it costs what cloning the client costs, and one reference count.
pub struct Bearer<Svc, S, R = ReplayEmpty> {
    inner: Svc,
    handle: Handle<S, R>,
}

impl<Svc, S, R> Bearer<Svc, S, R> {
    pub(crate) fn new(inner: Svc, shared: Shared<S, R>) -> Self {
        Self { inner, handle: Handle::new(shared) }
    }

    /// The client inside.
    pub fn get_ref(&self) -> &Svc {
        &self.inner
    }

    /// The client inside. What is sent on it directly carries no token.
    pub fn get_mut(&mut self) -> &mut Svc {
        &mut self.inner
    }

    /// Takes the client out.
    pub fn into_inner(self) -> Svc {
        self.inner
    }
}

impl<Svc, S, R, B, ResBody> Service<Request<B>> for Bearer<Svc, S, R>
where
    Svc: Service<Request<B>, Response = Response<ResBody>> + Clone + Send + 'static,
    Svc::Error: Into<BoxError>,
    Svc::Future: Send,
    S: TokenSource,
    R: Replay<B>,
    B: Send + 'static,
    ResBody: Send + 'static,
{
    type Response = Response<ResBody>;
    type Error = BoxError;
    type Future = ResponseFuture<Svc, S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    // One function, and the request stays where it is until the client gets it: each move of it costs what the origin check does.
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.handle.config().admit(&request) {
            Ok(true) => {}
            Ok(false) => return ResponseFuture::sent(self.inner.call(request), None, None),
            Err(error) => return self.refuse(error),
        }
        let login = Login::of(self.handle.count_request(), &mut request);
        let Some(credential) = login.peek() else {
            self.give_up_readiness();
            return ResponseFuture::waiting(send_late(self.inner.clone(), request, login));
        };
        let again = login.config().again(&self.inner, &request);
        let generation = credential.generation();
        if let Err(error) = login.config().attach(credential, &mut request) {
            return self.refuse(error);
        }
        ResponseFuture::sent(self.inner.call(request), Some(Token { login, generation }), again)
    }
}

impl<Svc: Clone, S, R> Bearer<Svc, S, R> {
    fn refuse<B>(&mut self, error: impl Into<BoxError>) -> ResponseFuture<Svc, S, R, B>
    where
        Svc: Service<Request<B>>,
    {
        self.give_up_readiness();
        ResponseFuture::failed(error.into())
    }

    /// Drops the instance that was polled, with whatever it has reserved for a call that does not come now.
    fn give_up_readiness(&mut self) {
        let fresh = self.inner.clone();
        drop(mem::replace(&mut self.inner, fresh));
    }
}

impl<Svc: Clone, S, R> Clone for Bearer<Svc, S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), handle: self.handle.clone() }
    }
}

impl<Svc: fmt::Debug, S: fmt::Debug, R: fmt::Debug> fmt::Debug for Bearer<Svc, S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").field("inner", &self.inner).field("shared", &self.handle).finish()
    }
}
