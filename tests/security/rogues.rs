//! Code of others that panics, blocks and lies where it is called from here.

use std::{
    fmt,
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use oidc_core::{
    Grant, GrantError, HttpTransport, Issuer, MemoryStore, Secret, SendGate, Subject, Target, TokenError,
    TokenSet, TokenSource, TransportError,
};
use oidc_flow::{ClientAuth, OidcClient, RefreshGrant, provider::Provider};
use oidc_refresh::{RefreshPolicy, RefreshingSource, RefreshingSourceBuilder};
use oidc_transport::TowerTransport;
use tests::{Http, World, http_transport};

use crate::{refreshes::log_in, scene::Scene};

/// A panic with this in its payload. No hook hears it, which leaves it to those who catch it to tell what is in it.
fn panic_with(secret: &str) -> ! {
    resume_unwind(Box::new(format!("it was {secret}")))
}

/// What a transport does with the token requests that are its own.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    /// Panics with the request in its payload.
    Panics,
    /// Panics so, and says so.
    PanicsAloud,
    /// Never ends.
    Blocks,
    /// Answers with this.
    Answers(&'static str),
}

/// A transport of somebody's own, which is wrong as often as it is told to be.
struct Rogue {
    inner: TowerTransport<Http>,
    wrong: Wrong,
    left: Arc<AtomicUsize>,
    /// Whether documents of the provider count, rather than token requests.
    documents: bool,
}

impl fmt::Debug for Rogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rogue")
    }
}

#[async_trait]
impl HttpTransport for Rogue {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let is_own = self.documents == (request.method() == http::Method::GET);
        let less = |left: usize| left.checked_sub(1);
        if !is_own || self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_err() {
            return self.inner.send(request).await;
        }
        match self.wrong {
            Wrong::Panics => panic_with(&String::from_utf8_lossy(request.body())),
            Wrong::PanicsAloud => panic!("the transport panics"),
            Wrong::Blocks => std::future::pending().await,
            Wrong::Answers(body) => {
                Ok(Response::builder().header("content-type", "application/json").body(body.into()).unwrap())
            }
        }
    }
}

const WRONGS: [Wrong; 6] = [
    Wrong::Panics,
    Wrong::PanicsAloud,
    Wrong::Blocks,
    // Answers to other requests.
    Wrong::Answers("{\"sub\":\"alice\"}"),
    Wrong::Answers("{\"keys\":[]}"),
    Wrong::Answers(""),
];

/// A client with such a transport; the number says how often it will be wrong.
fn client_of(scene: &Scene, wrong: Wrong, documents: bool) -> (OidcClient, Arc<AtomicUsize>) {
    let left = Arc::<AtomicUsize>::default();
    let rogue = Rogue { inner: http_transport(), wrong, left: left.clone(), documents };
    let issuer = Issuer::insecure_loopback(scene.world.provider.issuer()).unwrap();
    let client = OidcClient::builder(Provider::discover(issuer), "app")
        .auth(ClientAuth::none())
        .redirect_uri(World::CALLBACK)
        .clock(Arc::new(scene.world.clock.clone()))
        .build(rogue)
        .unwrap();
    (client, left)
}

/// A builder of sources whose events are noted, and who do not wait long.
fn builder(scene: &Scene, grant: impl Grant) -> RefreshingSourceBuilder {
    let recorder = scene.recorder();
    let mut policy = RefreshPolicy::default();
    policy.request_timeout = Duration::from_millis(50);
    policy.prepare_timeout = Duration::from_millis(50);
    RefreshingSource::builder(grant)
        .clock(Arc::new(scene.world.clock.clone()))
        .policy(policy)
        .on_event(move |event| recorder.note("Event", format!("{event:?}")))
}

fn store(scene: &Scene) -> MemoryStore {
    MemoryStore::with_clock(Arc::new(scene.world.clock.clone()))
}

/// A new login, and a source for it whose access token has ended.
async fn ended(
    scene: &Scene,
    client: &OidcClient,
    builder: RefreshingSourceBuilder,
    store: MemoryStore,
) -> RefreshingSource {
    let tokens = scene.world.provider.sign_in("app", "alice", &["openid"]).unwrap();
    scene.tokens(&tokens);
    let source = builder.store(store, client.key(Subject::user("alice").unwrap())).build().unwrap();
    source.sign_in(&tokens).await.unwrap();
    scene.world.clock.advance(World::LIFE);
    source
}

async fn token(scene: &Scene, source: &RefreshingSource) -> Result<(), TokenError> {
    let result = scene.world.while_time_passes(source.token()).await;
    scene.look_at(source);
    result.map(|_| ()).inspect_err(|error| scene.fail("token", error))
}

