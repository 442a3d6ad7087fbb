//! What the clones of a service have in common, and how each request holds on to it.

use std::{fmt, sync::Arc};

use http::{Extensions, Request, header::AUTHORIZATION};
use oidc_core::{Credential, Generation, TokenError, TokenSource};

use crate::{
    ExistingHeader, Origins, Replay, RequestError, SendOnce, UseSource,
    replay::{Again, HeadCopy},
};

/// What all clones of a service share.
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
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<bool, RequestError> {
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

    /// What `request`, which has no token yet, is sent again with on a fresh instance of `service`, if it can be.
    pub(crate) fn again<Svc: Clone, B>(
        &self,
        service: &Svc,
        request: &Request<B>,
    ) -> Option<Box<Again<Svc, B>>>
    where
        R: Replay<B>,
    {
        if !self.retry_unauthorized || request.extensions().get::<SendOnce>().is_some() {
            return None;
        }
        let body = self.replay.copy(request)?;
        Some(Box::new(Again { service: service.clone(), request: HeadCopy::of(request, body) }))
    }
}

/// A service's hold on what it shares with its clones.
///
/// Each request in flight counts as one reference, and a count that two threads change at once costs them more than all
/// else that the layer does. So a clone that is called more than once gets a count of its own; one that is made for a single
/// request, as many are, uses the count that is there and allocates nothing.
pub(crate) struct Handle<S, R> {
    shared: Counted<S, R>,
    count: Count,
}

pub(crate) type Counted<S, R> = Arc<Arc<Shared<S, R>>>;

/// Whose count it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    /// That of the instance that was cloned; this one was not called yet.
    Borrowed,
    /// The same, and this instance was called once.
    BorrowedOnce,
    Own,
}

impl<S, R> Handle<S, R> {
    pub(crate) fn new(shared: Shared<S, R>) -> Self {
        Self { shared: Arc::new(Arc::new(shared)), count: Count::Own }
    }

    pub(crate) fn config(&self) -> &Config<R> {
        &self.shared.config
    }

    /// A reference for one request.
    pub(crate) fn count_request(&mut self) -> Counted<S, R> {
        if self.count != Count::Own {
            self.come_nearer_to_an_own_count();
        }
        Arc::clone(&self.shared)
    }

    #[cold]
    fn come_nearer_to_an_own_count(&mut self) {
        if self.count == Count::BorrowedOnce {
            self.shared = Arc::new(Arc::clone(&self.shared));
            self.count = Count::Own;
        } else {
            self.count = Count::BorrowedOnce;
        }
    }
}

impl<S, R> Clone for Handle<S, R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), count: Count::Borrowed }
    }
}

impl<S: fmt::Debug, R: fmt::Debug> fmt::Debug for Handle<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

/// Who speaks for one request.
pub(crate) struct Login<S, R> {
    shared: Counted<S, R>,
    own: Option<UseSource>,
}

impl<S: TokenSource, R: Send + Sync + 'static> Login<S, R> {
    /// The source that `request` brought, which goes no further, or else the layer's.
    pub(crate) fn of<B>(shared: Counted<S, R>, request: &mut Request<B>) -> Self {
        Self { shared, own: request.extensions_mut().remove() }
    }

    pub(crate) fn config(&self) -> &Config<R> {
        &self.shared.config
    }

    pub(crate) fn peek(&self) -> Option<Credential> {
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
}

/// The token that a request was sent with.
pub(crate) struct Token<S, R> {
    pub(crate) login: Login<S, R>,
    pub(crate) generation: Generation,
}

impl<S: TokenSource, R: Send + Sync + 'static> Token<S, R> {
    pub(crate) async fn renew(&self) -> Result<Credential, TokenError> {
        match &self.login.own {
            None => self.login.shared.source.renew(self.generation).await,
            Some(own) => own.source().renew(self.generation).await,
        }
    }

    pub(crate) fn reject(&self) {
        match &self.login.own {
            None => self.login.shared.source.reject(self.generation),
            Some(own) => own.source().reject(self.generation),
        }
    }
}

/// A token that later words of the answer may reject, whoever gave it.
pub(crate) struct Watch {
    shared: Arc<dyn Reject>,
    own: Option<UseSource>,
    generation: Generation,
}

/// In the extensions of an answer whose trailers are watched already.
#[derive(Clone, Copy)]
struct Watched;

impl<S: TokenSource, R: Send + Sync + 'static> Token<S, R> {
    /// Has the rest of an answer watched, unless another layer does that: of two layers it is the inner one whose token was sent.
    pub(crate) fn watch(self, answer: &mut Extensions) -> Option<Watch> {
        let Self { login: Login { shared, own }, generation } = self;
        if answer.get::<Watched>().is_some() {
            return None;
        }
        if shared.config.existing != ExistingHeader::Keep {
            answer.insert(Watched);
        }
        Some(Watch { shared, own, generation })
    }
}

impl Watch {
    pub(crate) fn reject(&self) {
        match &self.own {
            None => self.shared.reject(self.generation),
            Some(own) => own.source().reject(self.generation),
        }
    }
}

trait Reject: Send + Sync {
    fn reject(&self, generation: Generation);
}

impl<S: TokenSource, R: Send + Sync> Reject for Arc<Shared<S, R>> {
    fn reject(&self, generation: Generation) {
        self.source.reject(generation);
    }
}
