//! Made-up histories: good ones that the checker has to let pass, and for each promise a bad one that it has to notice.

use std::time::Duration;

use oidc_core::{Cause, TokenErrorKind};

use super::{Facts, alive, durable, judge, logins, losses, pace, recovery, sends, waits};
use crate::sim::{
    history::{
        Access, Entry, Event, Fault, Heard, Operation, Pid, Refresh, RequestId, Saved, Verdict, Write,
    },
    provider::Rotation,
};

const HERE: Pid = Pid { place: 0, start: 0 };
const THERE: Pid = Pid { place: 1, start: 0 };
const LIFE: Duration = Duration::from_secs(60);
const REAUTH: TokenErrorKind = TokenErrorKind::ReauthRequired(Cause::GrantRejected);
const LOST: Verdict = Verdict::Reused;

/// A history in the making.
struct Tale {
    facts: Facts,
    now: Duration,
    history: Vec<Entry>,
}

impl Tale {
    /// Somebody has logged in and is served `a0.1`, over `r0.0`.
    fn begun() -> Self {
        let seconds = Duration::from_secs;
        let facts = Facts {
            rotation: Rotation::Strict,
            targets: 1,
            min_interval: seconds(1),
            lease_ttl: seconds(3),
            request_timeout: seconds(8),
            patience: seconds(200),
        };
        let tale = Self { facts, now: Duration::ZERO, history: Vec::new() };
        tale.sign_in(0, 1).call(1, HERE, Ok(1))
    }

    fn note(mut self, event: Event) -> Self {
        self.now += Duration::from_millis(10);
        self.history.push(Entry { at: self.now, event });
        self
    }

    fn after(mut self, seconds: u64) -> Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    fn sign_in(self, family: u16, number: u16) -> Self {
        let access = Access { family, number };
        let call = 1_000 + u32::from(family);
        self.note(Event::Granted { login: 0, family, access, life: Some(LIFE) })
            .note(Event::SignIn { call, process: HERE, login: 0, family })
            .stored(HERE, Write::Put, (family, 0), number)
            .note(Event::Ended { call, result: Ok(()) })
    }

    fn sign_out(self) -> Self {
        self.note(Event::SignOut { call: 2_000, process: HERE, login: 0 })
            .note(Event::Stored { login: 0, process: HERE, write: Write::Remove, tokens: None })
            .note(Event::Ended { call: 2_000, result: Ok(()) })
    }

    fn stored(self, process: Pid, write: Write, (family, number): (u16, u16), access: u16) -> Self {
        let tokens =
            Saved { refresh: Refresh { family, number }, access: vec![Access { family, number: access }] };
        self.note(Event::Stored { login: 0, process, write, tokens: Some(tokens) })
    }

    fn sent(self, request: RequestId, process: Pid, number: u16) -> Self {
        let refresh = Refresh { family: 0, number };
        self.note(Event::Answered {
            login: 0,
            process,
            operation: Operation::Begin,
            done: true,
            shown: Some(refresh),
        })
        .note(Event::Sent { request, process, login: 0, target: 0, refresh })
    }

    fn answered(self, request: RequestId, verdict: Verdict, heard: Heard) -> Self {
        self.note(Event::Handled { request, verdict }).note(Event::Heard { request, heard })
    }

    /// The request brings this access token and the refresh token of this number.
    fn won(self, request: RequestId, access: u16, number: u16) -> Self {
        self.answered(request, issued(access, number), Heard::Tokens)
    }

    /// A call, and what it brought.
    fn call(self, call: u32, process: Pid, outcome: Result<u16, TokenErrorKind>) -> Self {
        let tale = self.note(Event::Asked { call, process, login: 0, target: 0 });
        tale.note(match outcome {
            Ok(number) => Event::Got { call, access: Access { family: 0, number } },
            Err(error) => Event::Failed { call, error },
        })
    }

    fn fault(self, process: Option<Pid>, fault: Fault) -> Self {
        self.note(Event::Fault { process, login: Some(0), fault })
    }

    fn rejected(self, number: u16) -> Self {
        let access = Access { family: 0, number };
        self.note(Event::Rejected { process: HERE, login: 0, target: 0, access })
    }

    #[track_caller]
    fn passes(self) {
        assert_eq!(judge(&self.facts, &self.history), [], "{:#?}", self.history);
    }

