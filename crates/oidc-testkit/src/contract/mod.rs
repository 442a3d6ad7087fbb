//! The contract of `TokenStore`, as tests that any implementation can run.
//!
//! [`token_store_contract!`](crate::token_store_contract) makes one test of each promise. Each gets an empty place, so that
//! they can run side by side.
//!
//! ```
//! # #[cfg(test)] // the macro expands to tests
//! mod contract {
//!     use oidc_core::MemoryStore;
//!     use oidc_testkit::contract::SameInstance;
//!
//!     oidc_testkit::token_store_contract!(SameInstance::new(MemoryStore::new()));
//! }
//! ```
//!
//! A store that keeps logins somewhere says how that place is opened, so that the suite can act as a process that was started
//! again, and as a second one beside the first:
//!
//! ```
//! # use std::{path::PathBuf, sync::Arc};
//! # use oidc_core::{MemoryStore, TokenStore};
//! use oidc_testkit::contract::{Sharing, StorePlace};
//! # struct MyStore;
//! # impl MyStore { fn open(_: &PathBuf) -> MemoryStore { MemoryStore::new() } }
//!
//! struct Folder(PathBuf);
//!
//! #[async_trait::async_trait]
//! impl StorePlace for Folder {
//!     async fn open(&self) -> Arc<dyn TokenStore> {
//!         Arc::new(MyStore::open(&self.0))
//!     }
//!
//!     fn sharing(&self) -> Sharing {
//!         Sharing::Processes
//!     }
//! }
//! # fn new_folder() -> PathBuf { PathBuf::new() }
//!
//! # #[cfg(test)]
//! # mod contract { use super::*;
//! oidc_testkit::token_store_contract!(Folder(new_folder()));
//! # }
//! ```
//!
//! What the suite compares with is [`oidc_core::store::rules`]. What it cannot see, and the author of a store has to care
//! for: whether what was acknowledged survives a power cut, and that no record disappears by itself.
#![expect(clippy::panic, reason = "a check fails as tests do")]

mod bytes;
mod commits;
mod endings;
mod leases;
mod logins;
mod place;
mod reference;
mod restart;
mod stage;
mod together;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::{self, BoxFuture, Either},
};
use oidc_core::{Clock, SystemClock};

pub use self::place::{SameInstance, Sharing, StorePlace};
use self::stage::Stage;

/// One promise of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What is promised, as the name of a test.
    pub name: &'static str,
    run: fn(Stage) -> BoxFuture<'static, ()>,
}

impl Check {
    /// Tries the promise on a store in an empty `place`.
    ///
    /// # Errors
    /// Where the store breaks it, what was found; also where it panics, or takes longer than a minute.
    pub async fn run(self, place: impl StorePlace) -> Result<(), String> {
        let clock = SystemClock::new();
        let patience = PATIENCE.saturating_mul(reference::cases().div_ceil(reference::CASES));
        let too_late = clock.sleep_until(clock.boot().after(patience));
        let stage = Stage::open(Arc::new(place)).await;
        let check = AssertUnwindSafe((self.run)(stage)).catch_unwind();
        match future::select(check, too_late).await {
            Either::Left((Ok(()), _)) => Ok(()),
            Either::Left((Err(panic), _)) => Err(words(&*panic)),
            Either::Right(_) => Err(format!("not done after {patience:?}")),
        }
    }
}

/// Runs the check `name` on a runtime of its own: what the tests of
/// [`token_store_contract!`](crate::token_store_contract) do.
///
/// # Panics
/// Where the store breaks the promise.
pub fn check(name: &str, place: impl StorePlace) {
    let found = CHECKS.iter().find(|check| check.name == name);
    let check = found.unwrap_or_else(|| panic!("there is no check {name}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
    if let Err(found) = runtime.block_on(check.run(place)) {
        panic!("{name}: {found}");
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Far beyond what any store needs, so that only one that hangs is hit.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a test of each promise of the [contract](crate::contract). The argument is an expression of a type that implements
/// [`StorePlace`](crate::contract::StorePlace), evaluated once for each test: an empty place each time.
#[macro_export]
macro_rules! token_store_contract {
    ($place:expr) => {
        $crate::__token_store_checks! { [$crate::__token_store_tests] $place }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __token_store_tests {
    ([$($file:ident::$name:ident)*] $place:expr) => {
        $(
            #[test]
            fn $name() {
                $crate::contract::check(stringify!($name), $place);
            }
        )*
    };
}

macro_rules! list {
    ([$($file:ident::$name:ident)*]) => {
        /// Every promise.
        pub const CHECKS: &[Check] = &[$(
            Check { name: stringify!($name), run: |stage| Box::pin($file::$name(stage)) },
        )*];
    };
}

/// The one list of all checks.
#[doc(hidden)]
#[macro_export]
macro_rules! __token_store_checks {
    ([$($then:tt)*] $($arguments:tt)*) => {
        $($then)* ! {
            [
                logins::what_was_never_written_is_absent
                logins::a_login_is_read_as_it_was_written
                logins::a_login_replaces_only_the_revision_that_it_expects
                logins::a_new_login_ends_claim_doubt_rejection_and_back_off
                logins::a_sign_out_leaves_a_tombstone_that_counts_on
                logins::after_a_sign_out_nothing_comes_back
                logins::a_new_login_is_not_overwritten_by_the_one_before
                leases::one_attempt_holds_the_lease
                leases::the_same_attempt_gets_its_lease_again
                leases::who_is_behind_gets_the_record_and_no_lease
                leases::a_claim_that_ran_out_leaves_doubt
                leases::a_lease_needs_no_login
                leases::a_heartbeat_is_for_its_own_lease
                leases::a_lease_ends_by_itself_unless_it_is_prolonged
                commits::a_commit_writes_the_successor_and_ends_the_claim
                commits::a_commit_onto_another_revision_changes_nothing
                commits::a_late_commit_lands_and_spares_the_claim_of_another
                commits::a_commit_ends_rejection_and_back_off
                commits::a_commit_keeps_the_doubt_for_one_more_revision
                commits::a_repeated_commit_finds_itself
                endings::a_request_that_was_not_sent_leaves_no_trace
                endings::an_unknown_outcome_leaves_doubt
                endings::a_refusal_is_for_good
                endings::a_refusal_in_doubt_is_named
                endings::a_refusal_of_an_earlier_revision_changes_nothing
                endings::the_claim_of_another_is_not_given_back
                endings::a_back_off_holds_for_everybody_and_ends
                bytes::payloads_come_back_byte_for_byte
                bytes::a_large_payload_is_kept_whole_or_refused
                bytes::keys_do_not_touch_each_other
                together::of_many_attempts_one_holds_the_lease
                together::of_many_logins_one_is_written
                together::every_acknowledged_commit_counts
                together::readers_see_whole_states
                together::an_operation_that_is_dropped_is_done_or_not_done
                restart::logins_and_sign_outs_outlive_an_instance
                restart::a_claim_outlives_its_instance_or_leaves_doubt
                restart::a_second_instance_sees_what_the_first_one_does
                reference::any_sequence_of_commands_has_the_outcomes_of_the_rules
            ]
            $($arguments)*
        }
    };
}

__token_store_checks! { [list] }
