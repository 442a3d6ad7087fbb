//! Speaks to OAuth 2.0 and OpenID Connect providers: discovery, login, grants, ID tokens, logout.
//!
//! A login from end to end:
//!
//! ```no_run
//! use oidc_core::{HttpTransport, Issuer};
//! use oidc_flow::{Callback, OidcClient, Session, provider::Provider};
//!
//! # async fn login(transport: impl HttpTransport, query: &str) -> Result<Session, Box<dyn std::error::Error>> {
//! let provider = Provider::discover(Issuer::new("https://id.example")?);
//! let client = OidcClient::builder(provider, "my-client")
//!     .redirect_uri("https://app.example/callback")
//!     .build(transport)?;
//!
//! let start = client.login().scopes(["banking/read"]).offline_access().start().await?;
//! println!("send the user to {}", start.url);
//!
//! // The user comes back, with this query.
//! let answer = start.pending.check(&Callback::parse(query)?)?;
//! let session = client.finish_login(start.pending, answer).await?;
//! # Ok(session)
//! # }
//! ```
//!
//! From there the tokens are kept alive by [`OidcClient::refresh_grant`], and the user is
//! [`Session::claims`].
//!
//! # What is done without being asked
//! - PKCE with S256, state and nonce, new for each login and good for one callback within ten minutes.
//! - A callback is compared with its login before anything that it says counts, and is refused where it is ambiguous.
//! - The ID token is verified, and the one that comes with a refresh is the same user's.
//! - Token answers are read in every spelling that providers use; a refresh token is never lost because something beside it was
//!   odd ([`GrantError::salvage`](oidc_core::GrantError::salvage)), and never taken for dead by guessing.
//! - Nothing is sent twice unless it was provably not sent. No error, `Debug` output or log line contains a secret.
//!
//! What providers do differently is data: [`provider::Profile`].

mod auth;
mod client;
mod echo;
mod error;
#[cfg(test)]
mod fake;
mod form;
mod grant;
mod id_token;
mod jose;
mod json;
mod login;
mod logout;
pub mod provider;
mod query;
mod redirect;
mod revoke;
mod token_endpoint;
mod untrusted;
mod userinfo;

pub use self::{
    auth::ClientAuth,
    client::{OidcClient, OidcClientBuilder},
    error::{CallbackFault, EndpointError, LoginError},
    grant::{ClientCredentialsGrant, RefreshGrant},
    id_token::{IdTokenClaims, IdTokenError},
    jose::{SigningAlgorithm, UnknownAlgorithm},
    login::{Callback, CheckedCallback, LoginRequest, LoginStart, PendingLogin, Prompt, Refusal, Session},
    logout::LogoutUrl,
    untrusted::Untrusted,
    userinfo::UserInfo,
};
