//! What the integration tests share.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod canary;
mod capture;
mod form;
mod numbers;
mod plain;
mod routed;
mod world;

pub use self::{
    canary::{Canaries, Leak},
    capture::{capture_logs, captured_logs},
    form::Form,
    plain::{Http, http_client, http_transport, reqwest_builder},
    routed::Routed,
    world::{ApiClient, World, finish, json},
};
