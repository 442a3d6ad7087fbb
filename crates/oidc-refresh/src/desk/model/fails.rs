//! What tempting simplifications break, each under the smallest circumstances; under the same ones the desk itself keeps
//! every promise.

use super::{
    promises::{
        BACK_OFF, CALLED, GOOD_TOKENS, LATE, NO_STORM, ONE_FLIGHT, ONLY_REPORTED, RIGHT_LOGIN, TRUE_REASONS,
        only_the_desk_keeps,
    },
    scenario::{Budget, Scenario, Start},
    variant::Variant,
};

// REF-01
#[test]
fn starting_under_another_lock_than_deciding_starts_two_refreshes() {
    let scenario = Scenario::of(2, 1, Start::Ended, Budget::NONE);
    only_the_desk_keeps(ONE_FLIGHT, Variant::StartsUnderAnotherLock, scenario);
}

// REF-01, REF-03
#[test]
fn reminding_without_deciding_again_starts_two_refreshes() {
    let scenario = Scenario::of(2, 1, Start::Due, Budget { time: 1, ..Budget::NONE });
    only_the_desk_keeps(ONE_FLIGHT, Variant::RemindsWithoutDeciding, scenario);
}

// REF-01
#[test]
fn calling_before_landing_leaves_somebody_waiting() {
    let scenario = Scenario::of(2, 1, Start::Ended, Budget { fail: 1, ..Budget::NONE });
    only_the_desk_keeps(CALLED, Variant::CallsBeforeLanding, scenario);
}

// STO-04
#[test]
fn a_ticket_that_was_called_already_leaves_somebody_waiting() {
    let scenario = Scenario::of(2, 1, Start::Ended, Budget { store: 1, odd: 1, ..Budget::NONE });
    only_the_desk_keeps(CALLED, Variant::KeepsTicketWhileSaving, scenario);
}

// REF-19
#[test]
fn a_flight_that_dies_in_silence_leaves_everybody_waiting() {
    let scenario = Scenario::of(2, 1, Start::Ended, Budget { die: 1, ..Budget::NONE });
    only_the_desk_keeps(CALLED, Variant::DiesInSilence, scenario);
}

// REF-02
#[test]
fn a_failure_that_is_not_kept_is_repeated_at_once() {
    let scenario = Scenario::of(2, 2, Start::Ended, Budget { fail: 1, ..Budget::NONE });
    only_the_desk_keeps(BACK_OFF, Variant::ForgetsFailures, scenario);
}

// REF-08
#[test]
fn a_late_landing_that_counts_brings_a_login_back() {
    let scenario = Scenario::of(1, 1, Start::Due, Budget { sign_out: 1, sign_in: 1, ..Budget::NONE });
    only_the_desk_keeps(LATE, Variant::BelievesLateLandings, scenario);
}

// TOK-01
#[test]
fn serving_what_is_there_to_whoever_wakes_late_serves_what_has_ended() {
    let scenario = Scenario::of(1, 1, Start::Ended, Budget { time: 5, ..Budget::NONE });
    only_the_desk_keeps(GOOD_TOKENS, Variant::ServesWhatIsThere, scenario);
}

// REF-21
#[test]
fn a_rejection_blamed_on_whoever_wakes_late_is_no_reason() {
    let scenario = Scenario::of(2, 1, Start::Ended, Budget { reject: 1, ..Budget::NONE });
    only_the_desk_keeps(TRUE_REASONS, Variant::BlamesLateWaiters, scenario);
}

// REF-21
#[test]
fn a_rejection_of_whatever_is_there_costs_a_token_that_is_good() {
    let scenario = Scenario::of(2, 2, Start::Fresh, Budget { reject: 2, ..Budget::NONE });
    only_the_desk_keeps(ONLY_REPORTED, Variant::RejectsAnyToken, scenario);
}

// REF-21
#[test]
fn a_claim_that_compares_nothing_undoes_a_rejection() {
    let scenario = Scenario::of(3, 2, Start::Due, Budget { reject: 1, ..Budget::NONE });
    only_the_desk_keeps(GOOD_TOKENS, Variant::ClaimsBlindly, scenario);
}

// LAY-08
#[test]
fn a_request_that_only_counts_when_it_is_answered_makes_a_storm() {
    let scenario = Scenario::of(2, 1, Start::Ended, Budget { die: 1, ..Budget::NONE });
    only_the_desk_keeps(NO_STORM, Variant::CountsAnswersOnly, scenario);
}

// LAY-08
#[test]
fn a_flight_that_replays_at_will_makes_a_storm() {
    let budget = Budget { lose: 1, adopt: 1, ..Budget::NONE };
    only_the_desk_keeps(NO_STORM, Variant::ReplaysAtWill, Scenario::of(1, 1, Start::Ended, budget));
}

// LGO-12
#[test]
fn a_sign_out_that_ends_in_silence_lets_an_old_look_bring_the_login_back() {
    let budget = Budget { time: 3, look: 1, sign_out: 1, ..Budget::NONE };
    only_the_desk_keeps(RIGHT_LOGIN, Variant::SignsOutInSilence, Scenario::of(1, 2, Start::Fresh, budget));
}

// LGO-12
#[test]
fn believing_the_store_while_signing_out_brings_the_login_back() {
    let budget = Budget { time: 3, look: 1, sign_out: 1, ..Budget::NONE };
    only_the_desk_keeps(
        RIGHT_LOGIN,
        Variant::AdoptsWhileSigningOut,
        Scenario::of(1, 2, Start::Fresh, budget),
    );
}

// LGO-12
#[test]
fn a_login_that_begins_late_undoes_a_sign_out() {
    let budget = Budget { sign_in: 1, sign_out: 1, ..Budget::NONE };
    only_the_desk_keeps(RIGHT_LOGIN, Variant::BeginsLate, Scenario::of(1, 1, Start::Fresh, budget));
}
