//! gRPC, whose refusals may come after the answer.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use oidc_core::TokenSource;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    Bearer, BearerLayer, BoxError, Replay, ReplayEmpty, ResponseFuture,
    answer::{is_grpc, is_unauthenticated},
    shared::Watch,
};

/// A [`BearerLayer`] that also reads the trailers of gRPC answers, see [`BearerLayer::for_grpc`].
#[derive(Clone, Debug)]
pub struct GrpcLayer<S, R = ReplayEmpty>(pub(crate) BearerLayer<S, R>);

impl<Svc, S: Clone, R: Clone> Layer<Svc> for GrpcLayer<S, R> {
    type Service = Grpc<Svc, S, R>;

    fn layer(&self, inner: Svc) -> Self::Service {
        Grpc(self.0.layer(inner))
    }
}

/// The service that [`GrpcLayer`] makes of a client: a [`Bearer`] whose answers have a [`GrpcBody`].
#[derive(Clone, Debug)]
pub struct Grpc<Svc, S, R = ReplayEmpty>(Bearer<Svc, S, R>);

impl<Svc, S, R> Grpc<Svc, S, R> {
    /// The client inside.
    pub fn get_ref(&self) -> &Svc {
        self.0.get_ref()
    }

    /// The client inside. What is sent on it directly carries no token.
    pub fn get_mut(&mut self) -> &mut Svc {
        self.0.get_mut()
    }

    /// Takes the client out.
    pub fn into_inner(self) -> Svc {
        self.0.into_inner()
    }
}

impl<Svc, S, R, B, ResBody> Service<Request<B>> for Grpc<Svc, S, R>
where
    Svc: Service<Request<B>, Response = Response<ResBody>> + Clone + Send + 'static,
    Svc::Error: Into<BoxError>,
    Svc::Future: Send,
    S: TokenSource,
    R: Replay<B>,
    B: Send + 'static,
    ResBody: Send + 'static,
{
    type Response = Response<GrpcBody<ResBody>>;
    type Error = BoxError;
    type Future = GrpcFuture<Svc, S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        GrpcFuture { inner: self.0.call(request) }
    }
}

pin_project! {
    /// The answer to a request, from [`Grpc`]. Dropping it is as dropping a [`ResponseFuture`].
    pub struct GrpcFuture<Svc, S, R, B>
    where
        Svc: Service<Request<B>>,
    {
        #[pin]
        inner: ResponseFuture<Svc, S, R, B>,
    }
}

impl<Svc, S, R, B, ResBody> Future for GrpcFuture<Svc, S, R, B>
where
    Svc: Service<Request<B>, Response = Response<ResBody>> + Clone + Send + 'static,
    Svc::Error: Into<BoxError>,
    Svc::Future: Send,
    S: TokenSource,
    R: Replay<B>,
    B: Send + 'static,
    ResBody: Send + 'static,
{
    type Output = Result<Response<GrpcBody<ResBody>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.project().inner;
        let mut response = ready!(inner.as_mut().poll(cx))?;
        let token = inner.take_token().filter(|_| is_grpc(response.headers()));
        let watch = token.and_then(|token| token.watch(response.extensions_mut()));
        Poll::Ready(Ok(response.map(|body| GrpcBody { body, watch })))
    }
}

pin_project! {
    /// The body of an answer to a [`Grpc`] client: the client's own, whose trailers are looked at as they pass.
    ///
    /// Where they say `UNAUTHENTICATED`, the token that the request was sent with is rejected, and the next call gets another one.
    /// Nothing is changed, held back or sent again.
    pub struct GrpcBody<B> {
        #[pin]
        body: B,
        watch: Option<Watch>,
    }
}

impl<B: Body> Body for GrpcBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && frame.trailers_ref().is_some_and(is_unauthenticated)
            && let Some(watch) = this.watch.take()
        {
            watch.reject();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: fmt::Debug> fmt::Debug for GrpcBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GrpcBody").field(&self.body).finish()
    }
}
