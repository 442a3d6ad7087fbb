//! What the tempting simpler contracts lose, each under the smallest circumstances; under the same ones the contract
//! itself keeps every promise.

use super::{
    promises::{
        BACK_OFF_HOLDS, ENDS_WELL, NAMED, ONE_LEASE, RIGHT_LOGIN, SENT_ONCE, only_the_contract_keeps,
    },
    provider::Rotation,
    scenario::{Budget, Scenario},
    variant::Variant,
};

const PAUSE: Budget = Budget { faults: 1, pause: 1, ..Budget::NONE };
const STORE: Budget = Budget { faults: 1, store: 1, ..Budget::NONE };
const CRASH: Budget = Budget { faults: 1, crash: 1, ..Budget::NONE };
const FAIL_OVER: Budget = Budget { faults: 1, fail_over: 1, ..Budget::NONE };

const fn with(rotation: Rotation, budget: Budget) -> Scenario {
    Scenario { budget, ..Scenario::quiet(rotation) }
}

const fn losing(rotation: Rotation, budget: Budget) -> Scenario {
    Scenario { keeps_login: false, ..with(rotation, budget) }
}

// MPR-05
#[test]
fn a_commit_that_needs_a_valid_lease_loses_a_login() {
    let scenario = with(Rotation::Forgiving, PAUSE);
    only_the_contract_keeps(ENDS_WELL, Variant::CommitNeedsLiveLease, scenario);
}

// MPR-05
#[test]
fn a_commit_that_needs_the_same_attempt_loses_a_login() {
    let scenario = with(Rotation::Forgiving, PAUSE);
    only_the_contract_keeps(ENDS_WELL, Variant::CommitNeedsSameAttempt, scenario);
}

// MPR-05
#[test]
fn a_rejection_that_changes_the_revision_loses_a_login() {
    let scenario = with(Rotation::Forgiving, PAUSE);
    only_the_contract_keeps(ENDS_WELL, Variant::RejectionChangesRevision, scenario);
}

// REF-08
#[test]
fn a_rejection_that_ignores_the_revision_kills_a_newer_login() {
    let scenario = with(Rotation::Forgiving, PAUSE);
    only_the_contract_keeps(ENDS_WELL, Variant::RejectionIgnoresRevision, scenario);
}

// MPR-07
#[test]
fn a_late_commit_that_clears_a_foreign_claim_loses_a_login_even_with_grace() {
    let scenario = with(Rotation::GraceSame, PAUSE);
    only_the_contract_keeps(ENDS_WELL, Variant::CommitClearsForeignClaim, scenario);
    only_the_contract_keeps(ONE_LEASE, Variant::CommitClearsForeignClaim, scenario);
}

// STO-02, LGO-12
#[test]
fn a_logout_without_a_new_revision_is_undone() {
    let scenario = with(Rotation::Strict, Budget { sign_out: 1, ends: 0, ..Budget::NONE });
    only_the_contract_keeps(RIGHT_LOGIN, Variant::RemoveKeepsRevision, scenario);
}

// STO-02, LGO-12
#[test]
fn a_logout_that_deletes_the_row_is_undone() {
    let scenario = with(Rotation::Strict, Budget { sign_out: 1, ends: 0, ..Budget::NONE });
    only_the_contract_keeps(RIGHT_LOGIN, Variant::RemoveDeletesRow, scenario);
}

// STO-01, MPR-10
#[test]
fn a_login_without_a_new_revision_is_overwritten() {
    let scenario = with(Rotation::Strict, Budget { sign_in: 1, ends: 0, ..Budget::NONE });
    only_the_contract_keeps(RIGHT_LOGIN, Variant::PutKeepsRevision, scenario);
}

// STO-01, STO-02
#[test]
fn a_login_that_compares_nothing_undoes_a_logout() {
    let budget = Budget { sign_in: 1, sign_out: 1, ends: 0, ..Budget::NONE };
    let scenario = Scenario { asks: 1, ..with(Rotation::Strict, budget) };
    only_the_contract_keeps(RIGHT_LOGIN, Variant::PutIgnoresRevision, scenario);
}

// RED-01
#[test]
fn revisions_that_are_only_counted_let_a_fail_over_overwrite_a_login() {
    let budget = Budget { sign_in: 1, salvage: 1, ends: 0, ..FAIL_OVER };
    let scenario = Scenario { lost_writes: 2, asks: 1, ..losing(Rotation::Strict, budget) };
    only_the_contract_keeps(RIGHT_LOGIN, Variant::CounterOnlyRevisions, scenario);
}

