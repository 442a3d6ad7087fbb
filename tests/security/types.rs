//! The `Debug` of every public type that can hold a secret, with a secret in it.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header::WWW_AUTHENTICATE};
use oidc_core::{
    AccessToken, BootTime, Cause, Credential, GrantError, GrantErrorKind, Issuer, Lifetime, MemoryStore,
    Payload, SavedLogin, Scopes, Secret, SendGate, StoreError, StoreErrorKind, Subject, SystemClock, Target,
    TokenError, TokenErrorKind, TokenKey, TokenSet, TokenSource, TokenStore, TransportError,
    TransportErrorKind,
    store::{Record, WriteId},
};
use oidc_flow::{ClientAuth, OidcClient, provider::Provider};
use oidc_refresh::{RefreshPolicy, RefreshingSource, TokenPool};
use oidc_tower::{BearerLayer, Challenge, Origins, UseSource};
use oidc_transport::{ReqwestClient, ReqwestService, ReqwestTransport, TowerTransport};
use tests::{Canaries, http_client, reqwest_builder};
use tower::Layer;

const SECRET: &str = "hJ4kT9wQ2zX7cV5bN8mL";

/// Everything that was shown, each with the name of its type.
#[derive(Default)]
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn debug<T: std::fmt::Debug>(&mut self, value: T) -> T {
        self.0.push((std::any::type_name::<T>(), format!("{value:?}\n{value:#?}")));
        value
    }

    fn assert_no_secret(&self) {
        let mut canaries = Canaries::default();
        canaries.watch("secret", SECRET);
        for (name, text) in &self.0 {
            assert!(canaries.find_in(text).is_none(), "{name}: {text}");
        }
    }
}

fn secret() -> Secret {
    Secret::from(SECRET)
}

fn key() -> TokenKey {
    TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::user(SECRET).unwrap())
}

fn tokens() -> TokenSet {
    let access = AccessToken::bearer(secret(), Lifetime::new(SystemTime::UNIX_EPOCH, None)).unwrap();
    TokenSet::new(access).with_refresh_token(secret()).with_id_token(secret())
}

// LEA-01, LEA-07
#[tokio::test]
async fn the_words_of_the_workspace_show_no_secret() {
    let mut shown = Shown::default();
    shown.debug(secret());
    let tokens = shown.debug(tokens());
    let access = shown.debug(tokens.access().unwrap().clone());
    let credential = shown.debug(Credential::new(&access));
    let mut request = Request::new(());
    credential.clone().apply(&mut request).unwrap();
    shown.debug(&request);
    shown.debug(request.headers());
    shown.debug(tokens.clone().into_parts());

    shown.debug(Subject::user(SECRET).unwrap());
    let key = shown.debug(key());
    shown.debug(key.id());
    let login = shown.debug(SavedLogin::new(tokens.clone()));
    let payload = shown.debug(login.to_payload(&key.id()));
    assert!(
        String::from_utf8_lossy(payload.as_bytes()).contains(SECRET),
        "so that there is something to hide"
    );
    shown.debug(Payload::new(SECRET.into()));
    shown.debug(Record { payload: Some(payload.clone()), ..Record::default() });
    let store = MemoryStore::new();
    let put = store.put(&key.id(), None, WriteId::random(), payload).await.unwrap();
    shown.debug(put);
    shown.debug(store.load(&key.id()).await.unwrap());
    shown.debug(store);

    let grant = GrantError::new(GrantErrorKind::OutcomeUnknown, "odd").with_salvage(tokens.clone());
    let grant = shown.debug(
        grant
            .with_code("a code with spaces")
            .with_source(TransportError::maybe_sent(TransportErrorKind::Interrupted)),
    );
    shown.debug(TokenError::from(grant));
    shown.debug(TokenError::reauth(Cause::GrantRejected));
    shown.debug(TokenError::with_retry_after(TokenErrorKind::Rejected, std::time::Duration::ZERO));
    shown.debug(StoreError::new(StoreErrorKind::Corrupt));
    shown.debug(SavedLogin::from_payload(&key.id(), &Payload::new(SECRET.into())).unwrap_err());
    let spaced = format!("{SECRET} {SECRET}");
    shown.debug(
        AccessToken::bearer(Secret::from(spaced), Lifetime::new(SystemTime::UNIX_EPOCH, None)).unwrap_err(),
    );
    shown.debug(SendGate::new(Arc::new(SystemClock::new()), BootTime::NEVER));
    shown.assert_no_secret();
}

