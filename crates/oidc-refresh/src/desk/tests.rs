//! What short lives mean at the desk.

use std::time::Duration;

use oidc_core::BootTime;

use super::{Desk, Ending, Entry, Landing, Token};
use crate::{decide::Timing, policy::RefreshPolicy};

fn at(milliseconds: u64) -> BootTime {
    BootTime::from_origin(Duration::from_millis(milliseconds))
}

/// A token that came at 0 and ends after so many seconds.
fn token(seconds: u64) -> Token {
    let timing = Timing { refresh_at: at(seconds * 800), ends_at: at(seconds * 1_000) };
    Token { generation: 1, timing, received: at(0), rejected: false }
}

// CLK-04
#[test]
fn a_short_life_is_not_just_won_for_most_of_it() {
    let policy = RefreshPolicy::default();
    assert!(token(2).is_early(at(100), &policy) && !token(2).is_early(at(1_900), &policy));
    assert!(token(600).is_early(at(9_900), &policy) && !token(600).is_early(at(10_100), &policy));
}

// CLK-04, REF-04
#[test]
fn those_who_wait_for_a_save_get_no_token_that_ended_meanwhile() {
    let policy = RefreshPolicy::default();
    let landing = |served: bool| {
        let mut desk = Desk::<oidc_core::TokenError>::default();
        let Entry::Start(mut ticket) = desk.enter(at(0), None) else { panic!("nothing is there") };
        if served {
            (_, ticket) = desk.serve_unsaved(ticket, at(100), Some(token(2)), &policy);
        }
        desk.land(ticket, at(5_000), Some(token(2)), Ending::Renewed, &policy)
    };
    assert!(matches!(landing(false), Landing::Over(1)), "it ended on its way: the API shall judge");
    assert!(matches!(landing(true), Landing::Changed), "it was served while it was good");
}
