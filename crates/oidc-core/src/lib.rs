//! The words and the contracts of the workspace: what its crates, and those who extend it, agree on.
//!
//! | to bring your own | implement |
//! |---|---|
//! | place to keep tokens, for one process | [`SimpleStore`] |
//! | place to keep tokens, shared by processes or machines | [`TokenStore`] |
//! | HTTP client | [`HttpTransport`] |
//! | way of winning tokens | [`Grant`] |
//! | source of credentials for the layer | [`TokenSource`] |
//! | time, in tests | [`Clock`] |
//!
//! Each of these is a contract: its page says what changes, who retries, what cancellation does and what an error means.
//! There is no I/O in this crate, and nothing is spawned.

mod clock;
mod digest;
mod error;
mod grant;
mod issuer;
mod json;
mod key;
mod lifetime;
mod payload;
mod scope;
mod secret;
mod source;
pub mod store;
mod target;
mod tokens;
mod transport;

pub use self::{
    clock::{BootTime, Clock, SystemClock},
    error::{Cause, ConfigError, TokenError, TokenErrorKind},
    grant::{Grant, GrantError, GrantErrorKind, SendGate},
    issuer::{Issuer, is_allowed_url},
    key::{KeyId, Subject, TokenKey, UserId},
    lifetime::Lifetime,
    payload::SavedLogin,
    scope::Scopes,
    secret::Secret,
    source::{Credential, Generation, TokenSource},
    store::{MemoryStore, Payload, SimpleStore, StoreError, StoreErrorKind, TokenStore},
    target::{Target, TargetId, is_reserved_parameter},
    tokens::{AccessToken, Scheme, TokenSet, UnusableToken},
    transport::{BodyLimit, HttpTransport, TransportError, TransportErrorKind},
};
