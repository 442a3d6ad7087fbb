//! Many requests whose token an API rejects, over a source that really renews.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use oidc_tower::{BearerLayer, BoxError, Origins};
use tests::World;
use tokio::sync::{Barrier, watch};
use tower::{Layer, Service, ServiceExt, service_fn};

const API: &str = "https://api.bank.example/accounts";

/// An API that takes the live tokens of the world, and answers only while its gate is open.
fn api(
    world: &Arc<World>,
    gate: &watch::Sender<bool>,
) -> impl Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let (world, gate) = (world.clone(), gate.clone());
    service_fn(move |request: Request<Full<Bytes>>| {
        let (world, mut gate) = (world.clone(), gate.subscribe());
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            let token = request.headers()[header::AUTHORIZATION].to_str().unwrap();
            let live = world.provider.is_live(token.trim_start_matches("Bearer "));
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = if live { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            Ok(answer)
        }
    })
}

fn request() -> Request<Full<Bytes>> {
    Request::get(API).body(Full::default()).unwrap()
}

fn origins() -> Origins {
    Origins::only(["https://api.bank.example"]).unwrap()
}

// LAY-08, REF-21
#[tokio::test]
async fn requests_of_many_tasks_and_clients_that_are_refused_together_cause_one_refresh() {
    let (world, gate) = (Arc::new(World::start().await), watch::Sender::new(true));
    let layer = BearerLayer::new(world.signed_in().await, origins());
    world.provider.revoke_access_tokens();
    let start = Arc::new(Barrier::new(100));
    let calls = (0..100).map(|number| {
        let (client, start) = (layer.layer(api(&world, &gate)), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            let client = if number % 2 == 0 { client.clone() } else { client };
            Ok::<_, BoxError>(client.oneshot(request()).await?.status())
        })
    });
    for status in join_all(calls).await {
        assert_eq!(status.unwrap().unwrap(), StatusCode::OK);
    }
    assert_eq!(world.provider.judge().grants("refresh_token"), 1);
    world.assert_each_spent_once();
}

// LAY-09
#[tokio::test]
async fn requests_under_way_with_a_token_that_a_refresh_killed_take_the_new_one_and_cause_no_refresh() {
    let (world, gate) = (Arc::new(World::start().await), watch::Sender::new(false));
    let layer = BearerLayer::new(world.signed_in().await, origins());
    let client = layer.layer(api(&world, &gate));
    let under_way: Vec<_> = (0..20).map(|_| tokio::spawn(client.clone().oneshot(request()))).collect();
    tokio::task::yield_now().await;
    assert_eq!(gate.receiver_count(), 20, "all have left with the old token");

    world.provider.revoke_access_tokens();
    let open = watch::Sender::new(true);
    let other = layer.layer(api(&world, &open)).oneshot(request()).await.unwrap();
    assert_eq!((other.status(), world.provider.judge().grants("refresh_token")), (StatusCode::OK, 1));

    gate.send_replace(true);
    for call in under_way {
        assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(world.provider.judge().grants("refresh_token"), 1);
    world.assert_each_spent_once();
}

// CAN-01, LAY-08
#[tokio::test]
async fn callers_that_give_up_at_any_poll_neither_lose_a_renewal_nor_cause_another() {
    for polls in 1..=12 {
        let (world, gate) = (Arc::new(World::start().await), watch::Sender::new(true));
        let layer = BearerLayer::new(world.signed_in().await, origins());
        let client = layer.layer(api(&world, &gate));
        world.provider.revoke_access_tokens();
        let mut call = Box::pin(client.clone().oneshot(request()));
        for _ in 0..polls {
            if futures_util::poll!(&mut call).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(call);
        let answer = client.oneshot(request()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "after {polls} polls");
        assert_eq!(world.provider.judge().grants("refresh_token"), 1, "after {polls} polls");
        world.assert_each_spent_once();
    }
}
