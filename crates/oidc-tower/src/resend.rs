//! The ways that take longer: a request that waits for its token, and one that is sent again after a 401.

use std::future::poll_fn;

use http::{Request, Response};
use oidc_core::TokenSource;
use tower_service::Service;

use crate::{
    BoxError, Replay,
    answer::rejects_token,
    replay::Again,
    shared::{Login, Token},
};

/// An answer, and the token that it was asked with, if that is not known to be rejected already.
pub(crate) struct Answered<T, S, R> {
    pub(crate) response: T,
    pub(crate) token: Option<Token<S, R>>,
}

/// Waits for a token, sends `request` with it on `service`, and deals with the answer.
pub(crate) async fn send_late<Svc, S, R, B, ResBody>(
    mut service: Svc,
    mut request: Request<B>,
    login: Login<S, R>,
) -> Result<Answered<Response<ResBody>, S, R>, BoxError>
where
    Svc: Service<Request<B>, Response = Response<ResBody>> + Clone,
    Svc::Error: Into<BoxError>,
    S: TokenSource,
    R: Replay<B>,
{
    let credential = login.token().await?;
    let again = login.config().again(&service, &request);
    let generation = credential.generation();
    login.config().attach(credential, &mut request)?;
    let token = Token { login, generation };
    let mut response = send(&mut service, request).await?;
    if !rejects_token(&mut response) {
        return Ok(Answered { response, token: Some(token) });
    }
    match again {
        Some(again) => send_again(response, token, again).await,
        None => {
            token.reject();
            Ok(Answered { response, token: None })
        }
    }
}

/// Has `rejected` renewed, which `refusal` is about, and sends the request with the new token. Where there is no other one,
/// `refusal` is the answer.
pub(crate) async fn send_again<Svc, S, R, B, ResBody>(
    mut refusal: Response<ResBody>,
    rejected: Token<S, R>,
    again: Box<Again<Svc, B>>,
) -> Result<Answered<Response<ResBody>, S, R>, BoxError>
where
    Svc: Service<Request<B>, Response = Response<ResBody>>,
    Svc::Error: Into<BoxError>,
    S: TokenSource,
    R: Replay<B>,
{
    let Again { mut service, request } = *again;
    let mut request = request.into_request();
    let renewed = rejected.renew().await.and_then(|credential| {
        let generation = credential.generation();
        rejected.login.config().attach(credential, &mut request)?;
        Ok(generation)
    });
    let generation = match renewed {
        Ok(generation) if generation != rejected.generation => generation,
        Ok(_) => return Ok(Answered { response: refusal, token: None }),
        Err(error) => {
            refusal.extensions_mut().insert(error);
            return Ok(Answered { response: refusal, token: None });
        }
    };
    // Its body may hold a connection or a permit that the second request needs.
    drop(refusal);
    let mut response = send(&mut service, request).await?;
    let token = (!rejects_token(&mut response)).then(|| Token { login: rejected.login, generation });
    Ok(Answered { response, token })
}

async fn send<Svc, B>(service: &mut Svc, request: Request<B>) -> Result<Svc::Response, BoxError>
where
    Svc: Service<Request<B>>,
    Svc::Error: Into<BoxError>,
{
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
    service.call(request).await.map_err(Into::into)
}
