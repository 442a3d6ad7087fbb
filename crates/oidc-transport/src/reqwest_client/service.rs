//! A reqwest client as a tower service.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use reqwest::{Body, ResponseBuilderExt};
use tower_service::Service;

use super::BuildError;

/// A reqwest client as a tower [`Service`] over the types of `http`, so that layers can be put on it.
///
/// It is made from a client builder and not from a client, because it must not follow redirects: below a
/// layer that attaches credentials, a redirect would carry them on to wherever an answer says. All other
/// settings are taken as they are. A layer above it (`tower_http::follow_redirect`, above the one that
/// attaches credentials) may follow redirects safely.
///
/// An answer becomes a [`reqwest::Response`] again, with its URL, by `into`. [`ReqwestClient`](super::ReqwestClient) does that.
///
/// ```
/// use oidc_transport::ReqwestService;
/// use tower_service::Service;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let mut service = ReqwestService::new(reqwest::Client::builder().user_agent("accounting/1.4"))?;
/// let request = http::Request::get("https://api.example/accounts").body("")?;
/// let response: http::Response<reqwest::Body> = service.call(request).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ReqwestService(reqwest::Client);

impl ReqwestService {
    /// Builds the client, with redirects off.
    ///
    /// # Errors
    /// Where reqwest does not take the settings, or the system's root certificates cannot be read.
    pub fn new(client: reqwest::ClientBuilder) -> Result<Self, BuildError> {
        Ok(Self(client.redirect(reqwest::redirect::Policy::none()).build()?))
    }
}

impl<B: Into<Body>> Service<Request<B>> for ReqwestService {
    type Response = Response<Body>;
    type Error = ReqwestServiceError;
    type Future = ReqwestFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<reqwest::Request>::poll_ready(&mut self.0, cx).map_err(ReqwestServiceError::from)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match reqwest::Request::try_from(request) {
            Ok(request) => ReqwestFuture(State::Sent(self.0.call(request))),
            Err(error) => ReqwestFuture(State::Refused(Some(error.into()))),
        }
    }
}

/// The answer of a [`ReqwestService`].
#[derive(Debug)]
pub struct ReqwestFuture(State);

#[derive(Debug)]
enum State {
    Sent(<reqwest::Client as Service<reqwest::Request>>::Future),
    Refused(Option<ReqwestServiceError>),
}

impl Future for ReqwestFuture {
    type Output = Result<Response<Body>, ReqwestServiceError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Sent(answer) => Poll::Ready(Ok(with_url(ready!(Pin::new(answer).poll(cx))?))),
            State::Refused(error) => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                // Polled again after it was ready, which nobody may do.
                None => Poll::Pending,
            },
        }
    }
}

/// The answer as `http` has it, which has no place for its URL but among the extensions.
fn with_url(answer: reqwest::Response) -> Response<Body> {
    let url = Response::builder().url(answer.url().clone()).body(());
    let mut answer = Response::from(answer);
    if let Ok(url) = url {
        answer.extensions_mut().extend(url.into_parts().0.extensions);
    }
    answer
}

/// Why a [`ReqwestService`] has no answer: reqwest's error without the URL, whose query may be secret.
#[derive(Debug)]
pub struct ReqwestServiceError(reqwest::Error);

impl ReqwestServiceError {
    /// reqwest's error.
    pub fn get_ref(&self) -> &reqwest::Error {
        &self.0
    }
}

impl fmt::Display for ReqwestServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for ReqwestServiceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl From<reqwest::Error> for ReqwestServiceError {
    fn from(error: reqwest::Error) -> Self {
        Self(error.without_url())
    }
}
