//! Secrets stay secret: in every log line of every crate, in every error, in the `Debug` of every type.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod endpoints;
mod finder;
mod logins;
mod refreshes;
mod rogues;
mod scene;
mod stores;
mod types;
mod wiped;
