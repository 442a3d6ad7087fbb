//! A history in the order in which rules ask for it.

use std::{collections::BTreeMap, time::Duration};

use super::super::history::{
    Access, CallId, Entry, Event, Fault, Heard, Login, Operation, Pid, Refresh, RequestId, TargetNumber,
    Verdict,
};

pub(super) struct Index<'a> {
    pub(super) history: &'a [Entry],
    /// In the order in which they were sent.
    pub(super) requests: Vec<Request>,
    pub(super) calls: BTreeMap<CallId, Call>,
    /// What brought an access token.
    pub(super) origins: BTreeMap<Access, Origin>,
    pub(super) faults: Vec<(usize, Option<Pid>, Option<Login>, Fault)>,
}

/// One token request. Numbers are places in the history.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) process: Pid,
    pub(super) login: Login,
    pub(super) target: TargetNumber,
    pub(super) refresh: Refresh,
    /// Where the process got its lease.
    pub(super) begun: usize,
    pub(super) sent: usize,
    pub(super) handled: Option<(usize, Verdict)>,
    pub(super) heard: Option<(usize, Heard)>,
}

/// One call of an application.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) process: Pid,
    pub(super) login: Option<Login>,
    pub(super) target: TargetNumber,
    pub(super) asked: usize,
    pub(super) ended: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) at: usize,
    pub(super) refresh: Refresh,
    pub(super) life: Option<Duration>,
    /// The place in `requests`; none for a login.
    pub(super) request: Option<usize>,
}

impl<'a> Index<'a> {
    pub(super) fn of(history: &'a [Entry]) -> Self {
        let mut index = Self {
            history,
            requests: Vec::new(),
            calls: BTreeMap::new(),
            origins: BTreeMap::new(),
            faults: Vec::new(),
        };
        let mut places = BTreeMap::new();
        let mut begun = BTreeMap::new();
        for (at, entry) in history.iter().enumerate() {
            index.take(at, &entry.event, &mut places, &mut begun);
        }
        index
    }

    fn take(
        &mut self,
        at: usize,
        event: &Event,
        places: &mut BTreeMap<RequestId, usize>,
        begun: &mut BTreeMap<(Pid, Login), usize>,
    ) {
        match *event {
            Event::Answered { login, process, operation: Operation::Begin, .. } => {
                begun.insert((process, login), at);
            }
            Event::Granted { family, access, life, .. } => {
                let refresh = Refresh { family, number: 0 };
                self.origins.insert(access, Origin { at, refresh, life, request: None });
            }
            Event::Sent { request, process, login, target, refresh } => {
                places.insert(request, self.requests.len());
                let begun = begun.get(&(process, login)).copied().unwrap_or(at);
                let request =
                    Request { process, login, target, refresh, begun, sent: at, handled: None, heard: None };
                self.requests.push(request);
            }
            Event::Handled { request, verdict } => {
                let place = places[&request];
                self.requests[place].handled = Some((at, verdict));
                if let Verdict::Issued { access, refresh, life } = verdict {
                    self.origins.insert(access, Origin { at, refresh, life, request: Some(place) });
                }
            }
            Event::Heard { request, heard } => self.requests[places[&request]].heard = Some((at, heard)),
            Event::Asked { call, process, login, target } => {
                self.open(at, call, process, Some(login), target)
            }
            Event::SignIn { call, process, login, .. } | Event::SignOut { call, process, login } => {
                self.open(at, call, process, Some(login), 0);
            }
            Event::ShutDown { call, process } => self.open(at, call, process, None, 0),
            Event::Got { call, .. }
            | Event::Failed { call, .. }
            | Event::GaveUp { call }
            | Event::Ended { call, .. } => {
                self.calls.get_mut(&call).unwrap().ended = Some(at);
            }
            Event::Fault { process, login, fault } => self.faults.push((at, process, login, fault)),
            _ => {}
        }
    }

    fn open(&mut self, at: usize, call: CallId, process: Pid, login: Option<Login>, target: TargetNumber) {
        self.calls.insert(call, Call { process, login, target, asked: at, ended: None });
    }

    pub(super) fn time(&self, at: usize) -> Duration {
        self.history[at].at
    }

    /// Whether such a fault befell this process, or this login, or all, between two places of the history.
    pub(super) fn befell(
        &self,
        (from, to): (usize, usize),
        (process, login): (Pid, Login),
        of_kind: impl Fn(Fault) -> bool,
    ) -> bool {
        self.faults.iter().any(|&(at, whose, which, fault)| {
            (from..=to).contains(&at)
                && whose.is_none_or(|whose| whose == process)
                && which.is_none_or(|which| which == login)
                && of_kind(fault)
        })
    }

    /// Whether a write to the record of this login was lost before.
    pub(super) fn lost_write(&self, login: Login, before: usize) -> bool {
        self.faults.iter().any(|&(at, _, which, fault)| {
            at < before && which == Some(login) && matches!(fault, Fault::WriteLost { .. })
        })
    }

    /// All calls that ended with a token: the call, where, and which.
    pub(super) fn served(&self) -> impl Iterator<Item = (&Call, usize, Access)> {
        self.history.iter().enumerate().filter_map(|(at, entry)| match entry.event {
            Event::Got { call, access } => Some((&self.calls[&call], at, access)),
            _ => None,
        })
    }
}

impl Request {
    /// Until where of the history the process waited for the answer.
    pub(super) fn until(&self) -> usize {
        self.heard.map_or(usize::MAX, |(at, _)| at)
    }

    pub(super) fn whose(&self) -> (Pid, Login) {
        (self.process, self.login)
    }
}

/// What keeps a process from looking after its lease, or from telling the store what it won.
pub(super) fn hinders(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Crash
            | Fault::Pause
            | Fault::StoreFails { .. }
            | Fault::StoreSlow { .. }
            | Fault::WriteLost { .. }
    )
}
