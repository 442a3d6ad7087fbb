//! Signed out stays signed out, and a newer login is never replaced by an older one.

use std::collections::BTreeMap;

use oidc_core::TokenErrorKind;

use super::{Facts, Found, index::Index, report};
use crate::sim::history::{Event, Fault, Login, Operation, Pid, Write};

pub(super) const STAYS_OUT: &str = "what was signed out does not come back without a new login";
pub(super) const STAYS_NEW: &str = "a refresh never replaces another login";
pub(super) const SEEN_OUT: &str = "a process that has seen a sign-out serves nothing of that login";
pub(super) const SEEN_NEW: &str = "after a sign-in its process serves nothing older";

pub(super) fn check(facts: &Facts, index: &Index<'_>, found: &mut Found) {
    check_records(index, found);
    let mut served = Served::new(facts, index);
    for (at, entry) in index.history.iter().enumerate() {
        served.take(at, &entry.event, found);
    }
}

/// The records as the store wrote them.
fn check_records(index: &Index<'_>, found: &mut Found) {
    let mut rows: BTreeMap<Login, (Option<u16>, usize, bool)> = BTreeMap::new();
    for (at, entry) in index.history.iter().enumerate() {
        match &entry.event {
            Event::Stored { login, write, tokens, .. } => {
                let family = tokens.as_ref().map(|tokens| tokens.refresh.family);
                let (before, since, lost) = rows.get(login).copied().unwrap_or_default();
                if *write == Write::Commit && family != before && !lost {
                    let promise = if before.is_none() { STAYS_OUT } else { STAYS_NEW };
                    report(found, promise, &[since, at]);
                }
                rows.insert(*login, (family, at, lost && *write == Write::Commit));
            }
            Event::Fault { login: Some(login), fault: Fault::WriteLost { write: Some(_) }, .. } => {
                let row = rows.entry(*login).or_default();
                row.2 = true;
            }
            _ => {}
        }
    }
}

/// What callers got, compared with what their process did and saw.
struct Served<'a> {
    facts: &'a Facts,
    index: &'a Index<'a>,
    /// The families of each login that its store has held, or was to hold.
    families: BTreeMap<Login, Vec<u16>>,
    /// What a process must not serve any more, and since when.
    over: BTreeMap<(Pid, Login, u16), (usize, &'static str)>,
    removed: BTreeMap<Login, usize>,
}

impl<'a> Served<'a> {
    fn new(facts: &'a Facts, index: &'a Index<'a>) -> Self {
        let (families, over, removed) = Default::default();
        Self { facts, index, families, over, removed }
    }

    fn take(&mut self, at: usize, event: &Event, found: &mut Found) {
        match event {
            Event::Stored { login, write: Write::Put, tokens: Some(tokens), .. } => {
                self.families.entry(*login).or_default().push(tokens.refresh.family);
                self.removed.remove(login);
            }
            Event::Stored { login, write: Write::Remove, .. } => {
                self.removed.insert(*login, at);
            }
            Event::Fault { login: Some(login), fault: Fault::WriteLost { .. }, .. } => {
                self.over.retain(|(_, other, _), _| other != login);
                self.removed.remove(login);
                self.families.remove(login);
            }
            Event::Answered {
                login,
                process,
                operation: Operation::Load | Operation::Begin,
                done: true,
                shown: None,
            } if self.facts.targets == 1 && self.removed.contains_key(login) => {
                self.end(*process, *login, at, SEEN_OUT, |_| true);
            }
            Event::Ended { call, result } => self.ended(*call, result, at),
            Event::Got { call, access } => {
                let call = &self.index.calls[call];
                let over = call.login.and_then(|login| self.over.get(&(call.process, login, access.family)));
                if let Some((since, promise)) = over.filter(|(since, _)| call.asked > *since) {
                    report(found, promise, &[*since, at]);
                }
            }
            _ => {}
        }
    }

    fn ended(&mut self, call: u32, result: &Result<(), TokenErrorKind>, at: usize) {
        let call = &self.index.calls[&call];
        let (Some(login), Ok(())) = (call.login, result) else { return };
        match self.index.history[call.asked].event {
            Event::SignOut { process, .. } => {
                // A login that came in between is one that this sign-out may have spared.
                let asked = call.asked;
                let index = self.index;
                self.end(process, login, at, SEEN_OUT, |family| put_before(index, family, asked));
            }
            Event::SignIn { process, family, .. } => {
                let index = self.index;
                let asked = call.asked;
                if put_before(index, family, at) {
                    self.end(process, login, at, SEEN_NEW, |other| {
                        other != family && put_before(index, other, asked)
                    });
                }
            }
            _ => {}
        }
    }

    fn end(
        &mut self,
        process: Pid,
        login: Login,
        at: usize,
        promise: &'static str,
        which: impl Fn(u16) -> bool,
    ) {
        for family in self.families.get(&login).into_iter().flatten().filter(|family| which(**family)) {
            self.over.entry((process, login, *family)).or_insert((at, promise));
        }
    }
}

/// Whether the login had been written before.
fn put_before(index: &Index<'_>, family: u16, before: usize) -> bool {
    index.history[..before].iter().any(|entry| match &entry.event {
        Event::Stored { write: Write::Put, tokens: Some(tokens), .. } => tokens.refresh.family == family,
        _ => false,
    })
}
