//! What the desk promises.
//!
//! With `MODEL_DEEP=1` everybody comes once more or more time passes, which takes minutes: `MODEL_DEEP=1 cargo test --release
//! -p oidc-refresh desk`.

use super::{
    promises::keeps_all_promises,
    scenario::{Budget, Scenario, Start, is_deep},
};

const STARTS: [Start; 3] = [Start::Fresh, Start::Due, Start::Ended];

/// `more` is what comes on top where there is time.
#[track_caller]
fn explore(callers: u8, asks: u8, start: Start, budget: Budget, more: Budget) {
    let budget = if is_deep() { budget.and(more) } else { budget };
    keeps_all_promises(Scenario::of(callers, asks, start, budget));
}

const TIME: Budget = Budget { time: 1, ..Budget::NONE };

// REF-01, REF-02, REF-03, CAN-01
#[test]
fn four_callers_share_one_refresh_however_it_ends() {
    let budget = Budget { time: 2, fail: 1, give_up: 2, die: 1, ..Budget::NONE };
    explore(4, 1, Start::Fresh, budget.and(TIME), Budget { fail: 1, ..TIME });
    explore(4, 1, Start::Due, budget, Budget { fail: 1, ..TIME });
    explore(4, 1, Start::Ended, budget, Budget { fail: 1, ..TIME });
}

// REF-01, REF-02, REF-03
#[test]
fn who_comes_again_finds_the_failure_until_its_back_off_ends() {
    let budget = Budget { time: 3, fail: 2, ..Budget::NONE };
    for start in [Start::Due, Start::Ended] {
        explore(2, 2, start, budget, Budget { give_up: 1, ..TIME });
    }
}

// REF-21, LAY-08
#[test]
fn four_callers_report_what_apis_reject() {
    let budget = Budget { time: 1, reject: 3, odd: 1, ..Budget::NONE };
    explore(4, 1, Start::Fresh, budget, TIME);
}

// REF-21, LAY-08
#[test]
fn an_api_that_rejects_everything_makes_no_storm() {
    let budget = Budget { time: 2, reject: 3, odd: 1, ..Budget::NONE };
    explore(2, 2, Start::Fresh, budget, Budget { lose: 1, ..TIME });
}

// REF-11, LAY-08
#[test]
fn a_lost_answer_is_replayed_once_and_quickly() {
    let budget = Budget { time: 2, lose: 2, adopt: 1, die: 1, ..Budget::NONE };
    explore(2, 2, Start::Ended, budget, Budget { reject: 1, ..TIME });
}

// STO-04, REF-19
#[test]
fn tokens_that_cannot_be_saved_are_served() {
    let budget = Budget { time: 2, store: 2, odd: 1, die: 1, ..Budget::NONE };
    explore(3, 1, Start::Ended, budget, Budget { reject: 1, give_up: 1, ..TIME });
}

// LGO-12, REF-08
#[test]
fn a_sign_out_ends_everything_at_once() {
    let budget = Budget { time: 1, sign_out: 1, fail: 1, store: 1, ..Budget::NONE };
    for start in [Start::Due, Start::Ended] {
        explore(4, 1, start, budget, Budget { give_up: 1, ..TIME });
    }
}

// REF-08, LGO-12
#[test]
fn a_new_login_wins_against_everything_that_began_before() {
    let budget = Budget { sign_in: 1, fail: 1, adopt: 1, ..Budget::NONE };
    explore(3, 1, Start::Due, budget.and(TIME), Budget { store: 1, ..TIME });
    explore(2, 2, Start::Ended, budget, Budget { store: 1, ..TIME });
}

// LGO-12
#[test]
fn who_signs_in_and_who_signs_out_agree_who_was_last() {
    let budget = Budget { sign_in: 1, sign_out: 1, ..Budget::NONE };
    for more in [Budget { sign_in: 1, ..Budget::NONE }, Budget { sign_out: 1, ..Budget::NONE }] {
        explore(1, 2, Start::Ended, budget.and(more), Budget { adopt: 1, ..TIME });
    }
    explore(3, 1, Start::Due, budget, Budget { sign_in: 1, sign_out: 1, ..Budget::NONE });
}

// LGO-12
#[test]
fn a_look_at_the_store_brings_no_login_back() {
    let budget = Budget { time: 2, look: 1, sign_out: 1, ..Budget::NONE };
    explore(2, 2, Start::Fresh, budget, Budget { sign_in: 1, ..TIME });
    let budget = Budget { time: 1, look: 1, sign_in: 1, adopt: 1, ..Budget::NONE };
    explore(1, 2, Start::Fresh, budget, Budget { sign_out: 1, ..TIME });
}

// CAN-04
#[test]
fn after_a_shutdown_nobody_gets_anything() {
    let budget = Budget { time: 1, shut_down: 1, store: 1, fail: 1, reject: 1, ..Budget::NONE };
    for start in STARTS {
        explore(4, 1, start, budget, Budget { sign_out: 1, ..TIME });
    }
}
