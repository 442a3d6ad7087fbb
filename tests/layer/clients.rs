//! One layer, many clients.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use oidc_tower::{BearerLayer, BoxError};
use oidc_transport::ReqwestService;
use serde_json::Value;
use tests::{World, http_client, reqwest_builder};
use tonic::{client::GrpcService, transport::Endpoint};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, util::BoxCloneService};

/// Sends a GET request to the API of the world through any client.
async fn get<S, B, R>(world: &World, client: &S) -> Result<(StatusCode, Value), BoxError>
where
    S: Service<Request<B>, Response = Response<R>, Error = BoxError> + Clone,
    B: Default,
    R: Body<Data = Bytes>,
    R::Error: std::fmt::Debug,
{
    let request = Request::get(format!("{}/accounts", world.api.url())).body(B::default()).unwrap();
    let (head, body) = client.clone().oneshot(request).await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok((head.status, serde_json::from_slice(&body).unwrap()))
}

// LAY-07, LAY-09, REF-21
#[tokio::test]
async fn the_same_layer_serves_hyper_and_reqwest_and_their_tokens_are_one() {
    let world = World::start().await;
    let layer = BearerLayer::new(world.signed_in().await, world.origins());
    let hyper = layer.layer(http_client());
    let reqwest = layer.layer(ReqwestService::new(reqwest_builder()).unwrap());
    for refreshes in 0..3 {
        let (status, answer) = get::<_, Full<Bytes>, _>(&world, &hyper).await.unwrap();
        assert_eq!((status, &answer["subject"]), (StatusCode::OK, &"alice".into()));
        let (status, answer) = get::<_, reqwest::Body, _>(&world, &reqwest).await.unwrap();
        assert_eq!((status, &answer["subject"]), (StatusCode::OK, &"alice".into()));
        assert_eq!(world.provider.judge().grants("refresh_token"), refreshes);
        if refreshes == 0 { world.provider.revoke_access_tokens() } else { world.clock.advance(World::LIFE) }
    }
    assert_eq!(world.api.unauthorized(), 1, "the revoked token was sent once");
    let tokens = world.api.tokens();
    assert_eq!(tokens[0], tokens[1]);
    world.assert_each_spent_once();
}

#[tokio::test]
async fn the_layer_stands_in_a_stack_of_others() {
    let world = World::start().await;
    let layer = BearerLayer::new(world.signed_in().await, world.origins());
    let stack = ServiceBuilder::new()
        .buffer(8)
        .timeout(std::time::Duration::from_secs(60))
        .concurrency_limit(4)
        .layer(layer)
        .service(http_client());
    let client: BoxCloneService<Request<Full<Bytes>>, _, BoxError> = BoxCloneService::new(stack);
    for _ in 0..3 {
        let answer = client.clone().oneshot(world.request()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        world.clock.advance(World::LIFE);
    }
}

#[tokio::test]
async fn a_layered_channel_is_what_generated_grpc_clients_want() {
    fn is_grpc_service<T: GrpcService<tonic::body::Body> + Clone + Send + 'static>(_: &T) {}
    let world = World::start().await;
    let layer = BearerLayer::new(world.signed_in().await, world.origins());
    is_grpc_service(&layer.layer(Endpoint::from_static("http://127.0.0.1:1").connect_lazy()));
}
