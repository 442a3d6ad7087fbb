//! The provider, and who we are there.

use std::{fmt, sync::Arc};

use oidc_core::{Issuer, MemoryStore, Secret};
use oidc_flow::{ClientAuth, OidcClient, Session, provider::Provider};
use oidc_refresh::{LoginSource, TokenPool};
use oidc_tower::{Bearer, BearerLayer, Origins};
use oidc_transport::{ReqwestService, ReqwestTransport};
use serde_json::Value;
use tower::Layer;

use crate::{browser::REDIRECT_URI, report::Broken, wire::Wire};

/// The secret of every client that has one. Its characters make a difference between the ways to encode it.
pub(crate) const SECRET: &str = "not:a secret, and odd + %2B";

/// A client that the provider knows.
#[derive(Clone, Copy)]
pub(crate) enum Registered {
    /// Without a secret.
    Public,
    /// With a secret in the `Authorization` header.
    Basic,
    /// With a secret in the body.
    Post,
    /// For itself, without users.
    Service,
}

/// An HTTP client that calls an API with the tokens of one login.
pub(crate) type Api = Bearer<ReqwestService, Arc<LoginSource>>;

/// The provider at one issuer.
pub(crate) struct Site {
    issuer: Issuer,
    metadata: Value,
}

impl Site {
    /// Looks whether the provider is there.
    pub(crate) async fn visit(issuer: &str) -> Result<Self, Broken> {
        let url = format!("{issuer}/.well-known/openid-configuration");
        let http = reqwest::Client::builder().no_proxy().build()?;
        let document = http.get(url).send().await?.error_for_status()?.bytes().await?;
        let metadata = serde_json::from_slice(&document)?;
        Ok(Self { issuer: Issuer::insecure_loopback(issuer)?, metadata })
    }

    /// One of the provider's endpoints, for what the harness does without the library.
    pub(crate) fn endpoint(&self, name: &str) -> Result<String, Broken> {
        let url = self.metadata.get(name).and_then(Value::as_str);
        url.map(str::to_owned).ok_or_else(|| Broken::new(format!("the provider has no {name}")))
    }

    /// The library's client for a registered one, and the wire that it uses.
    pub(crate) fn client(&self, who: Registered) -> Result<(OidcClient, Wire), Broken> {
        self.client_with_secret(who, SECRET)
    }

    /// The same with another secret.
    pub(crate) fn client_with_secret(
        &self,
        who: Registered,
        secret: &str,
    ) -> Result<(OidcClient, Wire), Broken> {
        let wire = Wire::new(ReqwestTransport::builder(reqwest::Client::builder()).allow_loopback().build()?);
        let secret = Secret::from(secret);
        let auth = match who {
            Registered::Public => ClientAuth::none(),
            Registered::Basic | Registered::Service => ClientAuth::secret_basic(secret),
            Registered::Post => ClientAuth::secret_post(secret),
        };
        let client = OidcClient::builder(Provider::discover(self.issuer.clone()), who.id())
            .auth(auth)
            .redirect_uri(REDIRECT_URI)
            .build(wire.clone())?;
        Ok((client, wire))
    }

    /// An API client for a user who has just logged in. The API is the provider's userinfo endpoint.
    pub(crate) async fn sign_in(&self, client: &OidcClient, session: &Session) -> Result<Api, Broken> {
        let pool = TokenPool::builder(MemoryStore::new(), client.refresh_grant()).build()?;
        pool.sign_in(&session.key, &session.tokens).await?;
        let origins = Origins::insecure_loopback([self.issuer.as_str()])?;
        let http = ReqwestService::new(reqwest::Client::builder())?;
        Ok(BearerLayer::new(pool.source(&session.key), origins).layer(http))
    }
}

impl Registered {
    fn id(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Basic => "basic",
            Self::Post => "post",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public client",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::Service => "service",
        })
    }
}