// NET-12, LEA-03, LEA-05
#[tokio::test]
async fn a_transport_that_fails_in_its_own_ways_costs_no_login_and_shows_nothing() {
    let scene = Scene::start().await;
    log_in(&scene, &scene.clients()[0]).await;
    for wrong in WRONGS {
        let (client, left) = client_of(&scene, wrong, false);
        let grant = client.refresh_grant();
        let source = ended(&scene, &client, builder(&scene, grant), store(&scene)).await;
        // Once is made up for at once: nothing had been sent, but only the transport knows.
        left.store(1, Ordering::SeqCst);
        token(&scene, &source).await.unwrap_or_else(|error| panic!("{wrong:?}: {error:?}"));
        // Within the deadline of the refresh, whatever the transport thinks of deadlines.
        scene.world.clock.advance(World::LIFE);
        left.store(2, Ordering::SeqCst);
        let error = token(&scene, &source).await.unwrap_err();
        assert_eq!(left.load(Ordering::SeqCst), 0, "{wrong:?}: {error}");
    }
    scene.world.assert_each_spent_once();
    scene.assert_nothing_leaked();
}

// NET-12, LEA-05
#[tokio::test]
async fn a_transport_that_fails_before_the_login_is_touched_harms_nobody() {
    let scene = Scene::start().await;
    log_in(&scene, &scene.clients()[0]).await;
    for wrong in WRONGS {
        let (client, left) = client_of(&scene, wrong, true);
        let source = ended(&scene, &client, builder(&scene, client.refresh_grant()), store(&scene)).await;
        left.store(1, Ordering::SeqCst);
        let error = token(&scene, &source).await.unwrap_err();
        assert!(error.is_transient() || matches!(wrong, Wrong::Answers(_)), "{wrong:?}: {error}");
        scene.world.clock.advance(Duration::from_secs(3_600));
        token(&scene, &source).await.unwrap_or_else(|error| panic!("{wrong:?}: {error:?}"));
    }
    scene.world.assert_each_spent_once();
    scene.assert_nothing_leaked();
}

/// A grant that panics after it was let through, as often as it is told to.
#[derive(Debug)]
struct PanickingGrant(RefreshGrant, Arc<AtomicUsize>);

#[async_trait]
impl Grant for PanickingGrant {
    fn spends(&self) -> bool {
        true
    }

    async fn prepare(&self) -> Result<(), GrantError> {
        self.0.prepare().await
    }

    async fn obtain(
        &self,
        target: &Target,
        current: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        let less = |left: usize| left.checked_sub(1);
        if self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            gate.pass()?;
            panic_with(current.and_then(TokenSet::refresh).map(Secret::expose).unwrap());
        }
        self.0.obtain(target, current, gate).await
    }

    async fn discard(&self, refresh: &Secret) {
        panic_with(refresh.expose());
    }
}

// NET-12, LEA-05
#[tokio::test]
async fn a_grant_that_panics_with_the_refresh_token_makes_nobody_show_it() {
    let scene = Scene::start().await;
    let [client, ..] = scene.clients();
    log_in(&scene, &client).await;
    let left = Arc::<AtomicUsize>::default();
    let grant = PanickingGrant(client.refresh_grant(), left.clone());
    let source = ended(&scene, &client, builder(&scene, grant), store(&scene)).await;
    left.store(1, Ordering::SeqCst);
    token(&scene, &source).await.unwrap();
    scene.world.clock.advance(World::LIFE);
    left.store(2, Ordering::SeqCst);
    token(&scene, &source).await.unwrap_err();
    assert_eq!(left.load(Ordering::SeqCst), 0);
    scene.assert_nothing_leaked();
}

// SUP-06, LEA-05
#[tokio::test]
async fn a_listener_that_panics_with_the_access_token_loses_its_event_and_nothing_else() {
    let scene = Scene::start().await;
    let [client, ..] = scene.clients();
    log_in(&scene, &client).await;
    let heard = Arc::<AtomicUsize>::default();
    let builder = builder(&scene, client.refresh_grant()).on_event({
        let heard = heard.clone();
        move |event| {
            heard.fetch_add(1, Ordering::SeqCst);
            panic_with(event.source.peek().unwrap().expose());
        }
    });
    let source = ended(&scene, &client, builder, store(&scene)).await;
    for round in 1..=3 {
        token(&scene, &source).await.unwrap();
        while heard.load(Ordering::SeqCst) < round {
            tokio::task::yield_now().await;
        }
        scene.world.clock.advance(World::LIFE);
    }
    scene.assert_nothing_leaked();
}