// RED-02
#[test]
fn leases_that_the_store_counts_let_a_fail_over_free_a_foreign_one() {
    let budget = Budget { turned_away: 1, ends: 0, ..FAIL_OVER };
    let scenario = Scenario { lost_writes: 1, ..with(Rotation::GraceSame, budget) };
    only_the_contract_keeps(ONE_LEASE, Variant::LeaseIdsFromStoreCounter, scenario);
}

// RED-01
#[test]
fn a_writer_that_does_not_repair_the_store_loses_a_login() {
    let scenario = Scenario { lost_writes: 1, ..losing(Rotation::Strict, FAIL_OVER) };
    only_the_contract_keeps(ENDS_WELL, Variant::NothingRepaired, scenario);
}

// CAN-05, CAN-06, MPR-06
#[test]
fn refusing_after_a_dead_owner_gives_a_login_up_that_lives() {
    let scenario = with(Rotation::GraceSame, CRASH);
    only_the_contract_keeps(ENDS_WELL, Variant::RefuseAfterDeadOwner, scenario);
}

// REF-12
#[test]
fn without_a_marker_a_crash_is_reported_as_a_plain_rejection() {
    only_the_contract_keeps(NAMED, Variant::NoMarker, losing(Rotation::Strict, CRASH));
}

// REF-12
#[test]
fn not_sent_that_clears_doubt_reports_a_crash_as_a_plain_rejection() {
    let scenario = losing(Rotation::Strict, Budget { turned_away: 1, ..CRASH });
    only_the_contract_keeps(NAMED, Variant::NotSentClearsDoubt, scenario);
}

// REF-12
#[test]
fn doubt_that_is_not_inherited_reports_a_pause_as_a_plain_rejection() {
    only_the_contract_keeps(NAMED, Variant::DoubtNotInherited, losing(Rotation::Strict, PAUSE));
}

// REF-12
#[test]
fn doubt_only_about_the_revision_of_the_claim_reports_a_pause_as_a_plain_rejection() {
    let scenario = losing(Rotation::Strict, Budget { faults: 2, pause: 2, ..Budget::NONE });
    only_the_contract_keeps(ENDS_WELL, Variant::DoubtOnlyOnSameRevision, scenario);
}

// REF-06
#[test]
fn a_refusal_believed_without_reading_again_reports_a_pause_as_a_plain_rejection() {
    let budget = Budget { faults: 2, pause: 1, store: 1, ..Budget::NONE };
    only_the_contract_keeps(NAMED, Variant::DeadWithoutReading, losing(Rotation::Strict, budget));
}

// REF-12
#[test]
fn a_refusal_told_without_its_doubt_reports_a_lost_answer_as_a_plain_rejection() {
    let scenario = losing(Rotation::Strict, Budget { faults: 2, lost: 1, store: 1, ..Budget::NONE });
    only_the_contract_keeps(NAMED, Variant::RefusalWithoutDoubt, scenario);
}

// STO-04
#[test]
fn revoking_on_every_superseded_revokes_the_living_login() {
    only_the_contract_keeps(ENDS_WELL, Variant::RevokeOnEverySuperseded, with(Rotation::Strict, STORE));
}

// STO-04, REF-05
#[test]
fn a_lease_given_back_after_a_failed_commit_sends_the_token_again() {
    let scenario = with(Rotation::Strict, STORE);
    only_the_contract_keeps(SENT_ONCE, Variant::ReleaseAfterCommitError, scenario);
    only_the_contract_keeps(ENDS_WELL, Variant::ReleaseAfterCommitError, scenario);
}

// STO-04, REF-05
#[test]
fn doubt_after_a_failed_commit_sends_the_token_again() {
    let scenario = with(Rotation::Strict, STORE);
    only_the_contract_keeps(SENT_ONCE, Variant::UnknownAfterCommitError, scenario);
    only_the_contract_keeps(ENDS_WELL, Variant::UnknownAfterCommitError, scenario);
}

// MPR-02, MPR-09
#[test]
fn a_refresh_token_from_memory_is_sent_twice() {
    let scenario = with(Rotation::Strict, Budget::NONE);
    only_the_contract_keeps(SENT_ONCE, Variant::TokenFromMemory, scenario);
}

// REF-10
#[test]
fn a_back_off_that_nobody_shares_is_not_kept() {
    let scenario = with(Rotation::Strict, Budget { turned_away: 1, ends: 0, ..Budget::NONE });
    only_the_contract_keeps(BACK_OFF_HOLDS, Variant::BackOffIgnored, scenario);
}
