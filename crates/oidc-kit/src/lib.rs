//! OAuth 2.0 and OpenID Connect for Rust services and programs: the one dependency that brings all parts.
//!
//! A user logs in once, or a service signs in by itself; from then on every outgoing request carries a valid access token. It is renewed
//! before it ends, once, no matter how many requests, tasks, processes or machines share it. **A rotating refresh token is spent exactly
//! once, by exactly one process, and its successor is durable before anyone uses it.**
//!
//! # A service that calls an API with its own tokens
//!
//! ```no_run
//! use http_body_util::Empty;
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use oidc_kit::{
//!     BearerLayer, ClientAuth, Issuer, OidcClient, Origins, Provider, RefreshingSource, ReqwestTransport, Secret,
//! };
//! use tower::{Layer, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let secret = Secret::from("");
//! let provider = Provider::discover(Issuer::new("https://id.example")?);
//! let client = OidcClient::builder(provider, "billing")
//!     .auth(ClientAuth::secret_basic(secret))
//!     .build(ReqwestTransport::new()?)?;
//! let tokens = RefreshingSource::builder(client.client_credentials(["invoices/read"])?).build()?;
//!
//! // The one line: where tokens may go is not optional.
//! let layer = BearerLayer::new(tokens, Origins::only(["https://api.example"])?);
//!
//! let http = Client::builder(TokioExecutor::new()).build_http::<Empty<&[u8]>>();
//! let api = layer.layer(http);
//! let request = http::Request::get("https://api.example/invoices").body(Empty::new())?;
//! let response = api.oneshot(request).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! | to | look at |
//! |---|---|
//! | attach tokens to requests | [`BearerLayer`], [`Origins`], [`UseSource`] |
//! | keep one login alive, or many | [`RefreshingSource`], [`TokenPool`] and its [`LoginSource`]s, [`RefreshPolicy`] |
//! | log users in, and everything else that is said to a provider | [`OidcClient`], [`Provider`], [`provider`] (feature `flow`) |
//! | choose where tokens are kept | [`MemoryStore`], `FileStore` (on Unix), `RedisStore` (feature `redis`), [`SingleProcess`], [`Encrypted`], or your own [`TokenStore`] |
//! | choose what carries the requests to the provider | [`ReqwestTransport`] (feature `reqwest`), [`TowerTransport`], or your own [`HttpTransport`] |
//! | test against a provider that rotates and misbehaves | the crate `oidc-testkit` |
//!
//! Each crate's own front page says more: [`core`], [`refresh`], [`tower`], [`flow`], [`transport`], [`store`].

#[doc(no_inline)]
pub use oidc_core::{
    AccessToken, Cause, Clock, ConfigError, Credential, Grant, HttpTransport, Issuer, MemoryStore, Scopes,
    Secret, SimpleStore, Subject, Target, TokenError, TokenErrorKind, TokenKey, TokenSet, TokenSource,
    TokenStore,
};
#[cfg(feature = "flow")]
#[doc(no_inline)]
pub use oidc_flow::{
    Callback, ClientAuth, LoginError, OidcClient, PendingLogin, provider, provider::Provider,
};
#[doc(no_inline)]
pub use oidc_refresh::{Event, EventKind, LoginSource, RefreshPolicy, RefreshingSource, TokenPool};
#[cfg(unix)]
#[doc(no_inline)]
pub use oidc_store::FileStore;
#[doc(no_inline)]
pub use oidc_store::{Encrypted, EncryptionKey, KeyRing, SingleProcess};
#[cfg(feature = "redis")]
#[doc(no_inline)]
pub use oidc_store_redis::RedisStore;
#[doc(no_inline)]
pub use oidc_tower::{BearerLayer, Origins, ReplayClone, ReplayEmpty, ReplayNever, UseSource};
#[doc(no_inline)]
pub use oidc_transport::TowerTransport;
#[cfg(feature = "reqwest")]
#[doc(no_inline)]
pub use oidc_transport::{ReqwestClient, ReqwestService, ReqwestTransport};

#[cfg(feature = "flow")]
#[doc(no_inline)]
pub use oidc_flow as flow;
#[doc(no_inline)]
pub use {
    oidc_core as core, oidc_refresh as refresh, oidc_store as store, oidc_tower as tower,
    oidc_transport as transport,
};

/// The programs of the README, so that they compile.
#[cfg(all(doctest, feature = "flow", feature = "reqwest"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