/// A request that its caller gave the token himself.
fn shown_request<S>(client: &ReqwestClient<S>, credential: &Credential) -> reqwest::RequestBuilder {
    client.get("https://api.example/").bearer_auth(credential.expose())
}

// LEA-01
#[tokio::test]
async fn clients_sources_layers_and_transports_show_no_secret() {
    let mut shown = Shown::default();
    let transport = shown.debug(ReqwestTransport::builder(reqwest_builder())).build().unwrap();
    let transport = shown.debug(transport);
    shown.debug(TowerTransport::new(http_client()));
    for auth in [ClientAuth::secret_basic(secret()), ClientAuth::secret_post(secret())] {
        let provider = shown.debug(Provider::discover(Issuer::new("https://id.example").unwrap()));
        let auth = shown.debug(auth);
        let builder = shown.debug(OidcClient::builder(provider, "app").auth(auth));
        let client = shown.debug(builder.build(transport.clone()).unwrap());
        shown.debug(client.client_credentials(["a"]).unwrap());
        let _ = shown.debug(client.logout_url().id_token_hint(&secret()));
        let _ = shown.debug(client.login());
        let grant = shown.debug(client.refresh_grant());
        let store = Arc::new(MemoryStore::new());
        let pool = shown.debug(TokenPool::builder(store.clone(), grant.clone())).build().unwrap();
        pool.sign_in(&key(), &tokens()).await.unwrap();
        shown.debug(&pool);
        let builder = shown.debug(RefreshingSource::builder(grant).store(store, key()));
        let source = shown.debug(builder.policy(RefreshPolicy::default()).build().unwrap());
        source.sign_in(&tokens()).await.unwrap();
        let source = shown.debug(source);
        let origins = Origins::only(["https://api.example"]).unwrap();
        let layer = shown.debug(BearerLayer::new(source.clone(), origins));
        shown.debug(layer.layer(ReqwestService::new(reqwest_builder()).unwrap()));
        shown.debug(layer.layer(http_client()));
        let grpc = shown.debug(layer.clone().for_grpc());
        shown.debug(grpc.layer(http_client()));
        let client = ReqwestClient::new(reqwest_builder(), layer).unwrap();
        let _ = shown.debug(shown_request(&client, &source.token().await.unwrap()));
        shown.debug(client.with(UseSource::new(Arc::new(source.clone()))));
        shown.debug(&source.status());
        shown.debug(pool.source(&key()));
        shown.debug(UseSource::new(Arc::new(source)));
    }
    shown.assert_no_secret();
}

// LEA-01, LAY-11
#[test]
fn what_came_from_outside_is_not_shown_whole() {
    let mut shown = Shown::default();
    let challenge = format!("Bearer realm=\"{SECRET}\", resource_metadata=\"https://a.example/{SECRET}\"");
    let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, HeaderValue::from_str(&challenge).unwrap())]);
    shown.debug(Challenge::parse(&headers).unwrap());
    shown.debug(Target::granted().with_scopes(Scopes::new(["a"]).unwrap()));
    shown.debug(oidc_flow::Callback::parse(&format!("code={SECRET}&state={SECRET}")).unwrap());
    let request = Request::get(format!("https://api.example/?token={SECRET}")).body(Bytes::new()).unwrap();
    let _ = shown.debug(Origins::only(["https://api.example"]).unwrap().allow(request.uri()));
    shown.assert_no_secret();
}
