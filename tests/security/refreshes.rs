//! Refreshes and calls of an API that work, and all the ways in which they do not.

use std::{iter, sync::Arc};

use http::{HeaderValue, StatusCode, header};
use oidc_core::{MemoryStore, StoreErrorKind, Subject, TokenError, TokenSet, TokenSource};
use oidc_flow::OidcClient;
use oidc_refresh::RefreshingSource;
use oidc_testkit::{
    Answer, ApiBehaviour, BadIdToken, Endpoint, Fault, FaultStore, OddAnswer, StoreFault, StoreOperation,
};
use oidc_tower::{BearerLayer, Challenge};
use tests::{World, captured_logs, http_client};
use tower::{Layer, ServiceExt};

use crate::scene::{Scene, echoes, own_secret};

type Store = Arc<FaultStore<MemoryStore>>;

/// One login of each kind, so that there is something of everything to look for.
pub(crate) async fn log_in(scene: &Scene, client: &OidcClient) -> TokenSet {
    let (pending, answer) = scene.to_callback(client.login().offline_access()).await;
    let tokens = client.finish_login(pending, answer).await.unwrap().tokens;
    scene.tokens(&tokens);
    tokens
}

/// A source that holds `tokens`, and the store under it.
async fn keep(scene: &Scene, client: &OidcClient, tokens: &TokenSet) -> (RefreshingSource, Store) {
    let clock = Arc::new(scene.world.clock.clone());
    let store = Arc::new(FaultStore::new(MemoryStore::with_clock(clock.clone())));
    let key = client.key(Subject::user("alice").unwrap());
    scene.show("TokenKey", &key);
    let builder = RefreshingSource::builder(client.refresh_grant()).store(store.clone(), key).clock(clock);
    let builder = builder.on_event({
        let recorder = scene.recorder();
        move |event| recorder.note("Event", format!("{event:?}\n{event:#?}"))
    });
    scene.show("RefreshingSourceBuilder", &builder);
    let source = builder.build().unwrap();
    source.sign_in(tokens).await.unwrap();
    (source, store)
}

/// Calls the API through the layer, and notes what is shown on the way.
async fn call(scene: &Scene, source: &RefreshingSource) -> Option<StatusCode> {
    let layer = BearerLayer::new(source.clone(), scene.world.origins());
    scene.show("BearerLayer", &layer);
    // Between layer and client, where a user's own layer may log requests.
    let inner = http_client().map_request({
        let scene = scene.recorder();
        move |request| {
            scene.note("request to the API", format!("{request:?}\n{request:#?}"));
            request
        }
    });
    scene.show("RefreshingSource", source);
    scene.look_at(source);
    match layer.layer(inner).oneshot(scene.world.request()).await {
        Ok(answer) => {
            scene.show("extensions", answer.extensions());
            if let Some(error) = answer.extensions().get::<TokenError>() {
                scene.fail("TokenError beside an answer", error);
            }
            if let Some(challenge) = answer.extensions().get::<Challenge>() {
                scene.show("Challenge", challenge);
            }
            Some(answer.status())
        }
        Err(error) => {
            scene.fail("call", &*error);
            None
        }
    }
}

// LEA-01, LEA-02, LEA-05, LEA-07, LAY-21
#[tokio::test]
async fn a_refresh_shows_no_token() {
    let scene = Scene::start().await;
    for client in scene.clients() {
        let tokens = log_in(&scene, &client).await;
        let (source, store) = keep(&scene, &client, &tokens).await;
        for _ in 0..3 {
            assert_eq!(call(&scene, &source).await, Some(StatusCode::OK));
            scene.world.clock.advance(World::LIFE);
        }
        scene.show("Credential", &source.token().await.unwrap());
        scene.show("MemoryStore", &store);
        let tokens = source.sign_out().await.unwrap().unwrap();
        scene.tokens(&tokens);
        scene.show("TokenSet", &tokens);
        assert_eq!(call(&scene, &source).await, None);
    }
    for said in
        ["new tokens are in use", "metric oidc_token_requests_total", "metric oidc_token_remaining_seconds"]
    {
        assert!(captured_logs().contains(said), "the crates do speak: {said}");
    }
    scene.assert_nothing_leaked();
}

