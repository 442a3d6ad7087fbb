//! Test doubles for programs that use OAuth 2.0 and OpenID Connect, and for the crates of this workspace.
//!
//! | to test | use |
//! |---|---|
//! | a login, or tokens that end, rotate, are refused | [`TestProvider`]: a real provider over HTTP on loopback |
//! | calls with an access token | [`ProtectedApi`]: 200 for live tokens, 401 for all else |
//! | a browser between login and callback | [`browse`] |
//! | what happens when time passes | [`ManualClock`] |
//! | lost requests and answers, without a network | [`FaultTransport`] |
//! | a token store that fails | [`FaultStore`] |
//! | callers that give up, at every moment at which one can | [`every_drop`], and [`Yielding`] for more such moments |
//! | a token store of your own | [`token_store_contract!`]: every promise that a store has to keep, as a test |
//!
//! ```
//! use oidc_testkit::{Endpoint, Fault, ProtectedApi, TestClient, TestProvider, browse};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! // A provider with strict refresh token rotation, which one client may use.
//! let provider = TestProvider::builder()
//!     .client(TestClient::public("app").redirect_uri("http://127.0.0.1/callback"))
//!     .start()
//!     .await?;
//! let api = ProtectedApi::start(&provider).await?;
//!
//! // The user goes where the program under test would send them, and comes back with a code.
//! let visit = browse(&format!(
//!     "{}?response_type=code&client_id=app&redirect_uri=http://127.0.0.1/callback&scope=openid&state=xyz\
//!      &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
//!     provider.url(Endpoint::Authorize),
//! ))
//! .await?;
//! assert!(visit.callback_query()?.contains("state=xyz"));
//!
//! // The next token request is processed, and its answer lost.
//! provider.fail_next(Endpoint::Token, Fault::LoseAnswer);
//! // Here the program redeems the code, and calls the API …
//!
//! // What really happened is counted by the provider and the API, not by the program.
//! assert_eq!((provider.judge().logins, provider.judge().reuse_detected), (1, 0));
//! assert_eq!((api.calls(), api.unauthorized()), (0, 0));
//! # Ok(())
//! # }
//! ```

mod api;
mod browser;
mod cancel;
mod clock;
pub mod contract;
mod faults;
mod hold;
mod provider;
mod server;
mod yielding;

pub use self::{
    api::{ApiBehaviour, ProtectedApi},
    browser::{Visit, browse},
    cancel::{Cut, drop_after, every_drop},
    clock::ManualClock,
    faults::{FaultStore, FaultTransport, StoreFault, StoreOperation, TransportFault, every_fault},
    hold::Hold,
    provider::{
        Answer, BadIdToken, ClientAuthentication, Endpoint, Fault, JsonObject, Judge, OddAnswer,
        RefreshTokens, Rewrite, Rotation, SigningAlgorithm, Successor, TestClient, TestProvider,
        TestProviderBuilder, TestUser,
    },
    yielding::Yielding,
};
