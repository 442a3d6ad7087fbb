//! Keeps logins alive: one credential ([`RefreshingSource`]) or many ([`TokenPool`]), each refresh token spent once.
//!
//! ```
//! use std::sync::Arc;
//! use oidc_core::{Grant, Issuer, MemoryStore, Subject, TokenError, TokenKey, TokenSet, TokenSource};
//! use oidc_refresh::RefreshingSource;
//!
//! # async fn example(grant: impl Grant, tokens: TokenSet) -> Result<(), Box<dyn std::error::Error>> {
//! let key = TokenKey::new(Issuer::new("https://id.example")?, "my-app", Subject::user("alice")?);
//! let source = RefreshingSource::builder(grant).store(MemoryStore::new(), key).build()?;
//! source.sign_in(&tokens).await?; // once, after the login; they are in the store from here on
//! let credential = source.token().await?; // now and for as long as the login lives
//! # Ok(())
//! # }
//! ```
//!
//! # What a caller gets
//!
//! | the access token | a caller gets |
//! |---|---|
//! | is fresh | it, without I/O; every [`revalidate_after`](RefreshPolicy::revalidate_after) the store is compared in the background |
//! | has lived 80 % of its life | it, and one refresh starts in the background |
//! | has ended, or an API rejected it | the outcome of the one refresh in flight, token or error |
//! | is good, but the last refresh failed | it; the next try comes after the back-off or the provider's `Retry-After` |
//! | has ended, and the last refresh failed | the same error for everybody, until the back-off ends: no further request |
//! | has ended, and the provider refused the refresh token for good | [`ReauthRequired`](oidc_core::TokenErrorKind::ReauthRequired), in every process and over restarts; nothing is sent again |
//!
//! # What holds
//!
//! - A refresh runs detached from its callers: whoever gives up harms nobody, and what the provider gave is saved.
//! - A refresh token is sent by one process at a time, which has said so in the store before; its successor is in the store before anybody uses
//!   the new tokens. If the store does not take them, they are served from memory, the write is repeated until it succeeds, and nothing
//!   else is sent meanwhile.
//! - A lost answer is made up for by sending the same refresh token once more, at once: a provider with a grace window gives the tokens
//!   again. A strict one has ended the login then, and the error says so:
//!   [`RefreshOutcomeUnknown`](oidc_core::Cause::RefreshOutcomeUnknown). No client can do more. One loss has no name of its own: a
//!   machine that stands still between the last look at its lease and the write for longer than an access token lives.
//! - A store that is down is an error of its own, never "logged out"; users' refresh tokens are not spent without it.
//! - For one target of a login there is at most one token request per second and process, but for that one repetition, whatever APIs,
//!   callers and clocks do.
//!
//! # Processes that fork
//!
//! Build sources after a `fork`, or let the child `exec` at once; nothing here watches for a child that goes on with what its
//! parent had. Of the parent's threads the child has one, so a refresh that was in flight lands in the parent alone, and who asks a copied
//! source for a token may wait for it in vain. A copied [`MemoryStore`](oidc_core::MemoryStore) (and any store with its leases in memory) is a
//! second store, and both processes would spend one refresh token. Two sources that were each built in their own process over a store for many
//! processes are safe: what they leave to chance comes from the operating system at each use, so that no two are alike.
//!
//! # What is told
//!
//! [`Status`] explains one credential at the moment. [`Event`] says what happens while nobody waits: renewed, failing, over, about to
//! end, not saved yet. Logs come through `tracing`: a span named `refresh` for each refresh, with the hashes of login and
//! target, the attempt's number as the store has it, outcome, cause and duration; above debug only what somebody may want to know.
//! Nothing of this contains a secret.
//!
//! With the feature `metrics`, the recorder that the program installed for the [`metrics`](https://docs.rs/metrics) facade gets these; a
//! fresh token costs none of them. Labels have few values: none tells logins, users or providers apart.
//!
//! | name | kind | unit | label | meaning |
//! |---|---|---|---|---|
//! | `oidc_token_requests_total` | counter | count | `outcome`: won, misconfigured, not_processed, unknown, refused | token requests that were sent |
//! | `oidc_token_request_duration_seconds` | histogram | seconds | `outcome`: won, misconfigured, not_processed, unknown, refused | from sending one to its answer, or to giving up on it |
//! | `oidc_refreshes_total` | counter | count | `outcome`: renewed, adopted, logged_out, refused, backing_off, failed, store_failed | refreshes that ended, those included that only read the store |
//! | `oidc_refresh_duration_seconds` | histogram | seconds | `outcome`: renewed, adopted, logged_out, refused, backing_off, failed, store_failed | from the start of one to its end, the store and other processes included |
//! | `oidc_token_remaining_seconds` | histogram | seconds | – | what a token had left when it was used; sampled, at most one use per credential and [`revalidate_after`](RefreshPolicy::revalidate_after) |
//! | `oidc_token_rejections_total` | counter | count | – | tokens that an API rejected (401), each counted once however many requests it was in |
//! | `oidc_logins_needed_total` | counter | count | `cause`: grant_rejected, logged_out, refresh_mismatch, refresh_outcome_unknown | logins that only their user can begin again |
//! | `oidc_store_faults_total` | counter | count | `kind`: busy, conflict, corrupt, full, insecure, key_unavailable, unavailable, version, panic | operations of the token store that failed |
//! | `oidc_unsaved_rotations` | gauge | count | – | tokens in use that the store did not take yet: if it is not 0 for long, look at the store before restarting anything |
//!
//! `describe_metrics` gives the recorder the units and meanings.

mod account;
mod attention;
mod decide;
mod desk;
mod drive;
mod event;
mod flight;
mod landing;
mod memory;
mod policy;
mod pool;
mod random;
mod request;
mod resting;
mod shared;
mod shorthand;
mod sign;
#[cfg(test)]
mod sim;
mod single;
mod snapshot;
mod source;
mod status;
mod telemetry;

#[cfg(feature = "metrics")]
pub use self::telemetry::describe_metrics;
pub use self::{
    event::{Event, EventKind},
    policy::RefreshPolicy,
    pool::{TokenPool, TokenPoolBuilder},
    shared::LoginSource,
    single::{RefreshingSource, RefreshingSourceBuilder},
    status::{Origin, State, Status},
};