fn faults(client: &OidcClient, refresh: &str) -> Vec<Fault> {
    let odd = [
        OddAnswer::TokenType("mac"),
        OddAnswer::NoAccessToken,
        OddAnswer::ErrorWithStatus200("invalid_grant"),
        OddAnswer::BadIdToken(BadIdToken::Signature),
        OddAnswer::BadIdToken(BadIdToken::AlgorithmNone),
        OddAnswer::BadIdToken(BadIdToken::Subject),
        OddAnswer::BadIdToken(BadIdToken::Audience),
        OddAnswer::BadIdToken(BadIdToken::AccessTokenHash),
        OddAnswer::BadIdToken(BadIdToken::Expired),
    ];
    let mut faults = vec![Fault::CutBefore, Fault::LoseAnswer];
    faults.extend(odd.map(Fault::Odd));
    let known: Vec<&str> = iter::once(refresh).chain(own_secret(client)).collect();
    faults.extend(echoes(&known));
    faults
}

// LEA-03, LEA-04, LEA-06
#[tokio::test]
async fn no_failed_refresh_shows_what_was_sent_or_answered() {
    let scene = Scene::start().await;
    for client in scene.clients() {
        log_in(&scene, &client).await;
        for number in 0..faults(&client, "0123456789abcdef").len() {
            let tokens = scene.world.provider.sign_in(client.client_id(), "alice", &["openid"]).unwrap();
            scene.tokens(&tokens);
            let fault = faults(&client, tokens.refresh().unwrap().expose()).swap_remove(number);
            let (source, store) = keep(&scene, &client, &tokens).await;
            scene.world.provider.fail_next(Endpoint::Token, fault);
            scene.world.clock.advance(World::LIFE);
            scene.world.while_time_passes(call(&scene, &source)).await;
            if let Err(error) = scene.world.while_time_passes(source.token()).await {
                scene.fail("token", &error);
            }
            scene.look_at(&source);
            scene.show("MemoryStore", store.get_ref());
            assert_eq!(scene.world.provider.pending_faults(), 0);
        }
    }
    scene.assert_nothing_leaked();
}

// LEA-03, LEA-05
#[tokio::test]
async fn no_fault_of_the_store_shows_what_should_have_been_stored() {
    use StoreErrorKind as Kind;
    use StoreOperation as Op;
    let scene = Scene::start().await;
    let [client, ..] = scene.clients();
    log_in(&scene, &client).await;
    for kind in [Kind::Unavailable, Kind::Corrupt, Kind::Full, Kind::Version] {
        for operation in [Op::Load, Op::Begin, Op::Commit, Op::Abandon] {
            for fault in [StoreFault::Before(kind), StoreFault::After(kind)] {
                let tokens = scene.world.provider.sign_in("app", "alice", &["openid"]).unwrap();
                scene.tokens(&tokens);
                let (source, store) = keep(&scene, &client, &tokens).await;
                store.fail_next(operation, fault);
                scene.world.clock.advance(World::LIFE);
                scene.world.while_time_passes(call(&scene, &source)).await;
                scene.show("FaultStore", &store);
                if let Err(error) = scene.world.while_time_passes(source.sign_out()).await {
                    scene.fail("sign_out", &error);
                }
            }
        }
    }
    scene.assert_nothing_leaked();
}

// LEA-06, LAY-11
#[tokio::test]
async fn an_api_that_repeats_the_token_makes_nothing_here_show_it() {
    let scene = Scene::start().await;
    let [client, ..] = scene.clients();
    let tokens = log_in(&scene, &client).await;
    let (source, _) = keep(&scene, &client, &tokens).await;
    let access = tokens.access().unwrap().value().expose();
    for (status, challenge) in [
        (401, format!("Bearer error=\"invalid_token\", error_description=\"{access} has ended\"")),
        (401, format!("Bearer realm=\"{access}\"")),
        (401, format!("Basic {access}")),
        (
            403,
            format!(
                "Bearer error=\"insufficient_scope\", resource_metadata=\"https://evil.example/{access}\""
            ),
        ),
        (403, format!("Bearer error=\"insufficient_scope\", scope=\"{access}\"")),
        (401, format!("Bearer error=\"{access}\"")),
        (401, format!("Bearer error=\"insufficient_user_authentication\", acr_values=\"{access}\"")),
    ] {
        let answer = Answer::new(StatusCode::from_u16(status).unwrap())
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_str(&challenge).unwrap())
            .body(access.to_owned());
        scene.world.api.behave(ApiBehaviour::Answer(answer));
        scene.world.while_time_passes(call(&scene, &source)).await;
    }
    scene.assert_nothing_leaked();
}
