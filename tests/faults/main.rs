//! One fault at each operation of store and transport in turn: whatever fails, no login is lost in silence.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod broken;
mod cut;
mod flaw;
mod logins;
mod machine;
mod refreshes;
mod restarts;
mod run;
mod shelf;
mod stage;
mod trouble;
mod wire;
