//! The way of a request through the provider: count, fault, endpoint.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    response::{IntoResponse, Response},
    routing,
};
use http::{Request, header::CONTENT_LENGTH};
use hyper::body::Incoming;
use tower_service::Service;

use super::{Endpoint, Fault, JsonObject, account, authorize, documents, state::Shared, token};
use crate::server::Cut;

/// The longest request or rewritten answer, in bytes.
const LONGEST: usize = 1024 * 1024;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    let path = |endpoint| shared.config.path(endpoint);
    Router::new()
        .route(Endpoint::OPENID_CONFIGURATION, routing::get(documents::metadata))
        .route(Endpoint::OAUTH_METADATA, routing::get(documents::metadata))
        .route(path(Endpoint::Jwks), routing::get(documents::key_set))
        .route(path(Endpoint::Authorize), routing::get(authorize::get).post(authorize::post))
        .route(path(Endpoint::Token), routing::post(token::post))
        .route(path(Endpoint::Userinfo), routing::get(account::userinfo).post(account::userinfo))
        .route(path(Endpoint::Revocation), routing::post(account::revoke))
        .route(
            path(Endpoint::EndSession),
            routing::get(account::end_session_get).post(account::end_session_post),
        )
        .with_state(Arc::clone(&shared))
}

/// Serves one request, with the fault that waits for it.
pub(super) async fn serve(
    shared: Arc<Shared>,
    router: Router,
    request: Request<Incoming>,
) -> Result<Response, Cut> {
    let Some(endpoint) = shared.config.endpoint_at(request.uri().path()) else {
        return route(router, request).await;
    };
    *shared.state().judge.requests.entry(endpoint).or_default() += 1;
    let fault = shared.faults.take(endpoint);
    // The whole request is read first, so that whatever goes wrong goes wrong after it was sent.
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), LONGEST).await.map_err(|_| Cut)?;
    let mut request = Request::from_parts(parts, Body::from(body));
    match fault {
        Fault::Pass => route(router, request).await,
        Fault::CutBefore => Err(Cut),
        Fault::LoseAnswer => route(router, request).await.and(Err(Cut)),
        Fault::Answer(answer) => Ok(answer.into_response()),
        Fault::Delay(by) => {
            pause(&shared, by).await;
            route(router, request).await
        }
        Fault::DelayAnswer(by) => {
            let answer = route(router, request).await;
            pause(&shared, by).await;
            answer
        }
        Fault::Hold(hold) => {
            hold.pass().await;
            route(router, request).await
        }
        Fault::HoldAnswer(hold) => {
            let answer = route(router, request).await;
            hold.pass().await;
            answer
        }
        Fault::Odd(odd) => {
            request.extensions_mut().insert(odd);
            route(router, request).await
        }
        Fault::Rewrite(change) => rewrite(route(router, request).await?, |object| change.apply(object)).await,
    }
}

async fn route<B>(mut router: Router, request: Request<B>) -> Result<Response, Cut>
where
    Router: Service<Request<B>, Response = Response, Error = std::convert::Infallible>,
{
    Ok(router.call(request).await?)
}

async fn pause(shared: &Shared, by: std::time::Duration) {
    let clock = &shared.config.clock;
    clock.sleep_until(clock.boot().after(by)).await;
}

/// Applies a change to an answer that is a JSON object; others stay as they are.
async fn rewrite(answer: Response, change: impl FnOnce(&mut JsonObject)) -> Result<Response, Cut> {
    let (mut parts, body) = answer.into_parts();
    let bytes = to_bytes(body, LONGEST).await.map_err(|_| Cut)?;
    let Some(mut object) = JsonObject::parse(&bytes) else {
        return Ok(Response::from_parts(parts, Body::from(bytes)));
    };
    change(&mut object);
    parts.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(object.into_value().to_string())))
}
