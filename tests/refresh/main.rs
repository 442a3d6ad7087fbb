//! Logins that are kept alive: provider, source, layer and API, from end to end.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod app;
mod faults;
mod load;
mod logins;
mod odd;
mod outage;
mod restart;
mod users;
