//! Signing in and out, and looking at the store: the shell's side of it, cut where somebody else can come in between.

use super::{
    scenario::Scenario,
    variant::Variant,
    world::{Kind, PAUSE, Why, World},
};
use crate::desk::Mode;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Logins {
    /// What is in the store.
    pub(super) row: Option<Record>,
    /// Rises with each change of the row.
    version: u8,
    /// What this process remembers of it.
    pub(super) ledger: Option<Record>,
    last: u8,
    out: Option<SignOut>,
    sign_in: Option<SignIn>,
    look: Option<Look>,
}

/// The tokens of a login: which login, and how often they were renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) login: u8,
    serial: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct SignOut {
    epoch: u32,
    /// What was removed, once it was.
    removed: Option<Option<Record>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct SignIn {
    login: u8,
    epoch: u32,
    /// A sign-out was under way before.
    leaving: bool,
    /// It was in the store.
    done: bool,
    /// Somebody signed in or out since, and it waits until that is over.
    overtaken: bool,
    /// What was in the store before, once that was read, and at which version.
    before: Option<(Option<Record>, u8)>,
    /// What the store answered: the login is there.
    put: Option<Record>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Look {
    epoch: Option<u32>,
    row: Option<Option<Record>>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    SignOut,
    Remove,
    Told,
    SignIn,
    Load,
    Put,
    Begin,
    /// A login that was overtaken asks the store again.
    Resume,
    /// A look at the store takes its next step.
    Look,
    ShutDown,
}

impl Default for Logins {
    fn default() -> Self {
        let row = Some(Record { login: 1, serial: 0 });
        Self { row, version: 0, ledger: row, last: 1, out: None, sign_in: None, look: None }
    }
}

impl Record {
    pub(super) fn next(self) -> Self {
        Self { serial: self.serial + 1, ..self }
    }
}

impl Logins {
    /// Another process renews the tokens.
    pub(super) fn commit_elsewhere(&mut self) {
        self.row = self.row.map(Record::next);
    }

    pub(super) fn events(&self, world: &World) -> Vec<Event> {
        let out = match self.out {
            None => (world.left.sign_out > 0).then_some(Event::SignOut),
            Some(SignOut { removed: None, .. }) => Some(Event::Remove),
            Some(SignOut { removed: Some(_), .. }) => Some(Event::Told),
        };
        let sign_in = match self.sign_in {
            None => (world.left.sign_in > 0).then_some(Event::SignIn),
            Some(SignIn { before: None, .. }) => Some(Event::Load),
            Some(SignIn { overtaken: true, .. }) => {
                (world.desk.mode() != Mode::SigningOut).then_some(Event::Resume)
            }
            Some(SignIn { put: None, .. }) => Some(Event::Put),
            Some(SignIn { put: Some(_), .. }) => Some(Event::Begin),
        };
        let look = self.look.map(|_| Event::Look);
        let shut_down = (world.left.shut_down > 0).then_some(Event::ShutDown);
        [out, sign_in, look, shut_down].into_iter().flatten().collect()
    }
}

impl World {
    pub(super) fn happens(&mut self, scenario: &Scenario, event: Event) {
        match event {
            Event::SignOut => self.sign_out(),
            Event::Remove => {
                let row = self.logins.row.take();
                self.logins.version += 1;
                if let Some(out) = &mut self.logins.out {
                    out.removed = Some(row);
                }
            }
            Event::Told => self.told(scenario),
            Event::SignIn => {
                self.left.sign_in -= 1;
                self.logins.last += 1;
                self.let_go();
                let (login, epoch) = (self.logins.last, self.desk.epoch());
                let leaving = self.desk.mode() == Mode::SigningOut;
                self.logins.sign_in = Some(SignIn {
                    login,
                    epoch,
                    leaving,
                    done: false,
                    overtaken: false,
                    before: None,
                    put: None,
                });
            }
            Event::Load => {
                let before = (self.logins.row, self.logins.version);
                if let Some(sign_in) = &mut self.logins.sign_in {
                    sign_in.before = Some(before);
                }
            }
            Event::Put => self.put(),
            Event::Begin => self.begin(scenario),
            Event::Resume => {
                let epoch = self.desk.epoch();
                if let Some(sign_in) = &mut self.logins.sign_in {
                    (sign_in.epoch, sign_in.overtaken) = (epoch, false);
                }
            }
            Event::Look => self.look_on(scenario),
            Event::ShutDown => {
                self.left.shut_down -= 1;
                self.desk.close();
                self.token = None;
                self.seen.closed = true;
            }
        }
    }

    fn sign_out(&mut self) {
        self.left.sign_out -= 1;
        let epoch = self.desk.sign_out();
        self.next_era();
        let here = self.token.iter().map(|held| held.record.login);
        let ended = here.chain(self.logins.ledger.map(|record| record.login)).max();
        self.seen.ended = self.seen.ended.max(ended.unwrap_or_default());
        self.logins.ledger = None;
        self.token = None;
        self.logins.out = Some(SignOut { epoch, removed: None });
    }

    fn told(&mut self, scenario: &Scenario) {
        let Some(SignOut { epoch, removed: Some(removed) }) = self.logins.out.take() else { return };
        if self.desk.signed_out(epoch, self.now, PAUSE) {
            self.let_go();
        } else if self.desk.failure().is_some_and(|failure| failure.error == Why::SignedOut) {
            self.seen.era += 1;
            self.seen.quiet_until = self.now.after(PAUSE);
        }
        if scenario.variant == Variant::SignsOutInSilence {
            self.desk.epoch = epoch;
        }
        self.seen.ended = self.seen.ended.max(removed.map_or(0, |record| record.login));
    }

    fn let_go(&mut self) {
        self.desk.forget();
        self.next_era();
        self.logins.ledger = None;
        self.token = None;
    }

    fn put(&mut self) {
        let Some(sign_in) = &mut self.logins.sign_in else { return };
        let Some((before, version)) = sign_in.before else { return };
        if (before, version) == (self.logins.row, self.logins.version) {
            self.logins.row = Some(Record { login: sign_in.login, serial: 0 });
            self.logins.version += 1;
            sign_in.done = true;
        }
        let found = (self.logins.row, self.logins.version);
        match self.logins.row {
            // What was to be replaced is signed out, which had begun before.
            None if sign_in.leaving && !sign_in.done => sign_in.before = Some(found),
            None => self.logins.sign_in = None,
            // Only a refresh of the login that is being replaced came in between.
            Some(row) if before.is_some_and(|before| before.login == row.login) => {
                sign_in.before = Some(found)
            }
            Some(row) => sign_in.put = Some(row),
        }
    }

    fn begin(&mut self, scenario: &Scenario) {
        let Some(SignIn { login, epoch, put: Some(row), .. }) = self.logins.sign_in else { return };
        let begins = self.desk.begin(epoch);
        if !begins && scenario.variant != Variant::BeginsLate {
            if let Some(sign_in) = &mut self.logins.sign_in {
                (sign_in.put, sign_in.overtaken) = (None, true);
            }
            return;
        }
        self.next_era();
        self.logins.ledger = Some(row);
        self.token = None;
        self.publish(row, Kind::Good);
        self.seen.ended = self.seen.ended.max(login.saturating_sub(1));
        self.logins.sign_in = None;
    }

    /// Starts to compare the token with the store.
    pub(super) fn look(&mut self) {
        if self.left.look > 0 && self.logins.look.is_none() {
            self.left.look -= 1;
            self.logins.look = Some(Look { epoch: None, row: None });
        }
    }

    fn look_on(&mut self, scenario: &Scenario) {
        match &mut self.logins.look {
            Some(look @ Look { epoch: None, .. }) => look.epoch = Some(self.desk.epoch()),
            Some(look @ Look { row: None, .. }) => look.row = Some(self.logins.row),
            Some(Look { epoch: Some(epoch), row: Some(row) }) => {
                let (epoch, row) = (*epoch, *row);
                self.logins.look = None;
                self.settle(scenario, epoch, row);
            }
            None => {}
        }
    }

    fn settle(&mut self, scenario: &Scenario, epoch: u32, row: Option<Record>) {
        let unaware = scenario.variant == Variant::AdoptsWhileSigningOut
            && self.desk.epoch() == epoch
            && self.desk.mode() == Mode::SigningOut;
        if !self.desk.may_adopt(epoch) && !unaware || row == self.logins.ledger {
            return;
        }
        self.logins.ledger = row;
        match row {
            None => {
                self.token = None;
                self.desk.fail(self.now, Why::SignedOut, PAUSE);
                self.seen.quiet_until = self.now.after(PAUSE);
            }
            Some(row) => {
                self.desk.adopt();
                self.next_era();
                self.publish(row, Kind::Good);
            }
        }
    }
}
