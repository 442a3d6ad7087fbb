//! The layer on real clients, against real servers.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod budget;
mod clients;
mod grpc;
mod redirects;
mod replay;
