//! A provider that is not there, and comes back.

use std::{sync::Arc, time::Duration};

use oidc_core::{Secret, TokenErrorKind};
use oidc_flow::{ClientAuth, LoginError};
use oidc_refresh::RefreshingSource;
use oidc_testkit::{Endpoint, Fault, ManualClock, TestProvider};
use tests::{World, finish};

/// A port of this machine at which nobody answers, and that a provider can take later.
async fn free_port() -> u16 {
    let probe = TestProvider::builder().start().await.unwrap();
    probe.issuer().rsplit(':').next().unwrap().parse().unwrap()
}

// REF-13, DIS-13
#[tokio::test]
async fn a_service_that_starts_before_its_provider_works_as_soon_as_that_is_there() {
    let (port, clock) = (free_port().await, ManualClock::new());
    let issuer = format!("http://127.0.0.1:{port}");
    let auth = ClientAuth::secret_basic(Secret::from(World::SECRET));
    let client = World::client_of(&issuer, &clock, "service", auth);
    let grant = client.client_credentials(["read"]).unwrap();
    let source = RefreshingSource::builder(grant).clock(Arc::new(clock.clone())).build().unwrap();
    for _ in 0..20 {
        let error = oidc_core::TokenSource::token(&source).await.unwrap_err();
        assert!(error.is_transient() && error.kind() != TokenErrorKind::Closed, "{error:?}");
    }

    let provider = World::provider(&clock).port(port).start().await.unwrap();
    let world = World::around(provider, clock).await;
    world.clock.advance(Duration::from_secs(60));
    let client = world.api_client(&source);
    assert_eq!(world.get_ok(&client).await["client"], "service");
}

#[tokio::test]
async fn a_login_while_the_provider_is_down_fails_softly_and_works_later() {
    let (port, clock) = (free_port().await, ManualClock::new());
    let client = World::client_of(&format!("http://127.0.0.1:{port}"), &clock, "app", ClientAuth::none());
    for _ in 0..3 {
        let refused = client.login().start().await.unwrap_err();
        assert!(matches!(refused, LoginError::Provider(error) if error.is_transient()));
    }
    let _provider = World::provider(&clock).port(port).start().await.unwrap();
    clock.advance(Duration::from_secs(60));
    assert!(finish(&client, client.login()).await.is_ok());
}

// REF-13
#[tokio::test]
async fn a_good_token_is_served_through_an_outage() {
    let world = World::start().await;
    let client = world.api_client(&world.signed_in().await);
    world.get_ok(&client).await;
    for _ in 0..40 {
        world.provider.fail_next(Endpoint::Token, Fault::CutBefore);
    }
    for _ in 0..9 {
        world.clock.advance(Duration::from_secs(1));
        world.clock.advance(Duration::from_secs(9));
        world.get_ok(&client).await;
    }
    assert_eq!(world.api.unauthorized(), 0);
    let error = {
        world.clock.advance(Duration::from_secs(10));
        world.get_err(&client).await
    };
    assert!(error.is_transient());
    while world.provider.pending_faults() > 0 {
        world.clock.advance(Duration::from_secs(60));
        let _ = world.get(&client).await;
    }
    world.clock.advance(Duration::from_secs(60));
    world.get_ok(&client).await;
    world.assert_each_spent_once();
}
