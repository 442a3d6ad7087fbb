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
    replay::Again,
    resend::{Answered, send_again},
    shared::Token,
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
        state: State<Svc::Future, BoxFuture<Answered<Svc::Response, S, R>>>,
        // What the request was sent with, if it is ours and not known to be rejected.
        token: Option<Token<S, R>>,
        again: Option<Box<Again<Svc, B>>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, W> {
        /// Sent, with a token or without one of ours.
        Sent { #[pin] future: F },
        /// Waiting for a token, or for what comes after it.
        Waiting { future: W },
        /// Not sent.
        Failed { error: Option<BoxError> },
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

impl<Svc, S, R, B> ResponseFuture<Svc, S, R, B>
where
    Svc: Service<Request<B>>,
{
    pub(crate) fn sent(
        future: Svc::Future,
        token: Option<Token<S, R>>,
        again: Option<Box<Again<Svc, B>>>,
    ) -> Self {
        Self { state: State::Sent { future }, token, again }
    }

    pub(crate) fn waiting<F>(future: F) -> Self
    where
        F: Future<Output = Result<Answered<Svc::Response, S, R>, BoxError>> + Send + 'static,
    {
        Self { state: State::Waiting { future: Box::pin(future) }, token: None, again: None }
    }

    pub(crate) fn failed(error: BoxError) -> Self {
        Self { state: State::Failed { error: Some(error) }, token: None, again: None }
    }

    /// After the answer: the token that it was asked with, if it is ours and not known to be rejected.
    pub(crate) fn take_token(self: Pin<&mut Self>) -> Option<Token<S, R>> {
        self.project().token.take()
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
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Sent { future } => {
                    // Looked at in place: taking the response out of it would move it once more.
                    let mut answer = future.poll(cx);
                    let rejected = match &mut answer {
                        Poll::Ready(Ok(response)) => this.token.take_if(|_| rejects_token(response)),
                        _ => None,
                    };
                    let Some(rejected) = rejected else { return answer.map_err(Into::into) };
                    let Some(again) = this.again.take() else {
                        rejected.reject();
                        return answer.map_err(Into::into);
                    };
                    let refusal = ready!(answer).map_err(Into::into)?;
                    this.state.set(State::Waiting { future: Box::pin(send_again(refusal, rejected, again)) });
                }
                StateProj::Waiting { future } => {
                    let Answered { response, token } = ready!(future.as_mut().poll(cx))?;
                    *this.token = token;
                    return Poll::Ready(Ok(response));
                }
                StateProj::Failed { error } => {
                    return error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
                }
            }
        }
    }
}
