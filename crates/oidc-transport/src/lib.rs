//! HTTP transports: over reqwest and over any tower service; adapters for reqwest clients.
//!
//! | to | take |
//! |---|---|
//! | speak to a provider | [`ReqwestTransport`] (feature `reqwest`, on by default) |
//! | speak to a provider through a client or a stack of one's own | [`TowerTransport`] |
//! | put tower layers on a reqwest client, and use it as such | [`ReqwestClient`] (feature `reqwest`) |
//! | have a reqwest client as a tower service | [`ReqwestService`] (feature `reqwest`) |
//!
//! The first two are implementations of [`HttpTransport`](oidc_core::HttpTransport), whose page has the
//! contract.

#[cfg(feature = "reqwest")]
mod address;
mod body;
mod deadline;
#[cfg(feature = "reqwest")]
mod reqwest_client;
mod tower;

#[cfg(feature = "reqwest")]
pub use self::reqwest_client::{
    BuildError, ReqwestClient, ReqwestFuture, ReqwestService, ReqwestServiceError, ReqwestTransport,
    ReqwestTransportBuilder,
};
pub use self::tower::TowerTransport;
