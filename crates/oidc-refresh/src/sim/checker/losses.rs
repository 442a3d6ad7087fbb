//! No login is lost in silence: each loss stands against a fault, and is named.

use oidc_core::{Cause, TokenErrorKind};

use super::{Facts, Found, index::Index, report};
use crate::sim::{
    history::{Event, Fault, Login, Verdict},
    provider::Rotation,
};

pub(super) const AGAINST_A_FAULT: &str = "no login is lost without a fault";
pub(super) const GRACE_SAVES: &str =
    "no single fault loses a login at a provider with a grace window that is long enough";
pub(super) const NAMED: &str = "a login that was lost is called so";
pub(super) const LIVING_STAYS: &str = "a login that is in the store is not revoked";

pub(super) fn check(facts: &Facts, index: &Index<'_>, found: &mut Found) {
    for request in &index.requests {
        let Some((at, Verdict::Reused | Verdict::Spent)) = request.handled else { continue };
        let faults = || index.faults.iter().filter(|(fault, ..)| *fault < at);
        if faults().all(|(.., fault)| is_harmless(*fault)) {
            report(found, AGAINST_A_FAULT, &[request.sent, at]);
        }
        let stood_still = faults().any(|(.., fault)| *fault == Fault::Pause);
        if has_enough_grace(facts) && faults().count() <= 1 && !stood_still {
            report(found, GRACE_SAVES, &[request.sent, at]);
        }
    }
    check_names(index, found);
    check_revocations(index, found);
}

/// A login whose refresh token was spent in vain is `RefreshOutcomeUnknown` to callers.
fn check_names(index: &Index<'_>, found: &mut Found) {
    let mut lost: Vec<(Login, usize)> = Vec::new();
    for (at, entry) in index.history.iter().enumerate() {
        match entry.event {
            Event::Handled { request, verdict: Verdict::Reused | Verdict::Spent } => {
                let sent = index.requests.iter().find(|sent| {
                    sent.handled.is_some_and(|(handled, _)| handled == at) && usize::from(request) > 0
                });
                lost.extend(sent.map(|sent| (sent.login, at)));
            }
            Event::Stored { login, .. } => lost.retain(|(other, _)| *other != login),
            Event::Failed { call, error: TokenErrorKind::ReauthRequired(Cause::GrantRejected) } => {
                let login = index.calls[&call].login;
                let lost = lost.iter().find(|(other, _)| Some(*other) == login);
                if let Some((login, lost)) = lost.filter(|(login, _)| !is_unnameable(index, *login, at)) {
                    let _ = login;
                    report(found, NAMED, &[*lost, at]);
                }
            }
            _ => {}
        }
    }
}

/// What has no name: a process that stood still before it sent, a store that forgot, a login that was ended at the provider anyway.
fn is_unnameable(index: &Index<'_>, login: Login, before: usize) -> bool {
    index.lost_write(login, before)
        || index.faults.iter().any(|&(at, _, which, fault)| {
            at < before
                && (fault == Fault::Pause
                    || (which == Some(login) && matches!(fault, Fault::FamilyRevoked { .. })))
        })
}

fn check_revocations(index: &Index<'_>, found: &mut Found) {
    let mut stored: Vec<(Login, u16)> = Vec::new();
    for (at, entry) in index.history.iter().enumerate() {
        match &entry.event {
            Event::Stored { login, tokens, .. } => {
                stored.retain(|(other, _)| other != login);
                stored.extend(tokens.as_ref().map(|tokens| (*login, tokens.refresh.family)));
            }
            Event::Discarded { refresh } => {
                let living = stored.iter().find(|(_, family)| *family == refresh.family);
                if living.is_some_and(|(login, _)| !index.lost_write(*login, at)) {
                    report(found, LIVING_STAYS, &[at]);
                }
            }
            _ => {}
        }
    }
}

fn has_enough_grace(facts: &Facts) -> bool {
    match facts.rotation {
        Rotation::GraceSame(grace) | Rotation::GraceNew(grace) => {
            // A crash is noticed after a lease, a silent loss after a request, and somebody has to ask then.
            grace >= facts.lease_ttl + facts.request_timeout + std::time::Duration::from_secs(15)
        }
        _ => false,
    }
}

/// Faults that no login can be lost by.
fn is_harmless(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::TurnedAway
            | Fault::NotPrepared
            | Fault::AccessRevoked
            | Fault::FamilyRevoked { .. }
            | Fault::WallClock { .. }
    )
}
