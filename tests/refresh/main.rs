//! Logins that are kept alive: provider, source, layer and API, from end to end.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod app;
mod faults;
mod load;
mod logins;
mod odd;
mod outage;
mod users;
