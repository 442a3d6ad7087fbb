//! The one place that sends token requests.

mod answer;
mod failure;
mod members;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response,
    header::{ACCEPT, CONTENT_TYPE},
};
use oidc_core::{GrantError, GrantErrorKind, TransportError};
use url::Url;
use zeroize::Zeroize;

use self::answer::RawAnswer;
pub(crate) use self::{
    answer::{DeadAnswers, TokenAnswer},
    failure::retry_after,
};
use crate::{
    OidcClient,
    echo::form_is_repeated_in,
    form::Form,
    provider::{Endpoint, ProviderError, ProviderErrorKind},
};

/// A request of any grant: the grant's own parameters, to which the client's authentication is added.
pub(crate) struct TokenRequest<'a> {
    pub(crate) form: Form,
    /// Asked immediately before the request leaves.
    pub(crate) gate: &'a (dyn Fn() -> Result<(), GrantError> + Send + Sync),
    /// Which refusals are final.
    pub(crate) is_dead: DeadAnswers<'a>,
    /// Whether the request is sent once more if it was provably not sent.
    pub(crate) repeat_unsent: bool,
}

impl OidcClient {
    /// Sends a token request (RFC 6749 §4, §6) and reads the answer.
    ///
    /// # Errors
    /// [`GrantError`]. A failure of the transport is [`NotProcessed`](GrantErrorKind::NotProcessed) only if the request was
    /// provably not sent.
    pub(crate) async fn request_tokens(&self, request: TokenRequest<'_>) -> Result<TokenAnswer, GrantError> {
        let endpoint = self.token_endpoint().await?;
        let clock = self.0.provider.clock();
        let http = self.form_post(&endpoint, request.form).ok_or_else(|| {
            GrantError::new(GrantErrorKind::Misconfigured, "the token endpoint is not a URL that HTTP knows")
        })?;
        let sent = clock.wall();
        (request.gate)()?;
        let mut outcome = self.send(&http).await;
        if request.repeat_unsent && outcome.as_ref().is_err_and(|error| !error.may_have_been_sent()) {
            (request.gate)()?;
            outcome = self.send(&http).await;
        }
        let (head, body) = outcome.map_err(not_answered)?.into_parts();
        let answer = RawAnswer {
            status: head.status,
            headers: &head.headers,
            body: &body,
            sent,
            now: clock.wall(),
            is_dead: request.is_dead,
            is_echo: &|text| self.0.auth.is_repeated_in(text) || form_is_repeated_in(http.body(), text),
        };
        let tokens = answer.read();
        // The buffer holds tokens. It can be wiped where nobody else has it.
        if let Ok(mut body) = body.try_into_mut() {
            body.zeroize();
        }
        tokens
    }

    /// A form post to one of the provider's endpoints, with the client's authentication (RFC 6749 §2.3). `None` where the URL is not
    /// one that HTTP knows.
    pub(crate) fn form_post(&self, endpoint: &Url, form: Form) -> Option<Request<Bytes>> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let raw_basic = self.provider().profile().raw_basic();
        let form = self.0.auth.apply(self.client_id(), raw_basic, form, &mut headers);
        let mut request = Request::new(form.into_body());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.as_str().parse().ok()?;
        *request.headers_mut() = headers;
        Some(request)
    }

    async fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.0.provider.transport().send(request.clone()).await
    }

    async fn token_endpoint(&self) -> Result<Url, GrantError> {
        let metadata = self.0.provider.metadata().await.map_err(no_provider)?;
        metadata.token_endpoint().cloned().ok_or_else(|| {
            let field = Endpoint::Token.field();
            no_provider(ProviderErrorKind::MissingEndpoint { field }.into())
        })
    }
}

/// What it means for a grant that the provider's metadata cannot be had.
pub(crate) fn no_provider(error: ProviderError) -> GrantError {
    let kind =
        if error.is_transient() { GrantErrorKind::NotProcessed } else { GrantErrorKind::Misconfigured };
    let wait = error.retry_after();
    let failure = GrantError::new(kind, "what is known of the provider cannot be used").with_source(error);
    wait.into_iter().fold(failure, GrantError::with_retry_after)
}

fn not_answered(error: TransportError) -> GrantError {
    let (kind, reason) = if error.may_have_been_sent() {
        (GrantErrorKind::OutcomeUnknown, "the provider's answer was lost")
    } else {
        (GrantErrorKind::NotProcessed, "the token request was not sent")
    };
    GrantError::new(kind, reason).with_source(error)
}
