//! What the contract promises, and what no contract can.

use super::{
    promises::{ENDS_WELL, breaks, keeps_all_promises},
    provider::Rotation,
    scenario::{Budget, Scenario},
};

const ROTATIONS: [Rotation; 5] =
    [Rotation::Strict, Rotation::GraceSame, Rotation::GraceNew, Rotation::None, Rotation::Forgiving];
const WITH_GRACE: [Rotation; 3] = [Rotation::GraceSame, Rotation::GraceNew, Rotation::None];

// MPR-02, MPR-09
#[test]
fn without_faults_each_refresh_token_is_sent_once() {
    for rotation in ROTATIONS {
        keeps_all_promises(Scenario { cold: 1, ..Scenario::quiet(rotation) });
    }
    keeps_all_promises(Scenario { processes: 3, cold: 1, ..Scenario::quiet(Rotation::Strict) });
}

// REF-12, MPR-06, CAN-05, CAN-06
#[test]
fn one_fault_loses_no_login_where_the_provider_has_a_grace_window() {
    for rotation in WITH_GRACE {
        keeps_all_promises(Scenario { budget: Budget::any(1), ..Scenario::quiet(rotation) });
    }
}

#[test]
fn one_fault_among_three_processes_loses_no_login_where_the_provider_has_a_grace_window() {
    let budget = Budget { ends: 0, ..Budget::any(1) };
    for rotation in WITH_GRACE {
        keeps_all_promises(Scenario { processes: 3, asks: 1, budget, ..Scenario::quiet(rotation) });
    }
}

// REF-12
#[test]
fn without_the_quick_replay_a_lost_answer_is_made_up_for_by_the_next_refresh() {
    for rotation in WITH_GRACE {
        let scenario = Scenario { replays: false, ..Scenario::quiet(rotation) };
        keeps_all_promises(Scenario { budget: Budget::any(1), ..scenario });
    }
    let scenario = Scenario { replays: false, keeps_login: false, ..Scenario::quiet(Rotation::Strict) };
    keeps_all_promises(Scenario { budget: Budget { lost: 1, faults: 1, ..Budget::NONE }, ..scenario });
}

// REF-06, REF-07, REF-12
#[test]
fn after_two_faults_nothing_is_lost_without_its_name() {
    let budget = Budget::any(2);
    keeps_all_promises(Scenario { budget, keeps_login: false, ..Scenario::quiet(Rotation::Strict) });
}

// REF-06, MPR-04, MPR-05
#[test]
fn pauses_cost_nothing_where_a_second_use_revokes_nothing() {
    let budget = Budget { faults: 2, pause: 2, ..Budget::NONE };
    keeps_all_promises(Scenario { budget, ..Scenario::quiet(Rotation::Forgiving) });
}

// STO-04
#[test]
fn operations_of_the_store_that_fail_cost_nothing() {
    let budget = Budget { faults: 3, store: 3, ..Budget::NONE };
    keeps_all_promises(Scenario { budget, ..Scenario::quiet(Rotation::Strict) });
}

// REF-10, REF-11
#[test]
fn a_back_off_and_a_half_useful_answer_cost_nothing() {
    let budget = Budget { turned_away: 1, salvage: 1, faults: 1, store: 1, ..Budget::NONE };
    keeps_all_promises(Scenario { budget, ..Scenario::quiet(Rotation::Strict) });
}

// REF-12
#[test]
fn a_lost_answer_keeps_its_name_although_the_store_did_not_hear_of_it() {
    let budget = Budget { turned_away: 1, faults: 3, lost: 2, store: 1, ends: 0, ..Budget::NONE };
    keeps_all_promises(Scenario { budget, keeps_login: false, ..Scenario::quiet(Rotation::Strict) });
}

// REF-12
#[test]
fn a_crash_keeps_its_name_although_the_refusal_cannot_be_written() {
    let budget = Budget { faults: 5, crash: 1, store: 4, ends: 0, ..Budget::NONE };
    let scenario = Scenario { budget, asks: 1, ..Scenario::quiet(Rotation::Strict) };
    keeps_all_promises(Scenario { keeps_login: false, ..scenario });
}

// MPR-10, STO-02, LGO-12, REF-08
#[test]
fn a_logout_and_a_new_login_stand_whatever_is_under_way() {
    let budget = Budget { sign_out: 1, sign_in: 1, ends: 0, ..Budget::NONE };
    keeps_all_promises(Scenario { budget, ..Scenario::quiet(Rotation::Strict) });
    let budget = Budget { sign_out: 1, sign_in: 1, ends: 0, ..Budget::any(1) };
    keeps_all_promises(Scenario { budget, asks: 1, ..Scenario::quiet(Rotation::GraceSame) });
}