    #[track_caller]
    fn breaks(self, promise: &str) {
        let broken: Vec<_> = judge(&self.facts, &self.history).iter().map(|found| found.promise).collect();
        assert_eq!(broken, [promise], "{:#?}", self.history);
    }
}

fn issued(access: u16, number: u16) -> Verdict {
    let (access, refresh) = (Access { family: 0, number: access }, Refresh { family: 0, number });
    Verdict::Issued { access, refresh, life: Some(LIFE) }
}

#[test]
fn a_refresh_by_the_book_passes() {
    Tale::begun()
        .sent(1, HERE, 0)
        .won(1, 2, 1)
        .stored(HERE, Write::Commit, (0, 1), 2)
        .call(2, HERE, Ok(2))
        .passes();
}

#[test]
fn a_replay_after_a_lost_answer_passes_and_a_second_send_without_one_is_not() {
    let replay = |tale: Tale, heard| tale.answered(1, issued(2, 1), heard).after(1).sent(2, THERE, 0);
    let lost = Tale::begun().fault(Some(HERE), Fault::AnswerLost).sent(1, HERE, 0);
    replay(lost, Heard::Unknown).passes();
    replay(Tale::begun().sent(1, HERE, 0), Heard::Tokens).breaks(sends::ONCE);
}

#[test]
fn a_crash_excuses_a_second_send_and_not_one_of_another_process() {
    let again = |tale: Tale| {
        tale.note(Event::Handled { request: 1, verdict: issued(2, 1) }).after(4).sent(2, THERE, 0)
    };
    again(Tale::begun().sent(1, HERE, 0).fault(Some(HERE), Fault::Crash)).passes();
    let broken = again(Tale::begun().sent(1, HERE, 0).fault(Some(THERE), Fault::Crash));
    let broken: Vec<_> = judge(&broken.facts, &broken.history).iter().map(|found| found.promise).collect();
    assert_eq!(broken, [sends::ONCE, sends::ALONE]);
}

#[test]
fn two_tokens_of_one_login_under_way_at_once_are_noticed() {
    let tale = Tale::begun().sent(1, HERE, 0).note(Event::Handled { request: 1, verdict: issued(2, 1) });
    tale.sent(2, THERE, 1).breaks(sends::ALONE);
}

#[test]
fn a_refused_token_that_is_sent_again_is_noticed() {
    let tale = Tale::begun().sent(1, HERE, 0).answered(1, Verdict::Refused, Heard::Refused).after(2);
    tale.sent(2, HERE, 0).breaks(sends::REFUSED_RESTS);
}

#[test]
fn a_token_without_a_saved_successor_is_noticed_unless_the_store_failed() {
    let won = || Tale::begun().sent(1, HERE, 0).won(1, 2, 1);
    won().call(2, HERE, Ok(2)).breaks(durable::SAVED_FIRST);
    let fails = Fault::StoreFails { operation: Operation::Commit, done: false };
    won().fault(Some(HERE), fails).call(2, HERE, Ok(2)).passes();
}

#[test]
fn an_ended_token_is_noticed() {
    Tale::begun().after(59).call(2, HERE, Ok(1)).passes();
    Tale::begun().after(61).call(2, HERE, Ok(1)).breaks(alive::NOT_ENDED);
}

#[test]
fn a_rejected_token_is_noticed_and_one_that_was_asked_for_before_passes() {
    Tale::begun().rejected(1).call(2, HERE, Ok(1)).breaks(alive::NOT_REJECTED);
    Tale::begun().rejected(1).call(2, THERE, Ok(1)).passes();
    let asked = Tale::begun().note(Event::Asked { call: 2, process: HERE, login: 0, target: 0 }).rejected(1);
    asked.note(Event::Got { call: 2, access: Access { family: 0, number: 1 } }).passes();
}

#[test]
fn a_storm_is_noticed_and_one_quick_replay_passes() {
    let lost = |tale: Tale, request| {
        tale.sent(request, HERE, 0).answered(request, Verdict::TurnedAway, Heard::Unknown)
    };
    let replayed = || lost(lost(Tale::begun(), 1), 2);
    replayed().passes();
    lost(replayed(), 3).breaks(pace::DISTANCE);
    lost(replayed().after(1), 3).passes();
}

