//! Logins as the documentation of two providers tells developers to do them by hand, step by step.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod apiture;
mod apiture_refusals;
mod aritma;
mod aritma_refusals;
mod stage;
mod verified;
