//! `Encrypted` against the contract, and against somebody who can write to the store.
#![cfg(feature = "encrypted")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(test)]
mod contract {
    use oidc_core::MemoryStore;
    use oidc_testkit::contract::SameInstance;

    oidc_testkit::token_store_contract!(SameInstance::new(oidc_store::Encrypted::new(
        MemoryStore::new(),
        crate::keys::ring(&[1])
    )));
}
#[cfg(test)]
mod keys;
#[cfg(test)]
mod writer;