#[test]
fn a_retry_after_that_somebody_else_ignores_is_noticed() {
    let turned_away = |seconds| {
        let retry_after = Some(Duration::from_secs(10));
        let tale = Tale::begun().sent(1, HERE, 0);
        tale.answered(1, Verdict::TurnedAway, Heard::NotProcessed { retry_after })
            .after(seconds)
            .sent(2, THERE, 0)
    };
    turned_away(5).breaks(pace::LEFT_ALONE);
    turned_away(10).passes();
}

/// A replay in vain, after this fault.
fn spent_in_vain(fault: Fault) -> Tale {
    let tale = Tale::begun().fault(Some(HERE), fault).sent(1, HERE, 0);
    tale.answered(1, issued(2, 1), Heard::Unknown).after(1).sent(2, HERE, 0).answered(2, LOST, Heard::Refused)
}

#[test]
fn a_loss_without_a_fault_is_noticed() {
    spent_in_vain(Fault::AnswerLost).passes();
    spent_in_vain(Fault::TurnedAway).breaks(losses::AGAINST_A_FAULT);
}

#[test]
fn a_loss_by_one_fault_in_spite_of_a_grace_window_is_noticed() {
    let mut tale = spent_in_vain(Fault::AnswerLost);
    tale.facts.rotation = Rotation::GraceSame(Duration::from_secs(60));
    tale.breaks(losses::GRACE_SAVES);
}

#[test]
fn a_loss_that_is_called_a_plain_rejection_is_noticed() {
    let named = TokenErrorKind::ReauthRequired(Cause::RefreshOutcomeUnknown);
    spent_in_vain(Fault::AnswerLost).call(2, HERE, Err(named)).passes();
    spent_in_vain(Fault::AnswerLost).call(2, HERE, Err(REAUTH)).breaks(losses::NAMED);
}

#[test]
fn a_living_login_that_is_revoked_is_noticed() {
    let refresh = Refresh { family: 0, number: 1 };
    Tale::begun().note(Event::Discarded { refresh }).breaks(losses::LIVING_STAYS);
    Tale::begun().sign_out().note(Event::Discarded { refresh }).passes();
}

#[test]
fn a_logout_or_a_login_that_a_late_answer_undoes_is_noticed() {
    let won = || Tale::begun().sent(1, HERE, 0).won(1, 2, 1);
    let late = |tale: Tale| tale.stored(HERE, Write::Commit, (0, 1), 2);
    late(won().sign_out()).breaks(logins::STAYS_OUT);
    late(won().sign_in(1, 3)).breaks(logins::STAYS_NEW);
}

#[test]
fn a_login_that_is_served_after_its_end_was_seen_is_noticed() {
    let seen =
        Event::Answered { login: 0, process: THERE, operation: Operation::Load, done: true, shown: None };
    Tale::begun().sign_out().call(2, THERE, Ok(1)).passes();
    Tale::begun().sign_out().call(2, HERE, Ok(1)).breaks(logins::SEEN_OUT);
    Tale::begun().sign_out().note(seen).call(2, THERE, Ok(1)).breaks(logins::SEEN_OUT);
    Tale::begun().sign_in(1, 3).call(2, HERE, Ok(1)).breaks(logins::SEEN_NEW);
}

#[test]
fn what_has_not_recovered_is_noticed() {
    let transient = || TokenErrorKind::NotProcessed;
    let end = |tale: Tale| tale.note(Event::Calm).note(Event::Final);
    end(Tale::begun()).call(2, HERE, Ok(1)).passes();
    end(Tale::begun()).call(2, HERE, Err(transient())).breaks(recovery::LIVING_SERVED);
    end(Tale::begun().sign_out()).call(2, HERE, Err(transient())).breaks(recovery::DEAD_NAMED);
    end(Tale::begun()).note(Event::Stuck).breaks(recovery::NOT_STUCK);
}

#[test]
fn a_call_without_an_end_is_noticed_unless_its_process_has_one() {
    let asked = || Tale::begun().note(Event::Asked { call: 2, process: HERE, login: 0, target: 0 });
    asked().after(500).note(Event::Final).breaks(waits::ANSWERED);
    asked().fault(Some(HERE), Fault::Crash).after(500).note(Event::Final).passes();
}

#[test]
fn a_process_that_sends_after_its_shutdown_is_noticed() {
    let shut = Tale::begun().note(Event::ShutDown { call: 2, process: HERE });
    shut.note(Event::Ended { call: 2, result: Ok(()) }).sent(1, HERE, 0).breaks(waits::DRAINED);
}
