//! The layer on real clients, against real servers.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod budget;
mod clients;
mod grpc;
mod redirects;
mod rejections;
mod replay;
mod reqwest_client;
