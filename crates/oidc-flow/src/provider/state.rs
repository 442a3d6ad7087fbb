//! A provider in use: what is sent to it, and what is remembered of its answers.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{HeaderMap, header};
use oidc_core::{Clock, HttpTransport};
use url::Url;

use super::{
    Endpoint, Provider, ProviderError, ProviderErrorKind, ProviderMetadata, Source,
    discovery::{self, Pin},
    fetch::Web,
    remembered::{Fetch, Fetched, Known, NotNow, Remembered},
};
use crate::{jose::KeySet, json::Limits};

/// A provider with the means to ask it, and what it answered. Shared by all that speak to it.
#[derive(Debug)]
pub(crate) struct ProviderState {
    provider: Provider,
    web: Web,
    metadata: Remembered<ProviderMetadata>,
    keys: Remembered<KeySet>,
    pin: Arc<OnceLock<Pin>>,
}

impl ProviderState {
    /// Sends nothing.
    pub(crate) fn new(provider: Provider, transport: Arc<dyn HttpTransport>, clock: Arc<dyn Clock>) -> Self {
        Self {
            provider,
            web: Web { transport, clock },
            metadata: Remembered::default(),
            keys: Remembered::default(),
            pin: Arc::default(),
        }
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    pub(crate) fn transport(&self) -> &Arc<dyn HttpTransport> {
        &self.web.transport
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.web.clock
    }

    /// The metadata: by hand, remembered, or discovered now. Dropping the future leaves a discovery to others who wait.
    ///
    /// # Errors
    /// [`ProviderError`], also where it is one that was remembered; it then says for how long.
    pub(crate) async fn metadata(&self) -> Result<Arc<ProviderMetadata>, ProviderError> {
        match &self.provider.source {
            Source::ByHand(metadata) => Ok(Arc::clone(metadata)),
            Source::Discovery(issuer) => {
                let discover = || discovery::discover(&self.provider, issuer, &self.web, &self.pin);
                self.metadata.get(&*self.web.clock, discover).await.map(|known| known.value)
            }
        }
    }

    /// The provider's keys: remembered, or fetched now.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub(crate) async fn keys(&self, metadata: &ProviderMetadata) -> Result<Keys, ProviderError> {
        let missing = ProviderErrorKind::MissingEndpoint { field: Endpoint::Jwks.field() };
        let url = metadata.jwks_uri().ok_or(missing)?.clone();
        let known = self.keys.get(&*self.web.clock, || fetch_keys(&url, &self.web)).await?;
        Ok(Keys { known, url })
    }

    /// Newer keys than `seen`, among which the one that was looked for is not.
    ///
    /// # Errors
    /// [`NotNow`].
    pub(crate) async fn newer_keys(&self, seen: Keys) -> Result<Keys, NotNow> {
        let fetch = || fetch_keys(&seen.url, &self.web);
        let known = self.keys.renew(&*self.web.clock, &seen.known, fetch).await?;
        Ok(Keys { known, url: seen.url })
    }
}

/// The keys of a provider at one time.
#[derive(Debug)]
pub(crate) struct Keys {
    known: Known<KeySet>,
    url: Url,
}

impl Keys {
    pub(crate) fn set(&self) -> &KeySet {
        &self.known.value
    }

    /// Whether they were fetched for the caller, so that there are no newer ones.
    pub(crate) fn are_new(&self) -> bool {
        self.known.is_new
    }
}

fn fetch_keys(url: &Url, web: &Web) -> Fetch<KeySet> {
    let (url, web) = (url.clone(), web.clone());
    Box::pin(async move {
        let document = web.get(&url, Limits::KEY_SET.bytes).await?;
        let keys = KeySet::parse(&document.body).map_err(ProviderErrorKind::from)?;
        Ok(Fetched { value: Arc::new(keys), max_age: max_age(&document.headers) })
    })
}

