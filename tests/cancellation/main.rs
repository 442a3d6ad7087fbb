//! Calls that are dropped at every moment at which they can be.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod client;
mod layer;
mod logins;
mod pool;
mod runtimes;
mod stage;
mod tokens;
mod transports;
