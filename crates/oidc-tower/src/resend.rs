//! The ways that take longer: a request that waits for its token, and one that is sent again after a 401.

use std::future::poll_fn;

use http::{Request, Response};
use oidc_core::{Generation, TokenSource};
use tower_service::Service;

use crate::{BoxError, Replay, answer::rejects_token, service::Login};

/// What is known of a request that was sent with a token.
pub(crate) struct Attached<Svc, S, R, B> {
    pub(crate) login: Login<S, R>,
    pub(crate) generation: Generation,
    pub(crate) again: Option<Again<Svc, B>>,
}

/// What a request is sent again with: the request, without a token, and an instance of the client that was not polled.
pub(crate) struct Again<Svc, B> {
    pub(crate) service: Svc,
    pub(crate) request: Request<B>,
}

/// Waits for a token, sends `request` with it on `service`, and deals with the answer.
pub(crate) async fn send_late<Svc, S, R, B, ResBody>(
    mut service: Svc,
    mut request: Request<B>,
    login: Login<S, R>,
) -> Result<Response<ResBody>, BoxError>
where
    Svc: Service<Request<B>, Response = Response<ResBody>>,
    Svc::Error: Into<BoxError>,
    S: TokenSource,
    R: Replay<B>,
{
    let credential = login.token().await?;
    let copy = login.shared.config.copy(&request);
    let generation = credential.generation();
    login.shared.config.attach(credential, &mut request)?;
    let mut response = send(&mut service, request).await?;
    if !rejects_token(&mut response) {
        return Ok(response);
    }
    match copy {
        Some(request) => send_again(response, login, generation, Again { service, request }).await,
        None => {
            login.reject(generation);
            Ok(response)
        }
    }
}

/// Has the token renewed that `refusal` is about, and sends the request with the new one. Where there is no other
/// one, `refusal` is the answer.
pub(crate) async fn send_again<Svc, S, R, B, ResBody>(
    mut refusal: Response<ResBody>,
    login: Login<S, R>,
    rejected: Generation,
    Again { mut service, mut request }: Again<Svc, B>,
) -> Result<Response<ResBody>, BoxError>
where
    Svc: Service<Request<B>, Response = Response<ResBody>>,
    Svc::Error: Into<BoxError>,
    S: TokenSource,
    R: Replay<B>,
{
    let renewed = login.renew(rejected).await.and_then(|credential| {
        let generation = credential.generation();
        login.shared.config.attach(credential, &mut request)?;
        Ok(generation)
    });
    match renewed {
        Ok(generation) if generation != rejected => {}
        Ok(_) => return Ok(refusal),
        Err(error) => {
            refusal.extensions_mut().insert(error);
            return Ok(refusal);
        }
    }
    // Its body may hold a connection or a permit that the second request needs.
    drop(refusal);
    let mut response = send(&mut service, request).await?;
    rejects_token(&mut response);
    Ok(response)
}

async fn send<Svc, B>(service: &mut Svc, request: Request<B>) -> Result<Svc::Response, BoxError>
where
    Svc: Service<Request<B>>,
    Svc::Error: Into<BoxError>,
{
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
    service.call(request).await.map_err(Into::into)
}