// RED-01, RED-02
#[test]
fn a_store_that_loses_its_last_write_is_repaired_by_the_writer() {
    let budget = Budget { faults: 1, fail_over: 1, ..Budget::NONE };
    for (rotation, keeps_login) in
        [(Rotation::Strict, false), (Rotation::Forgiving, false), (Rotation::GraceSame, true)]
    {
        let scenario = Scenario { budget, keeps_login, ..Scenario::quiet(rotation) };
        keeps_all_promises(Scenario { lost_writes: 1, ..scenario });
    }
}

// RED-01
#[test]
fn a_process_alone_repairs_whatever_the_store_loses() {
    let budget = Budget { faults: 1, fail_over: 1, ends: 2, ..Budget::NONE };
    let scenario = Scenario { budget, asks: 3, ..Scenario::quiet(Rotation::Strict) };
    for lost_writes in 1..=3 {
        keeps_all_promises(Scenario { processes: 1, lost_writes, ..scenario });
    }
}

#[test]
fn a_store_that_loses_two_writes_leaves_a_new_login_alone() {
    let budget = Budget { faults: 1, fail_over: 1, sign_in: 1, salvage: 1, ends: 0, ..Budget::NONE };
    let scenario = Scenario { budget, lost_writes: 2, asks: 1, ..Scenario::quiet(Rotation::Strict) };
    keeps_all_promises(Scenario { keeps_login: false, ..scenario });
}

#[test]
fn a_plain_rejection_is_not_called_a_lost_answer() {
    let budget = Budget { revoke: 1, ..Budget::NONE };
    keeps_all_promises(Scenario { budget, ..Scenario::quiet(Rotation::Strict) });
}

#[test]
fn a_login_that_spends_nothing_outlives_everything() {
    let budget = Budget { turned_away: 1, ends: 0, ..Budget::any(1) };
    keeps_all_promises(Scenario { spends: false, cold: 2, budget, ..Scenario::quiet(Rotation::None) });
}

#[test]
fn no_contract_saves_a_single_use_token_whose_answer_is_lost() {
    for budget in [
        Budget { faults: 1, lost: 1, ..Budget::NONE },
        Budget { faults: 1, crash: 1, ..Budget::NONE },
        Budget { faults: 1, pause: 1, ..Budget::NONE },
    ] {
        breaks(ENDS_WELL, Scenario { budget, ..Scenario::quiet(Rotation::Strict) });
        keeps_all_promises(Scenario { budget, keeps_login: false, ..Scenario::quiet(Rotation::Strict) });
    }
}

#[test]
fn no_contract_names_what_a_pause_longer_than_an_access_token_lives_does() {
    let budget = Budget { faults: 1, pause: 1, ..Budget::NONE };
    let scenario = Scenario { budget, keeps_login: false, ..Scenario::quiet(Rotation::Strict) };
    breaks(ENDS_WELL, Scenario { long_pauses: true, ..scenario });
}

/// With `MODEL_DEEP` set, all of them at every kind of provider, which takes minutes: `MODEL_DEEP=1 cargo test --release -p
/// oidc-refresh model`. Otherwise the first at the first.
#[test]
fn more_faults_among_more_processes_change_nothing() {
    let (rotations, scenarios) = if std::env::var_os("MODEL_DEEP").is_some() { (5, 7) } else { (1, 1) };
    for rotation in ROTATIONS.into_iter().take(rotations) {
        let keeps_login = WITH_GRACE.contains(&rotation);
        let scenario = Scenario { keeps_login, ..Scenario::quiet(rotation) };
        let named = Scenario { keeps_login: false, ..scenario };
        let one = Budget::any(1);
        let ways = Budget { turned_away: 1, salvage: 1, pause: 0, ..one };
        let logins = Budget { sign_out: 1, sign_in: 1, ..one };
        let fail_over = Budget { fail_over: 1, ..one };
        let all = [
            Scenario { budget: ways, cold: 1, ..scenario },
            Scenario { budget: Budget::any(3), ..named },
            Scenario { budget: Budget { ends: 2, ..Budget::any(2) }, asks: 3, ..named },
            Scenario { budget: one, processes: 3, cold: 1, ..scenario },
            Scenario { budget: logins, ..scenario },
            Scenario { budget: Budget { fail_over: 1, ..logins }, lost_writes: 1, ..scenario },
            Scenario { budget: fail_over, lost_writes: 1, processes: 3, ..scenario },
        ];
        all.into_iter().take(scenarios).for_each(keeps_all_promises);
    }
}
