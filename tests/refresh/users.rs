//! Many users, one layer.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use oidc_core::{Cause, MemoryStore, Subject, TokenError, TokenErrorKind, TokenKey};
use oidc_refresh::TokenPool;
use oidc_tower::{Bearer, BearerLayer, BoxError, PerRequest, UseSource};
use tests::{Http, World, http_client, json};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt};

const USERS: usize = 50;

/// A web application: all users through one client.
struct App {
    world: World,
    pool: TokenPool,
    client: Bearer<Http, PerRequest>,
}

impl App {
    async fn start(users: usize) -> Arc<Self> {
        let world = World::start().await;
        let clock = Arc::new(world.clock.clone());
        let store = MemoryStore::with_clock(clock.clone());
        let pool = TokenPool::builder(store, world.client.refresh_grant()).clock(clock).build().unwrap();
        let client = BearerLayer::per_request(world.origins()).layer(http_client());
        let app = Self { world, pool, client };
        for user in 0..users {
            app.sign_in(user).await;
        }
        Arc::new(app)
    }

    fn key(&self, user: usize) -> TokenKey {
        self.world.client.key(Subject::user(format!("user-{user}")).unwrap())
    }

    async fn sign_in(&self, user: usize) {
        let tokens = self.world.provider.sign_in("app", &format!("user-{user}"), &["read"]).unwrap();
        self.pool.sign_in(&self.key(user), &tokens).await.unwrap();
    }

    async fn get(&self, user: usize) -> Result<Response<Incoming>, BoxError> {
        let mut request: Request<Full<Bytes>> = self.world.request();
        request.extensions_mut().insert(UseSource::new(self.pool.source(&self.key(user))));
        self.client.clone().oneshot(request).await
    }
}

/// Sends one request for each user, four times, all at once.
async fn all_call(app: &Arc<App>) {
    let mut tasks = JoinSet::new();
    for user in (0..USERS).cycle().take(4 * USERS) {
        let app = app.clone();
        tasks.spawn(async move {
            let answer = app.get(user).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(json(answer).await["subject"], format!("user-{user}"));
        });
    }
    tasks.join_all().await;
}

// REF-01, TOK-13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_users_each_get_their_own_tokens_and_one_refresh_each() {
    let app = App::start(USERS).await;
    for round in 0..4 {
        all_call(&app).await;
        assert_eq!(app.world.provider.judge().refreshes_accepted, round * USERS as u64);
        app.world.clock.advance(World::LIFE);
    }
    assert_eq!(app.world.api.unauthorized(), 0);
    app.world.assert_each_spent_once();
}

// LGO-11
#[tokio::test]
async fn one_user_who_signs_out_leaves_the_others_alone_and_may_come_back() {
    let app = App::start(3).await;
    let before = app.pool.sign_out(&app.key(1)).await.unwrap().unwrap();
    app.world.client.revoke(&before).await.unwrap();
    for user in [0, 2] {
        assert_eq!(app.get(user).await.unwrap().status(), StatusCode::OK);
    }
    let error = app.get(1).await.unwrap_err();
    let error = error.downcast_ref::<TokenError>().unwrap();
    assert_eq!(error.kind(), TokenErrorKind::ReauthRequired(Cause::LoggedOut));

    app.sign_in(1).await;
    assert_eq!(json(app.get(1).await.unwrap()).await["subject"], "user-1");
    app.world.assert_each_spent_once();
}

// LAY-17
#[tokio::test]
async fn a_request_without_a_user_is_not_sent() {
    let app = App::start(1).await;
    let error = app.client.clone().oneshot(app.world.request()).await.unwrap_err();
    let error = error.downcast_ref::<TokenError>().unwrap();
    assert_eq!(error.kind(), TokenErrorKind::ReauthRequired(Cause::LoggedOut));
    assert_eq!(app.world.api.calls(), 0);
}
