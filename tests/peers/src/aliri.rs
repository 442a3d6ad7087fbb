//! aliri_tokens 0.3: `TokenWatcher`, whose task gets the first token before it is there and every other one ahead of time.

use std::{fmt::Debug, time::Duration};

use aliri_clock::DurationSecs;
use aliri_tokens::{
    AccessToken, IdToken, TokenLifetimeConfig, TokenWatcher, TokenWithLifetime, backoff::ErrorBackoffConfig,
    jitter::NullJitter, sources::AsyncTokenSource,
};
use async_trait::async_trait;
use http::HeaderValue;

use crate::{
    endpoint::{Down, Endpoint},
    peer::{Peer, bearer},
    request::token,
};

pub struct Aliri(TokenWatcher);

impl Peer for Aliri {
    const NAME: &'static str = "aliri_tokens 0.3";
    // Stale after 75 % of its life, but never before 30 s.
    const WINDOW: (Duration, Duration) = (Duration::from_secs(4), Duration::from_millis(3_500));
    const IS_LAZY: bool = false;

    async fn new(endpoint: Endpoint) -> Self {
        let backoff = ErrorBackoffConfig::default();
        let watcher = TokenWatcher::spawn_from_token_source(Asks(endpoint), NullJitter, backoff).await;
        Self(watcher.expect("the first token"))
    }

    async fn header(&self) -> Result<HeaderValue, Box<dyn Debug + Send>> {
        Ok(bearer(self.0.token().access_token().as_str()))
    }
}

struct Asks(Endpoint);

#[async_trait]
impl AsyncTokenSource for Asks {
    type Error = Down;

    async fn request_token(&mut self) -> Result<TokenWithLifetime, Down> {
        let life = self.0.ask().await?;
        let life = DurationSecs(life.as_secs());
        Ok(TokenLifetimeConfig::default().create_token(AccessToken::new(token()), None::<IdToken>, life))
    }
}
