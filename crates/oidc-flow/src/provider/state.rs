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
