//! The future of an answer.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use oidc_core::TokenSource;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    BoxError, Replay,
    answer::rejects_token,
    resend::{Attached, send_again},
};

pin_project! {
    /// The answer to a request, from [`Bearer`](crate::Bearer).
    ///
    /// It is the client's own future and some words beside it; only what has to wait for a token is boxed. Dropping it gives
    /// the request up, as dropping the client's future does, but not a renewal of the token that it has asked for.
    pub struct ResponseFuture<Svc, S, R, B>
    where
        Svc: Service<Request<B>>,
    {
        #[pin]
        state: State<Svc, S, R, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<Svc, S, R, B>
    where
        Svc: Service<Request<B>>,
    {
        /// Sent without a token of ours.
        Passed { #[pin] future: Svc::Future },
        /// Sent with a token.
        Sent { #[pin] future: Svc::Future, attached: Option<Attached<Svc, S, R, B>> },
        /// Waiting for a token, or for what comes after it.
        Waiting { future: BoxFuture<Svc::Response> },
        /// Not sent.
        Failed { error: Option<BoxError> },
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

impl<Svc, S, R, B> ResponseFuture<Svc, S, R, B>
where
    Svc: Service<Request<B>>,
{
    pub(crate) fn passed(future: Svc::Future) -> Self {
        Self { state: State::Passed { future } }
    }

    pub(crate) fn sent(future: Svc::Future, attached: Attached<Svc, S, R, B>) -> Self {
        Self { state: State::Sent { future, attached: Some(attached) } }
    }

    pub(crate) fn waiting<F>(future: F) -> Self
    where
        F: Future<Output = Result<Svc::Response, BoxError>> + Send + 'static,
    {
        Self { state: State::Waiting { future: Box::pin(future) } }
    }

    pub(crate) fn failed(error: BoxError) -> Self {
        Self { state: State::Failed { error: Some(error) } }
    }
}

impl<Svc, S, R, B, ResBody> Future for ResponseFuture<Svc, S, R, B>
where
    Svc: Service<Request<B>, Response = Response<ResBody>> + Send + 'static,
    Svc::Error: Into<BoxError>,
    Svc::Future: Send,
    S: TokenSource,
    R: Replay<B>,
    B: Send + 'static,
    ResBody: Send + 'static,
{
    type Output = Result<Response<ResBody>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let late = match state.as_mut().project() {
                StateProj::Passed { future } => return future.poll(cx).map_err(Into::into),
                StateProj::Sent { future, attached } => {
                    let mut response = ready!(future.poll(cx)).map_err(Into::into)?;
                    if !rejects_token(&mut response) {
                        return Poll::Ready(Ok(response));
                    }
                    match attached.take() {
                        Some(Attached { login, generation, again: Some(again) }) => {
                            Box::pin(send_again(response, login, generation, again))
                        }
                        Some(Attached { login, generation, again: None }) => {
                            login.reject(generation);
                            return Poll::Ready(Ok(response));
                        }
                        None => return Poll::Ready(Ok(response)),
                    }
                }
                StateProj::Waiting { future } => return future.as_mut().poll(cx),
                StateProj::Failed { error } => {
                    return error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
                }
            };
            state.set(State::Waiting { future: late });
        }
    }
}
