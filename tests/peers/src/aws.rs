//! aws-smithy-runtime 1: the lazy identity cache, asked as its orchestrator asks it.

use std::{
    fmt::Debug,
    time::{Duration, SystemTime},
};

use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::{
    identity::{
        Identity, IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityCache,
        SharedIdentityResolver, http::Token,
    },
    runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
};
use aws_smithy_types::config_bag::ConfigBag;
use http::HeaderValue;

use crate::{
    endpoint::Endpoint,
    peer::{Peer, bearer},
    request::token,
};

pub struct Aws {
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    components: RuntimeComponents,
    config: ConfigBag,
}

impl Peer for Aws {
    const NAME: &'static str = "aws-smithy-runtime 1 lazy cache";
    // Its buffer is 10 s, less a random half.
    const WINDOW: (Duration, Duration) = (Duration::from_secs(4), Duration::ZERO);

    async fn new(endpoint: Endpoint) -> Self {
        let components = RuntimeComponentsBuilder::for_tests()
            .with_time_source(Some(SystemTimeSource::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .build()
            .expect("components");
        Self {
            cache: IdentityCache::lazy().build(),
            resolver: SharedIdentityResolver::new(Asks(endpoint)),
            components,
            config: ConfigBag::base(),
        }
    }

    async fn header(&self) -> Result<HeaderValue, Box<dyn Debug + Send>> {
        let identity =
            self.cache.resolve_cached_identity(self.resolver.clone(), &self.components, &self.config).await;
        let identity = identity.map_err(|error| Box::new(error.to_string()) as Box<dyn Debug + Send>)?;
        Ok(bearer(identity.data::<Token>().expect("a token").token()))
    }
}

#[derive(Debug)]
struct Asks(Endpoint);

impl ResolveIdentity for Asks {
    fn resolve_identity<'a>(&'a self, _: &'a RuntimeComponents, _: &'a ConfigBag) -> IdentityFuture<'a> {
        IdentityFuture::new(async {
            let ends_at = SystemTime::now() + self.0.ask().await?;
            Ok(Identity::new(Token::new(token(), Some(ends_at)), Some(ends_at)))
        })
    }
}
