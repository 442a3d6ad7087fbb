//! How often one call may reach an API that refuses everything.

use std::{future::ready, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use oidc_testkit::ApiBehaviour;
use oidc_tower::{BearerLayer, BoxError, ExistingHeader, ReplayClone};
use tests::{World, http_client};
use tower::{Layer, ServiceBuilder, ServiceExt, retry, util::BoxCloneService};
use tower_http::follow_redirect::FollowRedirectLayer;

/// A retry policy as a user may have it: everything that is no success, once more.
#[derive(Clone)]
struct OnceMore(bool);

impl retry::Policy<Request<Full<Bytes>>, Response<Incoming>, BoxError> for OnceMore {
    type Future = std::future::Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Full<Bytes>>,
        result: &mut Result<Response<Incoming>, BoxError>,
    ) -> Option<Self::Future> {
        let failed = result.as_ref().map_or(true, |answer| !answer.status().is_success());
        (failed && std::mem::take(&mut self.0)).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}

// LAY-07, LAY-19, LAY-20
#[tokio::test]
async fn one_call_reaches_the_api_four_times_at_most_whatever_is_stacked() {
    for existing in [ExistingHeader::Keep, ExistingHeader::Replace, ExistingHeader::Refuse] {
        let world = World::start().await;
        world.api.behave(ApiBehaviour::AlwaysUnauthorized);
        let source = world.signed_in().await;
        let layer = BearerLayer::new(source, world.origins()).with_replay(ReplayClone);
        let layer = layer.existing_header(existing);
        let alone = BoxCloneService::new(layer.layer(http_client()));
        let twice = BoxCloneService::new(layer.layer(layer.layer(http_client())));
        let full = ServiceBuilder::new()
            .layer(FollowRedirectLayer::new())
            .layer(retry::RetryLayer::new(OnceMore(true)))
            .layer(layer.clone())
            .layer(layer)
            .service(http_client());
        let full = BoxCloneService::new(full);
        for (client, sends) in [(alone, 2..=2), (twice, 2..=2), (full, 1..=4)] {
            let before = world.api.calls();
            let answer = world.while_time_passes(client.oneshot(world.request())).await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
            assert!(sends.contains(&(world.api.calls() - before)), "{existing:?} {sends:?}");
        }
    }
}

// LAY-08, REF-21
#[tokio::test]
async fn an_api_that_refuses_every_token_causes_no_storm_of_refreshes() {
    let world = World::start().await;
    world.api.behave(ApiBehaviour::AlwaysUnauthorized);
    let client = world.api_client(&world.signed_in().await);
    for _ in 0..60 {
        let answer = world.while_time_passes(world.get(&client)).await;
        if let Ok(answer) = answer {
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        }
        world.clock.advance(Duration::from_secs(1));
    }
    let refreshes = world.provider.judge().grants("refresh_token");
    assert!(refreshes <= 12, "{refreshes} in a minute");
    world.assert_each_spent_once();

    world.api.behave(ApiBehaviour::Honest);
    world.clock.advance(Duration::from_secs(120));
    world.get_ok(&client).await;
}
