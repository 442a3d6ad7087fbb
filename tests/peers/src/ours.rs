//! This project: `RefreshingSource`, and `BearerLayer` on it.

use std::{
    fmt::Debug,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use http::{HeaderValue, Request, header};
use oidc_core::{
    AccessToken, Grant, GrantError, GrantErrorKind, Issuer, Lifetime, Secret, SendGate, Subject, Target,
    TokenKey, TokenSet, TokenSource,
};
use oidc_refresh::RefreshingSource;
use oidc_tower::{BearerLayer, Origins};

use crate::{
    endpoint::Endpoint,
    peer::Peer,
    request::{ORIGIN, token},
};

pub struct Ours(RefreshingSource);

impl Peer for Ours {
    const NAME: &'static str = "this project";
    // Refreshed between 70 and 80 % of its life, handed out for 90 %.
    const WINDOW: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(4_050));

    async fn new(endpoint: Endpoint) -> Self {
        let issuer = Issuer::new("https://id.example").expect("an issuer");
        let key = TokenKey::new(issuer, "peers", Subject::App);
        let source =
            RefreshingSource::builder(Asks(endpoint)).store(oidc_core::MemoryStore::default(), key).build();
        Self(source.expect("a source"))
    }

    async fn header(&self) -> Result<HeaderValue, Box<dyn Debug + Send>> {
        let credential = self.0.token().await.map_err(|error| Box::new(error) as Box<dyn Debug + Send>)?;
        let mut request = Request::new(());
        credential.apply(&mut request).map_err(|error| Box::new(error) as Box<dyn Debug + Send>)?;
        Ok(request.headers_mut().remove(header::AUTHORIZATION).expect("the header"))
    }
}

impl Ours {
    /// The layer as users build it.
    pub fn layer(&self) -> BearerLayer<RefreshingSource> {
        BearerLayer::new(self.0.clone(), Origins::only([ORIGIN]).expect("an origin"))
    }
}

/// Wins tokens from the endpoint as client credentials do.
#[derive(Debug)]
struct Asks(Endpoint);

#[async_trait]
impl Grant for Asks {
    fn spends(&self) -> bool {
        false
    }

    async fn prepare(&self) -> Result<(), GrantError> {
        Ok(())
    }

    async fn obtain(
        &self,
        _: &Target,
        _: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        let sent = SystemTime::now();
        gate.pass()?;
        let life = self.0.ask().await.map_err(|down| {
            GrantError::new(GrantErrorKind::OutcomeUnknown, "the endpoint is down").with_source(down)
        })?;
        let access = AccessToken::bearer(Secret::from(token()), Lifetime::new(sent, Some(life)));
        Ok(TokenSet::new(access.expect("a good token")))
    }
}