/// How long keys are good: as long as the provider says (RFC 9111 §5.2.2.1), within bounds. A withdrawn key is believed for at
/// most that long.
fn max_age(headers: &HeaderMap) -> Duration {
    const DEFAULT: Duration = Duration::from_secs(3600);
    const SHORTEST: Duration = Duration::from_secs(30);
    const LONGEST: Duration = Duration::from_secs(24 * 3600);
    headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|directive| directive.trim().to_ascii_lowercase().strip_prefix("max-age=")?.parse().ok())
        .map_or(DEFAULT, Duration::from_secs)
        .clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use oidc_core::{Issuer, TransportErrorKind};
    use oidc_testkit::ManualClock;
    use serde_json::json;

    use super::{
        super::{
            Environment, apiture,
            fake::{FakeWeb, Page},
        },
        *,
    };

    const ISSUER: &str = "https://id.example";
    const PLACE: &str = "https://id.example/.well-known/openid-configuration";

    struct World {
        web: FakeWeb,
        clock: ManualClock,
        state: ProviderState,
    }

    impl World {
        fn new(provider: Provider) -> Self {
            let (web, clock) = (FakeWeb::new(), ManualClock::new());
            let state = ProviderState::new(provider, Arc::new(web.clone()), Arc::new(clock.clone()));
            Self { web, clock, state }
        }

        fn discovered() -> Self {
            let world = Self::new(Provider::discover(Issuer::new(ISSUER).unwrap()));
            world.publish("https://id.example/token");
            world
        }

        fn publish(&self, token_endpoint: &str) {
            self.web.put(PLACE, json!({"issuer": ISSUER, "token_endpoint": token_endpoint}));
        }

        async fn token_endpoint(&self) -> Result<String, ProviderErrorKind> {
            match self.state.metadata().await {
                Ok(metadata) => Ok(metadata.token_endpoint().unwrap().to_string()),
                Err(error) => Err(error.kind()),
            }
        }

        fn advance_hours(&self, hours: u64) {
            self.clock.advance(Duration::from_secs(3600 * hours));
        }
    }

    // DIS-14
    #[tokio::test]
    async fn nothing_is_sent_before_the_first_use_and_then_once() {
        let world = World::discovered();
        assert!(world.web.requests().is_empty());
        world.web.set_open(false);
        let everyone = futures_util::future::join_all((0..100).map(|_| world.token_endpoint()));
        let opens = async { world.web.set_open(true) };
        let (found, _) = tokio::join!(everyone, opens);
        assert!(found.iter().all(|found| found.as_deref() == Ok("https://id.example/token")));
        assert_eq!(world.web.requests(), [PLACE]);
    }

    // DIS-13
    #[tokio::test]
    async fn a_provider_that_is_down_is_asked_again_later() {
        let world = World::discovered();
        world.web.put_page(PLACE, Page::Failure(TransportErrorKind::Connect));
        for _ in 0..10 {
            let error = world.state.metadata().await.unwrap_err();
            assert!(error.is_transient());
            assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
        }
        assert_eq!(world.web.requests().len(), 1);
        world.publish("https://id.example/token");
        world.clock.advance(Duration::from_secs(1));
        assert!(world.token_endpoint().await.is_ok());
    }

    #[tokio::test]
    async fn a_provider_may_say_when_to_come_back() {
        for (value, seconds) in [("17", 17), ("Thu, 01 Jan 2026 00:01:00 GMT", 60), ("soon", 1)] {
            let headers = vec![("retry-after", value.to_owned())];
            let world = World::discovered();
            world.web.put_page(PLACE, Page::Answer(503, headers, "".into()));
            let error = world.state.metadata().await.unwrap_err();
            assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)), "{value}");
        }
    }

    // DIS-07, DIS-12
    #[tokio::test]
    async fn a_bad_newer_document_changes_nothing() {
        let world = World::discovered();
        let good = Ok("https://id.example/token".to_owned());
        assert_eq!(world.token_endpoint().await, good);
        for bad in [
            json!({"issuer": "https://evil.example", "token_endpoint": "https://evil.example/token"}),
            json!({"issuer": ISSUER, "token_endpoint": "https://evil.example/token"}),
            json!({"issuer": ISSUER, "token_endpoint": "http://id.example/token"}),
            json!([]),
        ] {
            world.web.put(PLACE, &bad);
            world.clock.advance(Duration::from_secs(24 * 3600 + 60));
            assert_eq!(world.token_endpoint().await, good, "{bad}");
            world.publish("https://id.example/token");
            world.clock.advance(Duration::from_secs(60));
            assert_eq!(world.token_endpoint().await, good);
        }
        world.publish("https://id.example/token2");
        assert_eq!(world.token_endpoint().await, good);
        world.advance_hours(24);
        assert_eq!(world.token_endpoint().await, Ok("https://id.example/token2".to_owned()));
    }

    // DIS-12
    #[tokio::test]
    async fn an_old_document_ends_in_the_end() {
        let world = World::discovered();
        assert!(world.token_endpoint().await.is_ok());
        world.publish("https://evil.example/token");
        world.advance_hours(47);
        assert!(world.token_endpoint().await.is_ok());
        world.advance_hours(1);
        assert_eq!(
            world.token_endpoint().await,
            Err(ProviderErrorKind::EndpointMoved { field: "token_endpoint" })
        );
    }

    // DIS-02
    #[tokio::test]
    async fn apiture_may_spell_its_issuer_with_or_without_the_slash() {
        let place = "https://auth.apiture.com/oidc/.well-known/openid-configuration";
        for spelling in ["https://auth.apiture.com/oidc/", "https://auth.apiture.com/oidc"] {
            let world = World::new(apiture(Environment::Production));
            world.web.put(place, json!({"issuer": spelling}));
            assert_eq!(world.state.metadata().await.unwrap().issuer().unwrap().as_str(), spelling);
            assert_eq!(world.web.requests(), [place]);
        }
        let world = World::new(apiture(Environment::Production));
        world.web.put(place, json!({"issuer": "https://auth.apiture.com/oidc//"}));
        assert_eq!(world.state.metadata().await.unwrap_err().kind(), ProviderErrorKind::IssuerMismatch);
    }
}
