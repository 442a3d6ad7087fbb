//! The suite for token stores: the reference passes it, and a store that is made wrong does not.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(test)]
mod wrong;
#[cfg(test)]
mod wrongs;

#[cfg(test)]
mod memory {
    use oidc_core::MemoryStore;
    use oidc_testkit::contract::SameInstance;

    oidc_testkit::token_store_contract!(SameInstance::new(MemoryStore::new()));
}
