//! What has to compile.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Empty, Full, combinators::UnsyncBoxBody};
use hyper_util::client::legacy::{Client as HyperClient, connect::HttpConnector};
use oidc_core::TokenSource;
use oidc_tower::{Bearer, BearerLayer, BoxError, PerRequest, Replay, ReplayClone, ReplayEmpty, ReplayNever};
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt,
    util::{BoxCloneService, BoxCloneSyncService},
};

use crate::support::{API, Source, answer, client, get, layer, received};

fn is_a_client<B, T>()
where
    T: Service<Request<B>, Error = BoxError> + Clone + Send + 'static,
    T::Future: Send + 'static,
{
}

fn is_shared<T: Send + Sync>() {}

type Layered<B, S, R = ReplayEmpty> = Bearer<HyperClient<HttpConnector, B>, S, R>;

/// A streaming body as gRPC clients have it: not `Clone`, not `Sync`.
type Streaming = UnsyncBoxBody<Bytes, BoxError>;

#[test]
fn the_layered_client_of_hyper_util_is_a_client() {
    is_a_client::<Full<Bytes>, Layered<Full<Bytes>, Arc<Source>>>();
    is_a_client::<Full<Bytes>, Layered<Full<Bytes>, Arc<Source>, ReplayClone>>();
    is_a_client::<Empty<Bytes>, Layered<Empty<Bytes>, PerRequest>>();
    is_a_client::<Streaming, Layered<Streaming, Arc<dyn TokenSource>>>();
    is_a_client::<Streaming, Layered<Streaming, Arc<dyn TokenSource>, ReplayNever>>();
    is_shared::<Layered<Full<Bytes>, Arc<Source>>>();
    is_shared::<BearerLayer<Arc<Source>>>();
}

#[test]
fn a_boxed_client_can_be_layered() {
    type Boxed = BoxCloneService<Request<Streaming>, Response<Streaming>, std::io::Error>;
    type BoxedSync = BoxCloneSyncService<Request<Streaming>, Response<Streaming>, BoxError>;
    is_a_client::<Streaming, Bearer<Boxed, Arc<Source>>>();
    is_a_client::<Streaming, Bearer<BoxedSync, Arc<Source>>>();
}

#[test]
fn a_shared_policy_is_a_policy() {
    struct NotClone;
    impl<B> Replay<B> for NotClone {
        fn copy(&self, _: &Request<B>) -> Option<B> {
            None
        }
    }
    is_a_client::<Streaming, Layered<Streaming, Arc<Source>, Arc<NotClone>>>();
    is_a_client::<Streaming, Layered<Streaming, Arc<Source>, Arc<dyn Replay<Streaming>>>>();
}

#[tokio::test]
async fn it_stands_among_the_layers_of_tower() {
    let (client, mut server) = client();
    let service = ServiceBuilder::new()
        .buffer::<Request<_>>(8)
        .timeout(Duration::from_secs(60))
        .layer(layer(&Source::with_token()))
        .buffer(8)
        .concurrency_limit(1)
        .service(client);
    let (outcome, ()) = tokio::join!(service.oneshot(get(API)), async {
        let (request, respond) = server.next_request().await.unwrap();
        assert_eq!(request.headers()["authorization"], "Bearer token-1");
        respond.send_response(answer(200));
    });
    assert_eq!(outcome.unwrap().status(), 200);
}

#[tokio::test]
async fn one_layer_serves_many_clients() {
    let layer = layer(&Source::with_token());
    for _ in 0..2 {
        let (client, mut server) = client();
        let mut outcome = tokio_test::task::spawn(layer.layer(client).oneshot(get(API)));
        assert!(outcome.poll().is_pending());
        received(&mut server).1.send_response(answer(204));
        assert_eq!(outcome.await.unwrap().status(), 204);
    }
}
