//! When nothing goes wrong any more, everything is as it should be after a while, without a restart.

use std::collections::{BTreeMap, BTreeSet};

use oidc_core::{Cause, TokenErrorKind};

use super::{Facts, Found, index::Index, report};
use crate::sim::history::{Event, Fault, Login, Refresh, Saved, Verdict};

pub(super) const LIVING_SERVED: &str = "when faults have stopped, a living login gives tokens";
pub(super) const DEAD_NAMED: &str = "when faults have stopped, a dead login asks for a new one";
pub(super) const NOT_STUCK: &str = "everybody gets an answer";

pub(super) fn check(_: &Facts, index: &Index<'_>, found: &mut Found) {
    let mut truth = Truth::default();
    let mut last = None;
    for (at, entry) in index.history.iter().enumerate() {
        match &entry.event {
            Event::Final => last = Some(at),
            Event::Stuck => report(found, NOT_STUCK, &[at]),
            Event::Got { call, access } => {
                let call = &index.calls[call];
                if last.is_some_and(|last| call.asked > last)
                    && truth.family(call.login).is_none_or(|family| family != access.family)
                {
                    report(found, DEAD_NAMED, &[at]);
                }
            }
            Event::Failed { call, error } => {
                let call = &index.calls[call];
                if last.is_some_and(|last| call.asked > last) {
                    truth.check_failure(call.login, *error, at, found);
                }
            }
            event => truth.take(event),
        }
    }
}

/// What became of logins, by what the provider and the store did.
#[derive(Default)]
struct Truth {
    rows: BTreeMap<Login, Vec<Option<Saved>>>,
    dead: BTreeSet<u16>,
    spent: BTreeSet<Refresh>,
    /// By request.
    sent: BTreeMap<u16, Refresh>,
}

impl Truth {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Stored { login, tokens, .. } => self.rows.entry(*login).or_default().push(tokens.clone()),
            Event::Fault { login: Some(login), fault: Fault::WriteLost { write: Some(_) }, .. } => {
                self.rows.entry(*login).or_default().pop();
            }
            Event::Fault { fault: Fault::FamilyRevoked { family }, .. } => {
                self.dead.insert(*family);
            }
            Event::Discarded { refresh } => {
                self.dead.insert(refresh.family);
            }
            Event::Sent { request, refresh, .. } => {
                self.sent.insert(*request, *refresh);
            }
            Event::Handled { request, verdict } => match verdict {
                Verdict::Reused => {
                    self.dead.insert(self.sent[request].family);
                }
                Verdict::Spent => {
                    self.spent.insert(self.sent[request]);
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn row(&self, login: Option<Login>) -> Option<&Saved> {
        self.rows.get(&login?)?.last()?.as_ref()
    }

    fn family(&self, login: Option<Login>) -> Option<u16> {
        self.row(login).map(|saved| saved.refresh.family)
    }

    fn check_failure(&self, login: Option<Login>, error: TokenErrorKind, at: usize, found: &mut Found) {
        let saved = self.row(login);
        let lives = saved.is_some_and(|saved| {
            !self.dead.contains(&saved.refresh.family) && !self.spent.contains(&saved.refresh)
        });
        match (saved, error) {
            (None, TokenErrorKind::ReauthRequired(Cause::LoggedOut)) => {}
            (Some(_), TokenErrorKind::ReauthRequired(_)) if !lives => {}
            _ if lives => report(found, LIVING_SERVED, &[at]),
            _ => report(found, DEAD_NAMED, &[at]),
        }
    }
}
