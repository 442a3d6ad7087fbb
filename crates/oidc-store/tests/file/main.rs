//! `FileStore` against the contract, and against what others do to its directory.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(test)]
mod contract;
#[cfg(test)]
mod directory;
