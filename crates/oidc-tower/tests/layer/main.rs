//! The layer as its users see it, poll by poll.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod bounds;
mod existing;
mod foreign;
mod grpc;
mod readiness;
mod stacks;
mod support;
mod token;
mod unauthorized;
