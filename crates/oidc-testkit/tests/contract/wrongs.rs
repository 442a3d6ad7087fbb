//! Every wrong store is caught.

use oidc_testkit::contract::{CHECKS, SameInstance};

use crate::wrong::{Wrong, WrongStore};

/// The names of the checks that a store fails. A check that waits for time runs beside the others.
async fn caught(wrong: Option<Wrong>) -> Vec<&'static str> {
    let runs = CHECKS.iter().map(|check| async move {
        let place = SameInstance::new(WrongStore::new(wrong));
        let run = tokio::spawn(check.run(place)).await.unwrap();
        run.is_err().then_some(check.name)
    });
    futures_util::future::join_all(runs).await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_breaks_no_rule_passes() {
    assert_eq!(caught(None).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_simpler_way_is_caught_by_a_check_that_names_it() {
    const REFERENCE: &str = "any_sequence_of_commands_has_the_outcomes_of_the_rules";
    let tries = Wrong::ALL.iter().map(|wrong| async move { (*wrong, caught(Some(*wrong)).await) });
    for (wrong, names) in futures_util::future::join_all(tries).await {
        println!("{wrong:?}: {names:?}");
        assert!(names.iter().any(|name| *name != REFERENCE), "{wrong:?} is caught by {names:?} only");
    }
}
