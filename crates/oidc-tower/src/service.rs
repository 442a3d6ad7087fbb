//! What happens to a request before it is sent.

use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, header::AUTHORIZATION};
use oidc_core::{Credential, Generation, TokenError, TokenSource};
use tower_service::Service;

use crate::{
    BoxError, ExistingHeader, Origins, Replay, ReplayEmpty, RequestError, ResponseFuture, SendOnce,
    UseSource,
    replay::copy_head,
    resend::{Again, Attached, send_late},
};

/// The service that [`BearerLayer`](crate::BearerLayer) makes of a client.
///
/// It is ready when the client is. Cloning it costs what cloning the client costs, and one reference count.
pub struct Bearer<Svc, S, R = ReplayEmpty> {
    inner: Svc,
    shared: Arc<Shared<S, R>>,
}

impl<Svc, S, R> Bearer<Svc, S, R> {
    pub(crate) fn new(inner: Svc, shared: Arc<Shared<S, R>>) -> Self {
        Self { inner, shared }
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.shared.config.admit(&request) {
            Ok(true) => self.send_with_token(request),
            Ok(false) => ResponseFuture::passed(self.inner.call(request)),
            Err(error) => self.refuse(error),
        }
    }
}

impl<Svc: Clone, S, R> Bearer<Svc, S, R> {
    fn send_with_token<B, ResBody>(&mut self, mut request: Request<B>) -> ResponseFuture<Svc, S, R, B>
    where
        Svc: Service<Request<B>, Response = Response<ResBody>> + Send + 'static,
        Svc::Error: Into<BoxError>,
        Svc::Future: Send,
        S: TokenSource,
        R: Replay<B>,
        B: Send + 'static,
        ResBody: Send + 'static,
    {
        let login = Login { shared: Arc::clone(&self.shared), own: request.extensions_mut().remove() };
        let Some(credential) = login.peek() else {
            self.give_up_readiness();
            return ResponseFuture::waiting(send_late(self.inner.clone(), request, login));
        };
        let copy = self.shared.config.copy(&request);
        let generation = credential.generation();
        if let Err(error) = self.shared.config.attach(credential, &mut request) {
            return self.refuse(error);
        }
        let again = copy.map(|request| Again { service: self.inner.clone(), request });
        let future = self.inner.call(request);
        ResponseFuture::sent(future, Attached { login, generation, again })
    }

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
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<Svc: fmt::Debug, S: fmt::Debug, R: fmt::Debug> fmt::Debug for Bearer<Svc, S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").field("inner", &self.inner).field("shared", &self.shared).finish()
    }
}

/// What all clones of a service share: in one allocation, because each reference count more costs every request.
#[derive(Debug)]
pub(crate) struct Shared<S, R> {
    pub(crate) source: S,
    pub(crate) config: Config<R>,
}

#[derive(Clone, Debug)]
pub(crate) struct Config<R> {
    pub(crate) origins: Origins,
    pub(crate) existing: ExistingHeader,
    pub(crate) retry_unauthorized: bool,
    pub(crate) replay: R,
}

/// In the extensions of a request that has its token.
#[derive(Clone, Copy, Debug)]
struct HasToken;

impl<R> Config<R> {
    /// Whether `request` gets a token (otherwise it is passed on as it is).
    fn admit<B>(&self, request: &Request<B>) -> Result<bool, RequestError> {
        if !self.origins.allow(request.uri())? {
            return Ok(false);
        }
        if !request.headers().contains_key(AUTHORIZATION) {
            return Ok(true);
        }
        match self.existing {
            ExistingHeader::Keep => Ok(false),
            _ if request.extensions().get::<HasToken>().is_some() => Ok(false),
            ExistingHeader::Replace => Ok(true),
            ExistingHeader::Refuse => Err(RequestError::HasAuthorization),
        }
    }

    /// Attaches `credential`.
    pub(crate) fn attach<B>(
        &self,
        credential: Credential,
        request: &mut Request<B>,
    ) -> Result<(), TokenError> {
        // A second layer that keeps existing headers knows by the header itself; the mark would allocate.
        if self.existing != ExistingHeader::Keep {
            request.extensions_mut().insert(HasToken);
        }
        credential.apply(request)
    }

    /// What is sent if `request`, which has no token yet, has to be sent again.
    pub(crate) fn copy<B>(&self, request: &Request<B>) -> Option<Request<B>>
    where
        R: Replay<B>,
    {
        if !self.retry_unauthorized || request.extensions().get::<SendOnce>().is_some() {
            return None;
        }
        self.replay.copy(request).map(|body| copy_head(request, body))
    }
}

/// Who speaks for one request.
pub(crate) struct Login<S, R> {
    pub(crate) shared: Arc<Shared<S, R>>,
    own: Option<UseSource>,
}

impl<S: TokenSource, R: Send + Sync + 'static> Login<S, R> {
    fn peek(&self) -> Option<Credential> {
        match &self.own {
            None => self.shared.source.peek(),
            Some(own) => own.source().peek(),
        }
    }

    pub(crate) async fn token(&self) -> Result<Credential, TokenError> {
        match &self.own {
            None => self.shared.source.token().await,
            Some(own) => own.source().token().await,
        }
    }

    pub(crate) async fn renew(&self, rejected: Generation) -> Result<Credential, TokenError> {
        match &self.own {
            None => self.shared.source.renew(rejected).await,
            Some(own) => own.source().renew(rejected).await,
        }
    }

    pub(crate) fn reject(&self, rejected: Generation) {
        match &self.own {
            None => self.shared.source.reject(rejected),
            Some(own) => own.source().reject(rejected),
        }
    }
}
